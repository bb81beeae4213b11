"""Scaling: from picoamperes to the numbers that a network sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from basecaller.model.config import ScalingMethod


@dataclass(frozen=True, slots=True)
class Scaling:
    """The affine map of one read: normalised = (pA - shift) / scale."""

    shift: float
    """pA."""
    scale: float
    """pA."""
    method: str
    """One of `METHODS`, or `pa`: what the SAM tag `sv` says."""

    def apply(self, picoamperes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(S,) float32 pA -> (S,) float32 normalised."""
        return (picoamperes - np.float32(self.shift)) / np.float32(self.scale)


MIN_SCALE = 1.0
"""pA: what a strand spans is never less, so a dead channel's noise is not blown up to look like one."""


def med_mad(picoamperes: npt.NDArray[np.float32]) -> Scaling:
    """Median and 1.4826 * median absolute deviation (the standard deviation of normal data) of (S,) pA."""
    middle, spread = _middle_and_spread(picoamperes[None])
    return Scaling(float(middle[0]), float(spread[0]), "med_mad")


def _middle_and_spread(rows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Median and 1.4826 * MAD, at least MIN_SCALE, of each row of (R, S) pA."""
    middle = np.median(rows, axis=1)
    return middle, np.maximum(MIN_SCALE, 1.4826 * np.median(np.abs(rows - middle[:, None]), axis=1))


def quantile(picoamperes: npt.NDArray[np.float32]) -> Scaling:
    """Shift 0.51 * (q20 + q90), at least 10 pA; scale 0.53 * (q90 - q20); of (S,) pA.

    The field's second convention; steadier than `med_mad` where levels fall into two groups (R10).
    """
    low, high = (float(q) for q in np.quantile(picoamperes, (0.2, 0.9)))
    return Scaling(max(10.0, 0.51 * (low + high)), max(MIN_SCALE, 0.53 * (high - low)), "quantile")


@dataclass(frozen=True, slots=True, eq=False)
class LevelTable:
    """How quantiles of a strand's signal, scaled by `med_mad`, tell where the levels of its pore lie in it.

    Made by `basecaller simulate scaling`.
    """

    at: npt.NDArray[np.float64]
    """(Q,) which quantiles, 0 to 1."""
    shift: npt.NDArray[np.float64]
    """(Q + 1,) a constant, and what each quantile adds to the mean of the levels."""
    scale: npt.NDArray[np.float64]
    """(Q + 1,) the same for the deviation of the levels."""
    typical: tuple[float, float]
    """Mean and deviation that the levels have on average: what the scaled signal gives them."""
    furthest: tuple[float, float]
    """By how much the mean, and by what part of itself the deviation, may differ from that."""


WINDOW = 8_000
"""Samples that are judged together: some 900 bases. The median over a read's windows does not care about those in which
the strand stood still or had gone."""


def levels(picoamperes: npt.NDArray[np.float32], table: str) -> Scaling:
    """The scale of (S,) pA that brings the levels of a pore to where they lie in an average read, by a shipped table.

    Median and MAD depend on which bases a read happens to have, which the shape of the whole distribution mostly
    tells: a linear function of its quantiles leaves half of the error.
    """
    known = level_table(table)
    windows = max(1, len(picoamperes) // WINDOW)
    rows = picoamperes[: len(picoamperes) // windows * windows].reshape(windows, -1)
    middle, spread = _middle_and_spread(rows)
    quantiles = (np.quantile(rows, known.at, axis=1) - middle) / spread
    usual, far = known.typical, known.furthest
    shift = np.clip(known.shift[0] + known.shift[1:] @ quantiles, usual[0] - far[0], usual[0] + far[0])
    stretch = np.clip((known.scale[0] + known.scale[1:] @ quantiles) / usual[1], 1 - far[1], 1 + far[1])
    origin = middle + spread * (shift - usual[0] * stretch)
    return Scaling(float(np.median(origin)), max(MIN_SCALE, float(np.median(spread * stretch))), table)


@cache
def level_table(name: str) -> LevelTable:
    """The table of that name that comes with the package."""
    values = json.loads(files("basecaller.signal").joinpath(f"{name}.json").read_text("utf-8"))
    arrays = {key: np.array(values[key], np.float64) for key in ("at", "shift", "scale")}
    return LevelTable(**arrays, typical=tuple(values["typical"]), furthest=tuple(values["furthest"]))


METHODS: dict[ScalingMethod, Callable[[npt.NDArray[np.float32]], Scaling]] = {
    "med_mad": med_mad, "quantile": quantile, "r9.4.1_levels": partial(levels, table="r9.4.1_levels"),
}
