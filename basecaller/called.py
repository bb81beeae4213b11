"""Called reads as files hold them, ours or another caller's: FASTA, FASTQ, SAM, BAM or CRAM, told by their content."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pysam

from basecaller.bases import Codes, encode
from basecaller.errors import ReadError, UsageError
from basecaller.packed import open_unpacked


class NoMoves(UsageError):
    """A call has no move table, or one that does not fit its bases (cut since by a tool that knows nothing of them)."""


_SAM_HEADER_LINES = (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")


@dataclass(frozen=True, slots=True, eq=False)
class CalledRead:
    """A read as a basecaller wrote it."""

    name: str
    sequence: str
    qualities: npt.NDArray[np.uint8] | None
    """(L,) uint8 Phred scores, None where the file holds none (FASTA)."""
    tags: dict[str, Any] = field(default_factory=dict)
    """SAM tags, where they were asked for: from a FASTQ's header too, if it has them as `samtools fastq -T` writes."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A call with the place of each of its bases in the signal."""

    read_id: str
    bases: Codes
    """(L,) 0..3."""
    starts: npt.NDArray[np.int32]
    """(L,) first sample of each base, counted from the start of the untrimmed read."""
    end: int
    """The sample after the last base's last."""
    mean_qscore: float


def read_calls(path: str | Path, *, tags: bool = False) -> Iterator[CalledRead]:
    """The reads of a file (FASTA and FASTQ may be gzipped), in stored order and as they were called.

    Secondary and supplementary records and records without bases are passed over. A file that is missing is a
    `UsageError`, one that is cut short or malformed, or holds no reads by its kind, a `ReadError`.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such file of called reads")
    try:
        head = _head(path)
        if not head:
            return
        if head == b"CRAM" or head == b"BAM\1" or head in _SAM_HEADER_LINES:
            yield from _alignments(path, tags)
        elif head[:1] in b">@":
            yield from _fastx(path, tags)
        else:
            raise ValueError("not FASTA, FASTQ, SAM, BAM or CRAM")
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ReadError(f"cannot be read as called reads ({error})", path) from None


def read_moves(path: str | Path, *, every: bool = False) -> Iterator[Moved]:
    """The calls of a BAM, SAM or FASTQ file that carry move tables (`mv`, `ts`).

    `NoMoves` when none does or, with `every`, when one does not, and when a table does not fit its call.
    """
    found = False
    for read in read_calls(path, tags=True):
        if "mv" not in read.tags:
            if every:
                raise NoMoves(f"{path}: the call of {read.name} holds no move table")
            continue
        found = True
        table = np.asarray(read.tags["mv"], dtype=np.int64)
        steps = np.flatnonzero(table[1:])
        if len(steps) != len(read.sequence):
            raise NoMoves(f"{path}: the move table of {read.name} does not fit its sequence")
        first, stride = int(read.tags.get("ts", 0)), int(table[0])
        yield Moved(read.name, encode(read.sequence), (first + stride * steps).astype(np.int32),
                    first + stride * (len(table) - 1), float(read.tags.get("qs", 0)))
    if not found:
        raise NoMoves(f"{path}: holds no call with a move table (`basecall -o calls.bam` writes them)")


def called_header(path: str | Path) -> dict[str, Any]:
    """The header of a SAM, BAM or CRAM file as pysam gives it; empty for files of other kinds or none."""
    try:
        with pysam.AlignmentFile(str(path), check_sq=False) as handle:
            header: dict[str, Any] = handle.header.to_dict()
    except (OSError, ValueError):
        return {}
    return header


def models_of(header: dict[str, Any]) -> list[str]:
    """The models that a header's read groups name (`basecall_model=` in DS), sorted."""
    return sorted({
        word.removeprefix("basecall_model=")
        for group in header.get("RG", [])
        for word in str(group.get("DS", "")).split()
        if word.startswith("basecall_model=")
    })


def _head(path: Path) -> bytes:
    """The first four bytes, unpacked."""
    with open_unpacked(path) as handle:
        return handle.read(4)


def _alignments(path: Path, tags: bool) -> Iterator[CalledRead]:
    with pysam.AlignmentFile(str(path), check_sq=False) as handle:
        for record in handle.fetch(until_eof=True):
            sequence = record.get_forward_sequence()
            if sequence and not record.is_secondary and not record.is_supplementary:
                qualities = record.get_forward_qualities()
                yield CalledRead(
                    record.query_name, sequence, None if qualities is None else np.array(qualities, dtype=np.uint8),
                    dict(record.get_tags()) if tags else {},
                )


def _fastx(path: Path, tags: bool) -> Iterator[CalledRead]:
    with pysam.FastxFile(str(path)) as handle:
        for record in handle:
            if not record.sequence:
                continue
            quality = record.quality
            yield CalledRead(
                record.name, record.sequence.upper(),
                None if quality is None else np.frombuffer(quality.encode(), dtype=np.uint8) - 33,
                _header_tags(record.comment or "") if tags else {},
            )


def _header_tags(comment: str) -> dict[str, Any]:
    """`name:type:value` fields, parted by tabs (SAM specification, section 1.5); anything else is passed over."""
    found: dict[str, Any] = {}
    for text in comment.split("\t"):
        name, _, rest = text.partition(":")
        kind, _, value = rest.partition(":")
        if len(name) != 2 or not value:
            continue
        try:
            if kind == "i":
                found[name] = int(value)
            elif kind == "f":
                found[name] = float(value)
            elif kind == "B":
                found[name] = np.array([float(x) if value[0] == "f" else int(x) for x in value.split(",")[1:]])
            elif kind in ("Z", "A"):
                found[name] = value
        except ValueError:
            continue
    return found
