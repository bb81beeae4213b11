"""Qualities: from the probability that a base is wrong to Phred scores, and from those to a read's mean Q.

A network's own probabilities are not those with which its bases turn out right, so that a model carries a fit of its
Phred scores, learnt from held-out alignments (`basecaller calibrate`): a line, and a ceiling where errors remain of
which the network knows nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MIN_Q, MAX_Q = 1, 50
"""Bounds of every quality that this package writes."""

NO_CEILING = 100.0
"""A ceiling that changes nothing."""

Floats = npt.NDArray[np.float64]

MEAN_Q_RULE = (
    "mean Q (qs) = -10 log10 of the mean error probability 10^(-Q/10) over all bases of the read, "
    f"within {MIN_Q}..{MAX_Q}"
)
"""How `mean_qscore` is computed, as the output headers state it."""


def fitted(raw: npt.ArrayLike, scale: float = 1.0, bias: float = 0.0, ceiling: float = NO_CEILING) -> Floats:
    """(L,) Phred scores from raw ones (L,): those of the error probability
    10^(-(scale * raw + bias) / 10) + 10^(-ceiling / 10)."""
    line = scale * np.asarray(raw, dtype=np.float64) + bias
    return np.asarray(-10.0 * np.log10(10.0 ** (-line / 10.0) + 10.0 ** (-ceiling / 10.0)))


def written(q: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """(L,) uint8 Phred scores as they are written: rounded, within 1..50."""
    return np.clip(np.rint(q), MIN_Q, MAX_Q).astype(np.uint8)


def phred(
    errors: npt.ArrayLike, scale: float = 1.0, bias: float = 0.0, ceiling: float = NO_CEILING
) -> npt.NDArray[np.uint8]:
    """(L,) uint8 Phred scores of error probabilities (L,), -10 log10 p, fitted and as they are written."""
    raw = -10.0 * np.log10(np.clip(np.asarray(errors, dtype=np.float64), 1e-10, 1.0))
    return written(fitted(raw, scale, bias, ceiling))


def mean_qscore(qualities: npt.ArrayLike) -> float:
    """A read's mean Q by `MEAN_Q_RULE`; the lowest quality for a read without bases."""
    values = np.asarray(qualities, dtype=np.float64)
    if not values.size:
        return float(MIN_Q)
    return float(np.clip(-10.0 * np.log10(np.mean(10.0 ** (-values / 10.0))), MIN_Q, MAX_Q))
