"""Scaling: from picoamperes to the numbers that a network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Scaling:
    """The affine map of one read: normalised = (pA - shift) / scale."""

    shift: float
    """pA."""
    scale: float
    """pA."""
    method: str
    """`med_mad`, `quantile` or `pa`: what the SAM tag `sv` says."""

    def apply(self, picoamperes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(S,) float32 pA -> (S,) float32 normalised."""
        return (picoamperes - np.float32(self.shift)) / np.float32(self.scale)


MIN_SCALE = 1.0
"""pA: what a strand spans is never less, so a dead channel's noise is not blown up to look like one."""


def med_mad(picoamperes: npt.NDArray[np.float32]) -> Scaling:
    """Median and 1.4826 * median absolute deviation (the standard deviation of normal data) of (S,) pA."""
    middle = np.median(picoamperes)
    spread = 1.4826 * np.median(np.abs(picoamperes - middle))
    return Scaling(float(middle), max(MIN_SCALE, float(spread)), "med_mad")


def quantile(picoamperes: npt.NDArray[np.float32]) -> Scaling:
    """Shift 0.51 * (q20 + q90), at least 10 pA; scale 0.53 * (q90 - q20); of (S,) pA.

    The field's second convention; steadier than `med_mad` where levels fall into two groups (R10).
    """
    low, high = (float(q) for q in np.quantile(picoamperes, (0.2, 0.9)))
    return Scaling(max(10.0, 0.51 * (low + high)), max(MIN_SCALE, 0.53 * (high - low)), "quantile")


METHODS = {"med_mad": med_mad, "quantile": quantile}
