"""Simulated reads of known genomes for measuring the assembler (`simulate`).

    python benchmarks/assembly.py simulate GENOME.fa OUT_FOLDER --start 0 --length 1000000 --error 0.06 --depth 30

writes `truth.fasta` (the slice, taken as a circle) and `reads.fastq.gz`: read lengths are gamma distributed, starts
and strands uniform over the circle, errors one third each of substitutions, insertions and deletions.
"""

from __future__ import annotations

import argparse
import gzip
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

LETTERS = np.frombuffer(b"ACGT", np.uint8)


def read_fasta(path: Path) -> str:
    """The first sequence of a FASTA file, upper case."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="ascii") as handle:
        return "".join(line.strip() for line in handle if not line.startswith(">")).upper()


def encode(sequence: str) -> npt.NDArray[np.uint8]:
    """Bases as 0..3."""
    return np.searchsorted(LETTERS, np.frombuffer(sequence.encode(), np.uint8)).astype(np.uint8)


def add_errors(
    codes: npt.NDArray[np.uint8], error: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Substitutions, insertions and deletions, `error / 3` each per base; which bases of the result are wrong."""
    draw = rng.random(len(codes))
    third = error / 3
    substituted = draw < third
    deleted = (draw >= third) & (draw < 2 * third)
    inserted = (draw >= 2 * third) & (draw < error)
    codes = np.where(substituted, (codes + rng.integers(1, 4, len(codes), dtype=np.uint8)) % 4, codes).astype(np.uint8)
    copies = np.where(deleted, 0, np.where(inserted, 2, 1))
    out = np.repeat(codes, copies)
    wrong = np.repeat(substituted, copies)
    at = np.cumsum(copies)[inserted] - 1
    out[at] = rng.integers(0, 4, len(at), dtype=np.uint8)
    wrong[at] = True
    return out, wrong


def simulate_reads(
    genome: npt.NDArray[np.uint8], depth: float, error: float, rng: np.random.Generator, mean: float = 8000.0,
    circular: bool = True,
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """(codes, Phred scores) of reads of a circle (a read may go round it more than once) or of a linear piece."""
    reads = []
    left = depth * len(genome)
    while left > 0:
        length = int(rng.gamma(2.0, mean / 2)) + 200
        start = int(rng.integers(len(genome)))
        if circular:
            piece = genome[np.arange(start, start + length) % len(genome)]
        else:
            start = int(rng.integers(-length + 200, len(genome) - 200))
            piece = genome[max(0, start) : start + length]
        left -= len(piece)
        if rng.random() < 0.5:
            piece = 3 - piece[::-1]
        codes, _ = add_errors(piece, error, rng)
        quality = round(-10 * math.log10(error)) if error else 40
        reads.append((codes, np.full(len(codes), quality, np.uint8)))
    return reads


def write_reads(path: Path, reads: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]) -> None:
    """Write FASTQ, gzip."""
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for i, (codes, quality) in enumerate(reads):
            handle.write(b"@read%d\n%s\n+\n%s\n" % (i, LETTERS[codes].tobytes(), (quality + 33).tobytes()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    simulate = verbs.add_parser("simulate")
    simulate.add_argument("genome", type=Path)
    simulate.add_argument("out", type=Path)
    simulate.add_argument("--start", type=int, default=0)
    simulate.add_argument("--length", type=int, default=1_000_000)
    simulate.add_argument("--error", type=float, default=0.06)
    simulate.add_argument("--depth", type=float, default=30)
    simulate.add_argument("--mean", type=float, default=8000)
    simulate.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    sequence = read_fasta(args.genome)[args.start : args.start + args.length]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "truth.fasta").write_text(f">truth circular=true\n{sequence}\n", encoding="ascii")
    write_reads(args.out / "reads.fastq.gz", simulate_reads(encode(sequence), args.depth, args.error, rng, args.mean))


if __name__ == "__main__":
    main()
