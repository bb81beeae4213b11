"""What genes have to say of the edits of contigs that reads leave open.

A base too many or too few in a gene shifts its reading frame: from there on the codons are those of no gene, and soon
one of them is a stop. A caller's errors are mostly such, in runs of equal bases where the signal says little; which of
two lengths makes a gene of what stands there says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDGE, EDITS
from basecaller.assembly.genes.frames import weigh
from basecaller.assembly.genes.learn import LEAST_GAIN, LEAST_GAIN_IN_ALL, Genes, Piece, gain, learn
from basecaller.assembly.parallel import run_blocks

OPEN = -9.0
"""Edits that are worse than this by the reads (natural logarithm) are not open."""
FLOOR, TWO_READS_FLOOR = -6.0, -5.0
"""What the reads say against an open edit is no more than this: they are mistaken together now and then. Of 2,136 open
edits worse than -6, 4 were right, and where two reads lie 75 of 7,916 (*E. coli*, nine contigs of some reads each)."""
BLOCK = 40_000
"""Bases that are weighed at once ..."""
AROUND = 2_000
"""... and how many more on each side: two genes."""
MOST_LEARNT = 300_000
"""Bases that genes are learnt from."""
Scores = npt.NDArray[np.float64]
"""(L, 11) by how much a contig is likelier with each edit (natural logarithm); see assembly/edit.py."""
Chances = npt.NDArray[np.float32]
"""(L, 11) how likely each edit is by reads and genes together."""


@dataclass(frozen=True, eq=False)
class Said:
    """A contig and what its reads say."""

    contig: Contig
    scores: Scores
    reads: npt.NDArray[np.int64]
    """(L,) how many lie over each base."""


@dataclass(frozen=True, eq=False)
class Witness:
    """Genes, and which of the contigs have enough of them to go by."""

    genes: Genes
    gone_by: tuple[bool, ...]

    def chances(self, said: Sequence[Said], threads: int = 1) -> list[Chances | None]:
        """Of the contigs that are gone by."""
        return [_chances(one, self.genes, threads) if by else None for one, by in zip(said, self.gone_by, strict=True)]


def find_genes(said: Sequence[Said], threads: int = 1) -> Witness | None:
    """Genes of an assembly; None if none of its contigs has enough of them."""
    cut = [(number, *block) for number, one in enumerate(said) for block in _blocks(len(one.contig.codes))]
    if not cut:
        return None

    def piece(n: int) -> Piece:
        number, start, stop = cut[n]
        return _piece(said[number], start, stop, 0)

    every = -(-sum(stop - start for _, start, stop in cut) // MOST_LEARNT)
    genes = learn([piece(n) for n in range(0, len(cut), every)], threads)
    gains = np.zeros(len(said))
    each = [(n, n + 1) for n in range(len(cut))]
    for (number, _, _), more in zip(cut, run_blocks(lambda n, _: gain(piece(n), genes), each, threads), strict=True):
        gains[number] += more
    by = tuple(bool(more > LEAST_GAIN_IN_ALL + LEAST_GAIN * len(one.contig.codes))
               for more, one in zip(gains, said, strict=True))
    return Witness(genes, by) if any(by) else None


def _blocks(length: int) -> list[tuple[int, int]]:
    """The bases of a contig in stretches of about `BLOCK`."""
    borders = np.linspace(0, length, max(1, round(length / BLOCK)) + 1).astype(int).tolist()
    return list(pairwise(borders)) if length else []


def _piece(one: Said, start: int, stop: int, around: int) -> Piece:
    """Bases start..stop-1 of a contig, with so many more on each side, of a linear one as far as there are."""
    length = len(one.contig.codes)
    at = np.arange(start - around, stop + around)
    if not one.contig.circular:
        at = at[(at >= 0) & (at < length)]
    rows = at % length
    scores = one.scores[rows]
    floor = np.where(one.reads[rows] <= 2, TWO_READS_FLOOR, FLOOR)[:, None]
    odds = np.where(scores > OPEN, np.exp(np.minimum(-OPEN, np.logaddexp(scores, floor))), 0.0)
    odds[:EDGE] = odds[-EDGE:] = 0.0
    return Piece(one.contig.codes[rows], odds)


def _chances(one: Said, genes: Genes, threads: int) -> Chances:
    ranges = _blocks(len(one.contig.codes))

    def work(start: int, stop: int) -> Chances:
        before = AROUND if one.contig.circular else min(AROUND, start)
        chance: Scores = weigh(*_piece(one, start, stop, AROUND), genes.told)[0]
        return chance[before : before + stop - start].astype(np.float32)

    return np.concatenate([np.zeros((0, EDITS), np.float32), *run_blocks(work, ranges, threads)])
