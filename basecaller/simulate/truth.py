"""A simulated run on disk: raw files, and the truth about them beside."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from basecaller.bases import Codes, decode
from basecaller.simulate.run import SimulatedRead

WIDTH = 80
"""Bases in a line of FASTA."""


def write_run(
    reads: Iterable[SimulatedRead], folder: Path, kind: Literal["fast5", "pod5"]
) -> tuple[int, int, int]:
    """Write a run's raw files, `truth.fasta` and `truth.tsv` into a folder; returns its reads, bases and samples."""
    from basecaller.simulate.write_fast5 import Fast5Writer
    from basecaller.simulate.write_pod5 import Pod5Writer

    folder.mkdir(parents=True, exist_ok=True)
    count = bases = samples = 0
    writer = Fast5Writer(folder) if kind == "fast5" else Pod5Writer(folder)
    with (writer, (folder / "truth.fasta").open("w", encoding="utf-8") as fasta,
          (folder / "truth.tsv").open("w", encoding="utf-8") as table):
        print("read_id", "contig", "start", "end", "strand", sep="\t", file=table)
        for simulated in reads:
            read_id, origin = simulated.read.read_id, simulated.origin
            writer.write(simulated.read)
            print(f">{read_id}\n{decode(simulated.codes)}", file=fasta)
            print(read_id, origin.contig, origin.start, origin.end, origin.strand, sep="\t", file=table)
            count, bases = count + 1, bases + len(simulated.codes)
            samples += simulated.read.info.num_samples
    return count, bases, samples


def write_genome(contigs: dict[str, Codes], circular: bool, path: Path) -> None:
    """Write the genome as FASTA."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        for name, codes in contigs.items():
            print(f">{name} circular={'true' if circular else 'false'}", file=handle)
            sequence = decode(codes)
            for i in range(0, len(sequence), WIDTH):
                print(sequence[i : i + WIDTH], file=handle)
