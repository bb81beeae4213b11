"""What genes look like in a genome, learnt from its contigs (Baum-Welch), and whether there are enough to go by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.assembly.genes.codons import STOP, TURNED, Usage, expected_usage
from basecaller.assembly.genes.frames import Emission, emission, log_likelihood, weigh
from basecaller.assembly.parallel import run_blocks
from basecaller.bases import Codes, kmers

ROUNDS = 10
KINDS = (-0.08, 0.08)
"""Of genes: by how much the share of G and C that the codons of each are first expected to go by differs from the
genome's. Phages and islands have genes of another kind than most."""
EXPECTED = 200
"""Codons that the expectation counts for."""
EXPECTED_BETWEEN = 500
"""Bases that the whole genome's composition counts for in that of what lies between genes."""
WEIGHT = 0.7
"""What genes say is taken by so much (of its logarithm): neighbouring codons are not independent."""
LEAST_GAIN, LEAST_GAIN_IN_ALL = 0.007, 30.0
"""By how much (natural logarithm) a contig must be likelier with genes than without, so that they are gone by: for each
base, and as much again whatever its length. Bacteria, phages and viruses have 0.014 to 0.043 a base, human and random
sequence -0.009 to 0.0002, but short pieces of it 0.017 now and then."""


class Piece(NamedTuple):
    """Part of a contig."""

    codes: Codes
    """(n,) 0..3."""
    odds: npt.NDArray[np.float64]
    """(n, 11) of the edits at each base by what the reads say, 0 where they are not open; see assembly/edit.py."""


class Genes(NamedTuple):
    """What was learnt."""

    told: Emission
    plain: Emission
    """The same without genes."""


def learn(pieces: Sequence[Piece], threads: int = 1) -> Genes:
    """Genes of the genome that these are pieces of."""

    def counted(n: int, _: int) -> npt.NDArray[np.float64]:
        counts: npt.NDArray[np.float64] = weigh(*pieces[n], told)[1]
        return counts

    each = [(n, n + 1) for n in range(len(pieces))]
    words = sum(np.bincount(kmers(piece.codes, 3), minlength=64) for piece in pieces) + np.ones(64)
    words = (words + words[TURNED]) / 2
    gc = float(words.reshape(4, 16).sum(axis=1)[1:3].sum() / words.sum())
    plain = _after_two(words)
    expected = [expected_usage(float(np.clip(gc + shift, 0.2, 0.8))) for shift in KINDS]
    usages, between = expected, plain
    for _ in range(ROUNDS):
        told = emission(usages, between, WEIGHT)
        counts = np.sum(run_blocks(counted, each, threads), axis=0)
        between = _after_two(counts[0] + counts[0][TURNED] + EXPECTED_BETWEEN / words.sum() * words)
        usages = [_usage(count, prior) for count, prior in zip(counts[1:], expected, strict=True)]
    return Genes(emission(usages, between, WEIGHT), emission([], plain, WEIGHT))


def gain(piece: Piece, genes: Genes) -> float:
    """By how much (natural logarithm) it is likelier with genes than without."""
    return float(log_likelihood(*piece, genes.told) - log_likelihood(*piece, genes.plain))


def _after_two(words: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(16, 4) how likely each base is after each two, from the counts of three (64,)."""
    table = words.reshape(16, 4)
    share: npt.NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return share


def _usage(counts: npt.NDArray[np.float64], expected: Usage) -> Usage:
    """How often each codon occurs, by counts (64,) and what was expected; stop codons as expected."""
    usage = np.where(STOP, 0.0, counts + EXPECTED * expected)
    usage *= (1 - expected[STOP].sum()) / usage.sum()
    usage[STOP] = expected[STOP]
    return usage
