"""Do Q scores come true? Claimed against observed error rates of called bases.

The observed errors of a base are those of `tally.base_errors`: a mismatched or inserted base is one error, a deleted
base charges half an error to each of the called bases beside it, and no base is charged more than one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOW_Q, HIGH_Q = 5, 25
"""The range of Q over which the expected calibration error is stated."""


def observed_q(bases: npt.ArrayLike, errors: npt.ArrayLike) -> Floats:
    """-10 log10 of the observed error rate, of `errors` among `bases` (any shape).

    Half an error among one more base is added (Jeffreys' prior), so that a group without errors has a finite Q.
    """
    counted, wrong = np.asarray(bases, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    return np.asarray(-10.0 * np.log10((wrong + 0.5) / (counted + 1.0)))


def calibration_error(bases: npt.ArrayLike, errors: npt.ArrayLike) -> float | None:
    """Expected calibration error in Q: the mean over all bases that claim Q5 to Q25 of |claimed Q - observed Q|.

    `bases` and `errors` are (Q,), indexed by the claimed Q, which the observed error rate of all bases with that
    claim stands against (Naeini et al. 2015, with Phred scores in place of probabilities). None without such bases.
    """
    claimed = slice(LOW_Q, HIGH_Q + 1)
    counted = np.asarray(bases, dtype=np.float64)[claimed]
    if not counted.sum():
        return None
    gap = np.abs(np.arange(LOW_Q, LOW_Q + len(counted)) - observed_q(counted, np.asarray(errors)[claimed]))
    return float((counted * gap).sum() / counted.sum())
