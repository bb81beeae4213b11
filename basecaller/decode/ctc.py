"""CTC decoding: the bases of one matrix of log-probabilities, by the best path or by prefix beam search.

Class 0 is the blank, 1..4 are A, C, G, T. A path is one class per step; it spells a sequence when repeats are merged
and blanks dropped (Graves et al. 2006, Connectionist temporal classification).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Path


def greedy(scores: npt.NDArray[np.float32]) -> Path:
    """The sequence spelled by the most probable class of every step.

    `scores`: (T, 5) float32 log-probabilities. Of equal classes the first is taken. A base's error is what the best
    step of its run leaves to the other classes.
    """
    best = scores.argmax(axis=1)
    starts = best != 0
    starts[1:] &= best[1:] != best[:-1]
    where = np.flatnonzero(starts)
    top = np.where(best != 0, np.take_along_axis(scores, best[:, None], axis=1)[:, 0], -np.inf)
    peak = np.maximum.reduceat(top, where) if where.size else np.empty(0)
    return Path(
        labels=(best[where] - 1).astype(np.uint8),
        moves=starts.astype(np.uint8),
        errors=(-np.expm1(np.minimum(peak, 0.0))).astype(np.float32),
    )
