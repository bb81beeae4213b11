"""FASTQ, plain or gzip: the header line carries the SAM tags as tab-separated comments.

The line is the one that `samtools fastq -T '*'` gives for the same read in BAM, so that `minimap2 -y`, `samtools import
-T '*'` and others find the metadata again. A gzip file is a series of members, each complete by itself: a killed run
loses at most the last.
"""

from __future__ import annotations

import gzip
import io
import sys
import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pysam

from basecaller.decode.call import Call
from basecaller.output import beside
from basecaller.output.align import Hit
from basecaller.output.record import unaligned
from basecaller.output.writer import Writer
from basecaller.packed import GZIP

MEMBER_BYTES = 1 << 20
"""Uncompressed bytes after which a gzip member is closed."""
MEMBER_SECONDS = 5.0
"""Age after which a gzip member is closed at the next read."""

_READ_BYTES = 1 << 18
_NO_HEADER = pysam.AlignmentHeader()


def fastq_record(call: Call, *, moves: bool = False) -> bytes:
    """The four lines of a read; the move table only when asked for, as it triples the size."""
    fields = unaligned(call, _NO_HEADER, moves=moves).to_string().split("\t")
    title = "\t".join([fields[0], *fields[11:]])
    qualities = fields[10] if call.sequence else ""
    return f"@{title}\n{call.sequence}\n+\n{qualities}\n".encode("ascii")


class FastqWriter(Writer):
    """Writes `fastq_record`s to a file or to standard output."""

    def __init__(
        self, path: str | Path, *, compress: bool, moves: bool = False, keep: Collection[str] | None = None
    ) -> None:
        super().__init__(path, keep)
        self._compress = compress
        self._moves = moves
        self._handle: BinaryIO = sys.stdout.buffer
        self._pending = bytearray()
        self._flushed = time.monotonic()

    def _start(self, previous: Path | None, keep: frozenset[str]) -> None:
        if not self.stdout:
            self._handle = self.partial.open("wb")
        if previous is not None:
            for name, record in whole_records(previous):
                if name in keep:
                    self._append(record)
                    self.count += 1
            self._flush()

    def _write(self, call: Call, hits: Sequence[Hit]) -> None:
        self._append(fastq_record(call, moves=self._moves))

    def _append(self, record: bytes) -> None:
        if not self._compress:
            self._handle.write(record)
            self._handle.flush()
            return
        self._pending += record
        if len(self._pending) >= MEMBER_BYTES or time.monotonic() - self._flushed >= MEMBER_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._handle.write(gzip.compress(self._pending, compresslevel=6, mtime=0))
            self._pending.clear()
        self._handle.flush()
        self._flushed = time.monotonic()

    def _stop(self) -> None:
        self._flush()
        if not self.stdout:
            self._handle.close()

    def _finish(self) -> None:
        if self._compress and not self.count:
            self._handle.write(gzip.compress(b"", mtime=0))
        self._stop()
        if not self.stdout:
            beside.publish(self.partial, self.path)


def whole_records(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, record) of every whole record of a FASTQ file, gzip or not, up to where it is cut off or damaged."""
    with path.open("rb") as handle:
        if handle.read(2) == GZIP:
            handle.seek(0)
            for member in _whole_members(handle):
                yield from _records(io.BytesIO(member))
        else:
            handle.seek(0)
            yield from _records(handle)


def _whole_members(handle: BinaryIO) -> Iterator[bytes]:
    """The content of the gzip members that are complete: what a cut one unpacks to is not covered by its checksum."""
    unpack, content = zlib.decompressobj(wbits=31), bytearray()
    while packed := handle.read(_READ_BYTES):
        while packed:
            try:
                content += unpack.decompress(packed)
            except zlib.error:
                return
            packed = unpack.unused_data
            if unpack.eof:
                yield bytes(content)
                unpack, content = zlib.decompressobj(wbits=31), bytearray()


def _records(handle: BinaryIO) -> Iterator[tuple[str, bytes]]:
    while True:
        lines = [handle.readline() for _ in range(4)]
        if not _is_whole(lines):
            return
        yield lines[0][1:].split()[0].decode("ascii"), b"".join(lines)


def _is_whole(lines: list[bytes]) -> bool:
    title, sequence, plus, qualities = lines
    return (
        qualities.endswith(b"\n")
        and title.startswith(b"@")
        and len(title.split()) > 0
        and len(title.split()[0]) > 1
        and title.isascii()
        and plus == b"+\n"
        and len(sequence) == len(qualities)
    )
