"""Scaling: from picoamperes to the numbers that a network sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scaling:
    """The affine map of one read: normalised = (pA - shift) / scale."""

    shift: float
    """pA."""
    scale: float
    """pA."""
    method: str
    """`med_mad`, `quantile` or `pa`: what the SAM tag `sv` says."""
