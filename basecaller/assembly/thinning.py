"""Deep runs thinned to a depth that is enough: the best reads of it, and some of all others.

More than some 60 reads over a base make no contig better, and overlaps cost by the square of the depth. The longest
reads alone would lose small circles, whose reads are short; so a part of the depth is drawn from all reads alike, and
those that are drawn stand for the others when depths are told (a ratio estimate).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from basecaller.assembly.account import covered_by_others
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import NO_QUALITY, LeftOut, ReadSet

ENOUGH = 100.0
"""Reads over a base up to which nothing is set aside."""
BEST = 60.0
"""Depth of the reads that are kept for what they are: those with the most right bases."""
DRAWN = 20.0
"""Depth of those drawn from the others."""
SET_ASIDE = "set aside"
SAMPLE = 2_000_000
"""Bases by which the depth is judged first."""
SEEN = 5.0
"""Depth of the sample that is enough to judge by."""
Floats = npt.NDArray[np.float64]


def thin(reads: ReadSet, threads: int = 1) -> tuple[ReadSet, LeftOut]:
    """The reads of about `BEST + DRAWN` depth, in their order, where they lie deeper than `ENOUGH`; and what is not.

    The choice hangs on names, lengths and qualities; reads that were thinned before may be thinned again with others.
    """
    depth = estimate_depth(reads, threads)
    if depth <= ENOUGH:
        return reads, LeftOut("", 0, 0, "")
    genome = len(reads.codes) / depth
    lengths = reads.lengths
    order = np.argsort(-right_bases(reads), kind="stable")
    best = np.zeros(len(reads), np.bool_)
    best[order[np.cumsum(lengths[order]) <= BEST * genome]] = True
    weights = np.ones(len(reads)) if reads.weights is None else reads.weights.astype(float)
    others = float((weights * lengths)[~best].sum())
    share = min(DRAWN * genome / max(1.0, others), 1 / float(weights.max()))
    lot = np.array([_lot(name) for name in reads.names])
    drawn = ~best & (lot < share)
    kept = np.flatnonzero(best | drawn)
    aside = np.flatnonzero(~(best | drawn))
    if len(aside) == 0:
        return reads, LeftOut("", 0, 0, "")
    new, stands_for = reads.subset(kept), others / max(1, int(lengths[drawn].sum()))
    reason = f"{SET_ASIDE}: the reads lie more than {ENOUGH:.0f} deep, and {BEST + DRAWN:.0f} are enough"
    return (replace(new, weights=np.where(best[kept], 1.0, stands_for).astype(np.float32)),
            LeftOut(reason, len(aside), int(lengths[aside].sum()), reads.names[aside[np.argmax(lengths[aside])]]))


def estimate_depth(reads: ReadSet, threads: int = 1) -> float:
    """How many reads lie over a base, typically, judged by the overlaps within a sample spread over the reads.

    The sample grows until it is deep enough to judge by; 0 as soon as it is clear that the depth is not past `ENOUGH`.
    """
    bases = min(SAMPLE, len(reads.codes) // 8 + 1)
    while len(reads):
        step = max(1, len(reads.codes) // bases)
        sample = reads if step == 1 else reads.subset(np.arange(0, len(reads), step))
        share = len(sample.codes) / max(1, len(reads.codes))
        covered = covered_by_others(find_overlaps(sample, threads=threads), sample)
        depth = float(np.median(covered))
        if covered.mean() < 0.6 * ENOUGH * share:
            return 0.0
        if depth >= SEEN or step == 1:
            return depth / share
        bases *= 4
    return 0.0


def right_bases(reads: ReadSet) -> Floats:
    """(R,) bases of each read that are right, by its qualities; all of them where it has none."""
    wrong = 10.0 ** (-np.arange(256) / 10)
    wrong[NO_QUALITY] = 0.0
    o, q = reads.offsets, reads.qualities
    return np.array([o[i + 1] - o[i] - wrong[q[o[i] : o[i + 1]]].sum() for i in range(len(reads))])


def _lot(name: str) -> float:
    """A number of [0, 1) that depends on the name only."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
