"""HDF5 without trust: follow links inside the file only, look at small attributes only, read bounded datasets only.

An external link, external raw storage or a virtual dataset could point at another file; a loop of links at nothing;
a declared size at more memory than there is.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.reads.check import check_length

H5PY_ERRORS = (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError)
"""What h5py raises for damaged bytes."""

MAX_LINKS = 8
"""Soft links followed to reach one object."""

MAX_ATTRIBUTE = 1 << 16
"""Bytes of an attribute that is looked at; ours are names and numbers."""

TRUNCATED = re.compile(r"truncated file: eof = (\d+), .*stored_eof = (\d+)")
"""What HDF5 says of a file that is shorter than its header declares."""

VBZ = 32020
"""HDF5's registered number of Oxford Nanopore's VBZ filter."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[tuple[h5py.File, str]]:
    """Open a file for reading, with the VBZ filter at hand; the file, and how it is cut short (empty if it is not).

    HDF5 refuses a file that is shorter than it says; here what lies before the cut can be read.
    Raises `OSError` where HDF5 cannot open it.
    """
    load_vbz()
    with ExitStack() as stack:
        try:
            file, damage = stack.enter_context(h5py.File(path, "r", locking=False)), ""
        except OSError as error:
            lengths = TRUNCATED.search(str(error))
            if lengths is None:
                raise
            actual, declared = (int(length) for length in lengths.groups())
            rest = stack.enter_context(path.open("rb"))
            file = stack.enter_context(h5py.File(_CutShort(rest, declared), "r"))
            damage = f"is cut short: {actual} of {declared} bytes are there"
        yield file, damage


class _CutShort(io.RawIOBase):
    """A file that claims its declared length, and fails where bytes that are not there are read."""

    def __init__(self, handle: BinaryIO, declared: int) -> None:
        self._handle = handle
        self._declared = declared

    def tell(self) -> int:
        return self._handle.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._handle.seek(self._declared + offset)
        return self._handle.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = self._handle.read(len(buffer))
        if len(data) < len(buffer):
            raise OSError("the file is cut short before this")
        buffer[:] = data
        return len(data)


def member(group: h5py.Group, path: str, links: int = MAX_LINKS) -> h5py.Group | h5py.Dataset | None:
    """The object at `path` (`a/b/c`) below `group`, None where there is none.

    Soft links are followed here, step by step, as HDF5 itself would follow one through an external link.
    Raises `ReadError` for a link out of the file or too long a chain of links.
    """
    found: h5py.Group | h5py.Dataset | None = group.file["/"] if path.startswith("/") else group
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if not isinstance(found, h5py.Group) or not found.id.links.exists(name.encode()):
            return None
        kind = found.id.links.get_info(name.encode()).type
        if kind == h5py.h5l.TYPE_HARD:
            found = found[name]
        elif kind == h5py.h5l.TYPE_SOFT:
            if links <= 0:
                raise ReadError(f"follows more than {MAX_LINKS} links to {path!r}")
            links -= 1
            found = member(found, found.id.links.get_val(name.encode()).decode(), links)
        else:
            raise ReadError(f"{name!r} is a link to outside the file, which is not followed")
    return found


def subgroup(group: h5py.Group, path: str) -> h5py.Group | None:
    """The group at `path` below `group`, None where there is none."""
    found = member(group, path)
    return found if isinstance(found, h5py.Group) else None


def tags(group: h5py.Group, path: str) -> h5py.Group | None:
    """The group at `path`, which a read can do without: None also where it is damaged or outside the file."""
    try:
        return subgroup(group, path)
    except (ReadError, *H5PY_ERRORS):
        return None


def attribute(item: h5py.Group | None, name: str) -> Any:
    """An attribute's value, None where it is missing or unreadable; an enum value by its name."""
    if item is None:
        return None
    try:
        handle = h5py.h5a.open(item.id, name.encode())  # item.attrs does the same at three times the cost
        if handle.get_storage_size() > MAX_ATTRIBUTE:
            return None
        value = np.empty(handle.shape, handle.dtype)
        handle.read(value)
        names = h5py.check_enum_dtype(handle.dtype)
    except H5PY_ERRORS:
        return None
    if names:
        return next((label for label, code in names.items() if code == value), value)
    return value


def signal(dataset: h5py.Dataset) -> npt.NDArray[np.int16]:
    """A dataset of raw signal, (S,) int16. Raises `ReadError` where it is none, or declares more than it holds."""
    if dataset.external is not None or dataset.is_virtual:
        raise ReadError("its signal lies in another file, which is not opened")
    if dataset.ndim != 1 or dataset.dtype.kind not in "iu":
        raise ReadError(f"its signal is {dataset.ndim}-dimensional {dataset.dtype}, not a row of integers")
    samples, stored = int(dataset.shape[0]), int(dataset.id.get_storage_size())
    filters = dataset.id.get_create_plist().get_nfilters()
    check_length(samples, stored if filters else stored // dataset.dtype.itemsize)
    if not filters and samples * dataset.dtype.itemsize > stored:
        raise ReadError(f"declares {samples} samples but holds {stored} bytes of signal")
    for size in dataset.chunks or ():
        check_length(size)
    values = dataset[()]
    if dataset.dtype.itemsize > 2 or dataset.dtype.kind == "u":
        limits = np.iinfo(np.int16)
        if values.min() < limits.min or values.max() > limits.max:
            raise ReadError("its signal does not fit 16 bits")
    return np.ascontiguousarray(values, dtype=np.int16)


def missing_filter(dataset: h5py.Dataset) -> str:
    """Why the dataset's compression cannot be undone here; empty where it can."""
    plist = dataset.id.get_create_plist()
    for code, _, _, name in (plist.get_filter(i) for i in range(plist.get_nfilters())):
        if not h5py.h5z.filter_avail(code):
            label = name.decode("utf-8", "replace") or f"filter {code}"
            return f"is compressed with {label}, for which this machine has no HDF5 plugin"
    return ""


@cache
def load_vbz() -> None:
    """Tell HDF5 where ont-fast5-api keeps the VBZ filter (found without importing it, which is slow)."""
    spec = importlib.util.find_spec("ont_fast5_api")
    if not h5py.h5z.filter_avail(VBZ) and spec is not None and spec.submodule_search_locations:
        h5py.h5pl.prepend(str(Path(spec.submodule_search_locations[0]) / "vbz_plugin").encode())
