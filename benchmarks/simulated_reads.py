"""Simulated reads of slices of a known genome, a case each, for measuring the assembler.

Read lengths are gamma distributed, starts and strands uniform over the circle, errors one third each of substitutions,
insertions and deletions.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
Reads = list[tuple[Codes, Codes]]
Make = Callable[[Codes, np.random.Generator], tuple[dict[str, Codes], Reads]]
LETTERS = np.frombuffer(b"ACGT", np.uint8)


def read_fasta(path: Path) -> str:
    """The first sequence of a FASTA file, upper case."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="ascii") as handle:
        return "".join(line.strip() for line in handle if not line.startswith(">")).upper()


def encode(sequence: str) -> Codes:
    """Bases as 0..3."""
    return np.searchsorted(LETTERS, np.frombuffer(sequence.encode(), np.uint8)).astype(np.uint8)


def add_errors(
    codes: Codes, error: float, rng: np.random.Generator
) -> tuple[Codes, npt.NDArray[np.bool_]]:
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
    genome: Codes, depth: float, error: float, rng: np.random.Generator, mean: float = 8000.0, circular: bool = True,
    least: int = 200,
) -> Reads:
    """(codes, Phred scores) of reads of a circle (a read may go round it more than once) or of a linear piece."""
    reads = []
    left = depth * len(genome)
    while left > 0:
        length = int(rng.gamma(2.0, mean / 2)) + least
        start = int(rng.integers(len(genome)))
        if circular:
            piece = genome[np.arange(start, start + length) % len(genome)]
        else:
            start = int(rng.integers(-length + least, len(genome) - least))
            piece = genome[max(0, start) : start + length]
        left -= len(piece)
        if rng.random() < 0.5:
            piece = 3 - piece[::-1]
        codes, _ = add_errors(piece, error, rng)
        quality = round(-10 * math.log10(error)) if error else 40
        reads.append((codes, np.full(len(codes), quality, np.uint8)))
    return reads


def write_reads(path: Path, reads: Reads) -> None:
    """Write FASTQ, gzip."""
    with gzip.open(path, "wb", compresslevel=1) as handle:
        for i, (codes, quality) in enumerate(reads):
            handle.write(b"@read%d\n%s\n+\n%s\n" % (i, LETTERS[codes].tobytes(), (quality + 33).tobytes()))


@dataclass(frozen=True)
class Case:
    """`make(genome, rng)` gives the true circles by name, and their reads in the order of the file."""

    what: str
    make: Make


def _slice(length: int | None, depth: float, error: float, mean: float = 8000.0) -> Make:
    """The first `length` bases, made a circle."""

    def make(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
        circle = genome[:length]
        return {"genome": circle}, simulate_reads(circle, depth, error, rng, mean)

    return make


def _plasmids(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
    """A chromosome of 1 Mb at 30x and circles of 90, 5 and 2 kb at 1, 10 and 20 times its depth."""
    circles = {"chromosome": genome[:1_000_000]}
    reads = simulate_reads(circles["chromosome"], 30, 0.06, rng)
    for name, start, length, copies in (("p90", 2_000_000, 90_000, 1), ("p5", 2_200_000, 5000, 10),
                                        ("p2", 2_300_000, 2000, 20)):
        circles[name] = genome[start : start + length]
        reads += simulate_reads(circles[name], 30 * copies, 0.06, rng)
    order = rng.permutation(len(reads))
    return circles, [reads[i] for i in order]


def _repeats(mean: float, least: int = 200, longest: int | None = None) -> Make:
    """600 kb with one piece of 5 kb at three places, once inverted; reads cut at `longest`."""

    def make(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
        circle = genome[:600_000].copy()
        piece = genome[1_000_000:1_005_000]
        for place, copy in ((100_000, piece), (290_000, piece), (450_000, 3 - piece[::-1])):
            circle[place : place + 5000] = copy
        reads = simulate_reads(circle, 30, 0.06, rng, mean, least=least)
        return {"genome": circle}, [(c[:longest], q[:longest]) for c, q in reads]

    return make


def _chimeras(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
    """300 kb at 30x; one read in twenty is joined to another, as by ligation."""
    circle = genome[:300_000]
    reads = simulate_reads(circle, 30, 0.06, rng)
    joined = rng.random(len(reads)) < 0.05
    out = []
    for i, (codes, quality) in enumerate(reads):
        if joined[i]:
            other = reads[int(rng.integers(len(reads)))]
            codes, quality = np.concatenate([codes, other[0]]), np.concatenate([quality, other[1]])
        out.append((codes, quality))
    return {"genome": circle}, out


def _short(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
    """100 kb at 30x in reads of 200 bases."""
    circle = genome[:100_000]
    return {"genome": circle}, simulate_reads(circle, 30, 0.06, rng, mean=0.0)


def _first(case: Make, number: int) -> Make:
    """Only the first so many reads of another case."""

    def make(genome: Codes, rng: np.random.Generator) -> tuple[dict[str, Codes], Reads]:
        circles, reads = case(genome, rng)
        return circles, reads[:number]

    return make


CASES = {
    "1mb-3": Case("1 Mb, 30x, 3 % errors", _slice(1_000_000, 30, 0.03)),
    "1mb-6": Case("1 Mb, 30x, 6 % errors", _slice(1_000_000, 30, 0.06)),
    "1mb-10": Case("1 Mb, 30x, 10 % errors", _slice(1_000_000, 30, 0.10)),
    "genome": Case("the whole genome, 30x, 6 % errors", _slice(None, 30, 0.06)),
    "plasmids": Case("1 Mb and plasmids of 90, 5 and 2 kb, 1, 10 and 20 copies", _plasmids),
    "repeats": Case("600 kb, 5 kb at three places, median read below 5 kb, some span", _repeats(5000)),
    "repeats-unspanned": Case("the same, no read spans the 5 kb", _repeats(1500, 2500, 4800)),
    "chimeras": Case("300 kb, 5 % of the reads chimeric", _chimeras),
    "3x": Case("300 kb, 3x", _slice(300_000, 3, 0.06)),
    "500x": Case("100 kb, 500x", _slice(100_000, 500, 0.06)),
    "8x-12": Case("48.5 kb, 8x, 12 % errors", _slice(48_500, 8, 0.12)),
    "short": Case("reads of 200 bases", _short),
    "one": Case("one read", _first(_slice(100_000, 1, 0.06), 1)),
    "apart": Case("reads that do not overlap", _first(_slice(4_000_000, 1, 0.06), 8)),
    "empty": Case("no read at all", _first(_slice(100_000, 1, 0.06), 0)),
}


def write_case(case: Case, genome: Codes, seed: int, folder: Path) -> None:
    """Write `truth.fasta` and `reads.fastq.gz` of one case."""
    circles, reads = case.make(genome, np.random.default_rng(seed))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "truth.fasta").open("w", encoding="ascii") as handle:
        for name, codes in circles.items():
            handle.write(f">{name} circular=true\n{LETTERS[codes].tobytes().decode()}\n")
    write_reads(folder / "reads.fastq.gz", reads)
