"""Which files hold reads: told by their first bytes, found in folders in a stable order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from basecaller.errors import ReadError, UsageError
from basecaller.packed import GZIP

SUFFIXES = (".fast5", ".pod5", ".slow5", ".blow5")

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
MAGIC = {HDF5_MAGIC: "fast5", b"\x8bPOD\r\n\x1a\n": "pod5", b"BLOW5\x01": "slow5", b"#slow5_version": "slow5"}

PACKED = {GZIP: "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def detect(path: Path) -> str:
    """The format of a file: `fast5`, `pod5` or `slow5` (which covers BLOW5).

    Raises `ReadError` naming what it is instead, `OSError` where it cannot be opened.
    """
    if not path.is_file():  # a pipe or device could block for ever
        raise ReadError("is not a regular file" if path.exists() else "is missing, or a broken link", path)
    with path.open("rb") as handle:
        head = handle.read(1024 + len(HDF5_MAGIC))
    if not head:
        raise ReadError("is empty (0 bytes)", path)
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return kind
    if any(head.startswith(HDF5_MAGIC, block) for block in (512, 1024)):  # HDF5 may follow a user block
        return "fast5"
    for magic, name in PACKED.items():
        if head.startswith(magic):
            raise ReadError(f"is a {name} file: unpack it first", path)
    raise ReadError("is not a FAST5, POD5, SLOW5 or BLOW5 file", path)


def find_files(paths: Iterable[Path], recursive: bool) -> Iterator[str]:
    """The files named, and those with reads in the folders named (sorted by path), each once.

    Raises `UsageError` for a path that does not exist.
    """
    seen: set[object] = set()
    for path in paths:
        if not os.path.lexists(path):
            near = get_close_matches(path.name, _siblings(path), n=1)
            raise UsageError(f"no file or folder {path}" + (f"; did you mean {path.parent / near[0]}?" if near else ""))
        for file in _walk(path, recursive) if path.is_dir() else (str(path),):
            identity = _identity(file)
            if identity not in seen:
                seen.add(identity)
                yield file


def _identity(file: str) -> object:
    """The same for all names of one file."""
    try:
        status = Path(file).stat()
    except OSError:
        return file
    return status.st_dev, status.st_ino


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _walk(folder: Path, recursive: bool) -> list[str]:
    """Files with reads below `folder`, hidden ones left out; linked folders are followed, but none twice."""
    found: list[str] = []
    visited: set[object] = set()
    for top, folders, names in os.walk(folder, followlinks=True):
        identity = _identity(top)
        if identity in visited:
            folders.clear()
            continue
        visited.add(identity)
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        found += (str(path) for path in (Path(top, name) for name in names if not name.startswith("."))
                  if _holds_reads(path))
    return sorted(found)


def _holds_reads(path: Path) -> bool:
    """Whether a file met in a folder is meant as a read file: by its suffix, else by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        detect(path)
    except (ReadError, OSError):
        return False
    return True
