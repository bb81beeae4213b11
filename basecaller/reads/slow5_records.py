"""Cut a SLOW5 or BLOW5 file into its records without decoding them, so that one bad record costs only itself.

Layout from the SLOW5 specification 1.0.0: SLOW5 is lines, those of the header starting with `#` or `@`. BLOW5 is a
64-byte file header, the length of the text header (uint32) and that header, records of uint64 length each, `5WOLB`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from basecaller.errors import ReadError
from basecaller.reads.metadata import text

BLOW5_MAGIC = b"BLOW5\x01"
BLOW5_END = b"5WOLB"
HEADER_LENGTH = struct.Struct("<64xI")
RECORD_LENGTH = struct.Struct("<Q")

MAX_HEADER = 1 << 26
"""Bytes of text header that are believed (thousands of read groups)."""


def suffix(path: Path) -> str:
    """`.blow5` or `.slow5`, by content."""
    with path.open("rb") as handle:
        return ".blow5" if handle.read(len(BLOW5_MAGIC)) == BLOW5_MAGIC else ".slow5"


def cut(path: Path) -> Iterator[bytes]:
    """The header, then each record, as stored. Raises `ReadError` where the file ends within one."""
    with path.open("rb") as handle:
        yield from _cut_blow5(handle) if suffix(path) == ".blow5" else _cut_slow5(handle)


def _cut_blow5(handle: BinaryIO) -> Iterator[bytes]:
    left = os.fstat(handle.fileno()).st_size - HEADER_LENGTH.size
    head = handle.read(HEADER_LENGTH.size)
    size = HEADER_LENGTH.unpack(head)[0] if left >= 0 else MAX_HEADER
    if size > min(left, MAX_HEADER):
        raise ReadError("is cut short within its header")
    yield head + handle.read(size)
    left -= size
    while left >= RECORD_LENGTH.size:
        length = handle.read(RECORD_LENGTH.size)
        left -= RECORD_LENGTH.size
        size = RECORD_LENGTH.unpack(length)[0]
        if size > left:
            raise ReadError("is cut short, or damaged, within a record")
        yield length + handle.read(size)
        left -= size
    if handle.read(left) != BLOW5_END:
        raise ReadError("is cut short: its end marker is missing")


def _cut_slow5(handle: BinaryIO) -> Iterator[bytes]:
    header = b""
    for line in handle:
        if not line.startswith((b"#", b"@")) or len(header) > MAX_HEADER:
            break
        header += line
    yield header
    handle.seek(len(header))
    for line in handle:
        if not line.endswith(b"\n"):
            raise ReadError("is cut short within a record")
        yield line


def name(record: bytes, kind: str) -> str:
    """The read id of a stored record, empty where the record is compressed."""
    return text(record.partition(b"\t")[0]) if kind == ".slow5" else ""


@contextmanager
def alone(header: bytes, record: bytes, kind: str) -> Iterator[Path]:
    """A temporary file that holds just one record."""
    with TemporaryDirectory(prefix="basecaller-") as folder:
        path = Path(folder, "record" + kind)
        path.write_bytes(header + record + (BLOW5_END if kind == ".blow5" else b""))
        yield path
