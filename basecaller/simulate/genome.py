"""Sequences to simulate from: random ones as varied as genomes are, pieces of given genomes, and codes for bases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt

from basecaller.bases import UNKNOWN, Codes, encode, reverse_complement
from basecaller.errors import UsageError


def read_fasta(path: str | Path, rng: np.random.Generator) -> dict[str, Codes]:
    """The sequences of a FASTA file (plain or gzip) by name; ambiguous letters become random bases."""
    import pysam

    contigs: dict[str, Codes] = {}
    try:
        with pysam.FastxFile(str(path)) as handle:
            for record in handle:
                codes = encode(record.sequence or "")
                unknown = codes >= UNKNOWN
                codes[unknown] = rng.integers(0, 4, int(unknown.sum()), dtype=np.uint8)
                contigs[str(record.name)] = codes
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as FASTA ({error})") from None
    contigs = {name: codes for name, codes in contigs.items() if codes.size}
    if not contigs:
        raise UsageError(f"{path}: holds no sequence")
    return contigs


def random_genome(length: int, rng: np.random.Generator, gc: float = 0.5) -> Codes:
    """(length,) a genome of independent bases, fit for assembly: it holds no long repeat."""
    return rng.choice(4, length, p=_composition(gc)).astype(np.uint8)


def diverse_sequence(length: int, rng: np.random.Generator) -> Codes:
    """(length,) a sequence to train on: whatever real genomes hold, a network should have met here.

    A Markov chain of order 2 with its own random transition matrix and composition (GC from 20 to 80 %), so that no
    two sequences share their statistics; sprinkled with homopolymers and short tandem repeats.
    """
    concentration = 10.0 ** rng.uniform(0.5, 2.0)
    table = rng.dirichlet(concentration * _composition(rng.uniform(0.2, 0.8)) + 0.05, 16)
    codes: Codes = _chain(rng.random(length), np.cumsum(table, axis=1)[:, :3], int(rng.integers(16)))
    for _ in range(rng.poisson(length / 400)):
        unit = rng.integers(0, 4, 1 if rng.random() < 0.7 else rng.integers(2, 7), dtype=np.uint8)
        copies = 3 + rng.geometric(0.25) if unit.size == 1 else 2 + rng.geometric(0.3)
        repeat = np.tile(unit, copies)[: max(0, length - 1)]
        at = int(rng.integers(0, max(1, length - repeat.size)))
        codes[at : at + repeat.size] = repeat
    return codes


def _composition(gc: float) -> npt.NDArray[np.float64]:
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


@numba.njit(cache=True, nogil=True)
def _chain(uniform, cumulative, state):  # type: ignore[no-untyped-def]
    """A Markov chain of order 2: bases (L,) out of uniform numbers (L,) and cumulative transitions (16, 3)."""
    codes = np.empty(len(uniform), np.uint8)
    for i in range(len(uniform)):
        base = 0
        while base < 3 and uniform[i] > cumulative[state, base]:
            base += 1
        codes[i] = base
        state = state % 4 * 4 + base
    return codes


def draw_fragment(genomes: Sequence[Codes], length: int, rng: np.random.Generator) -> Codes:
    """(length or fewer,) a stretch of one of the genomes, drawn by size, from either strand."""
    sizes = np.array([genome.size for genome in genomes], float)
    genome = genomes[int(rng.choice(len(genomes), p=sizes / sizes.sum()))]
    start = int(rng.integers(0, max(1, genome.size - length + 1)))
    fragment = genome[start : start + length]
    return reverse_complement(fragment) if rng.random() < 0.5 else fragment.copy()
