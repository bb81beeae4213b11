"""Qualities: from the probability that a base is wrong to Phred scores, and from those to a read's mean Q.

A network's own probabilities are too sure of themselves, so that a model carries a linear fit of its Phred scores,
Q = scale * raw + bias, learnt from held-out alignments (`basecaller calibrate`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MIN_Q, MAX_Q = 1, 50
"""Bounds of every quality that this package writes."""

MEAN_Q_RULE = (
    "mean Q (qs) = -10 log10 of the mean error probability 10^(-Q/10) over all bases of the read, "
    f"within {MIN_Q}..{MAX_Q}"
)
"""How `mean_qscore` is computed, as the output headers state it."""


def phred(errors: npt.ArrayLike, scale: float = 1.0, bias: float = 0.0) -> npt.NDArray[np.uint8]:
    """(L,) uint8 Phred scores of error probabilities (L,): scale * (-10 log10 p) + bias, rounded, within 1..50."""
    raw = -10.0 * np.log10(np.clip(np.asarray(errors, dtype=np.float64), 1e-10, 1.0))
    return np.clip(np.rint(scale * raw + bias), MIN_Q, MAX_Q).astype(np.uint8)


def mean_qscore(qualities: npt.ArrayLike) -> float:
    """A read's mean Q by `MEAN_Q_RULE`; the lowest quality for a read without bases."""
    values = np.asarray(qualities, dtype=np.float64)
    if not values.size:
        return float(MIN_Q)
    return float(np.clip(-10.0 * np.log10(np.mean(10.0 ** (-values / 10.0))), MIN_Q, MAX_Q))
