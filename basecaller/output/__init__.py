"""Called reads as files: FASTQ, SAM, BAM and CRAM through one interface, and the sequencing summary.

    kept = recover("calls.bam") & recover("summary.tsv")          # only to continue an interrupted run
    with open_writer("calls.bam", header=OutputHeader(command="..."), keep=kept or None) as writer:
        writer.write(call)
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from basecaller.errors import UsageError
from basecaller.output import bam, beside, fastq, summary
from basecaller.output.align import Hit, Reference
from basecaller.output.bam import BamWriter
from basecaller.output.beside import partial_path
from basecaller.output.fastq import FastqWriter
from basecaller.output.record import OutputHeader, record_name
from basecaller.output.summary import SummaryWriter, settings_of
from basecaller.output.writer import STDOUT, Writer

__all__ = ["Hit", "OutputHeader", "Reference", "SummaryWriter", "Writer", "format_of", "open_writer", "partial_path",
           "record_name", "recover", "settings_of", "split_name"]

SUFFIXES = {
    ".fastq": "fastq",
    ".fq": "fastq",
    ".fastq.gz": "fastq.gz",
    ".fq.gz": "fastq.gz",
    ".sam": "sam",
    ".bam": "bam",
    ".cram": "cram",
}
FORMATS = ("fastq", "fastq.gz", "sam", "bam", "cram")
_TABLES = (".tsv", ".txt")


def format_of(path: str | Path) -> str:
    """The format that an output's name asks for; FASTQ on standard output (`-`). `UsageError` for another name."""
    name = Path(path).name.lower()
    if str(path) == STDOUT:
        return "fastq"
    for suffix, fmt in SUFFIXES.items():
        if name.endswith(suffix):
            return fmt
    raise UsageError(f"{path}: the name must end in one of {', '.join(SUFFIXES)}")


def split_name(path: str | Path) -> tuple[str, str]:
    """(`calls`, `.fastq.gz`) of a path to `calls.fastq.gz`."""
    path = Path(path)
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)], path.name[-len(suffix) :]
    return path.stem, path.suffix


def open_writer(
    path: str | Path,
    fmt: str | None = None,
    *,
    header: OutputHeader,
    reference: Reference | None = None,
    moves: bool | None = None,
    keep: Collection[str] | None = None,
) -> Writer:
    """A writer for `path` (`-` for standard output), to be used as a context manager.

    `fmt`: one of `FORMATS`; by default what the name says. `reference`: for aligned SAM, BAM and CRAM; the hits are
    given to `Writer.write`. `moves`: whether the move table is written, by default in SAM, BAM and CRAM only. `keep`:
    names of reads (`recover`) to take over from an interrupted run's partial file; None starts afresh.
    """
    fmt = fmt or format_of(path)
    if fmt in ("fastq", "fastq.gz"):
        return FastqWriter(path, compress=fmt == "fastq.gz", moves=bool(moves), keep=keep)
    if fmt == "cram" and reference is None:
        raise UsageError(f"{path}: CRAM needs a reference (--reference); write BAM instead")
    if fmt in ("sam", "bam", "cram"):
        return BamWriter(path, fmt, header, reference=reference, moves=moves is not False, keep=keep)
    raise UsageError(f"unknown output format {fmt!r} (one of {', '.join(FORMATS)})")


def recover(path: str | Path) -> frozenset[str]:
    """Names (`record_name`) of the reads whose records an interrupted run left whole beside the output `path`.

    Whatever the partial file looks like after a kill, a full disk or a power cut, all before the damage is found;
    nothing is changed on disk. Empty when there is nothing to continue. `path` may be that of a summary (.tsv, .txt).
    """
    left = beside.leftover(path)
    if left is None:
        return frozenset()
    if Path(path).suffix.lower() in _TABLES:
        return frozenset(name for name, _ in summary.whole_rows(left))
    if format_of(path).startswith("fastq"):
        return frozenset(name for name, _ in fastq.whole_records(left))
    _, records = bam.whole_records(left)
    return frozenset(record.query_name for record in records if not record.is_supplementary)
