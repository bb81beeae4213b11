"""`compare.py RESULTS RESULTS`: fails unless both runs hold the same reads, in the same order, and the same contigs."""

from __future__ import annotations

import sys
from pathlib import Path

import pysam


def reads(results: Path) -> list[str]:
    """Every record with all its tags, but the name of the raw file's folder."""
    with pysam.AlignmentFile(str(results / "calls.bam"), check_sq=False) as bam:
        return [record.to_string() for record in bam]


def contigs(results: Path) -> list[tuple[str, str]]:
    """Name and sequence of every contig."""
    with pysam.FastxFile(str(results / "assembly" / "contigs.fasta")) as fasta:
        return [(record.name, record.sequence) for record in fasta]


def main() -> None:
    one, other = map(Path, sys.argv[1:])
    for what in (reads, contigs):
        if not what(one):
            sys.exit(f"{one}: no {what.__name__}")
        if what(one) != what(other):
            sys.exit(f"{one} and {other} differ in their {what.__name__}")
        print(f"{len(what(one))} {what.__name__}, the same in both")


if __name__ == "__main__":
    main()
