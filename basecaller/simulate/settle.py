"""Where each base begins, asked a second time with all that the pore model knows.

Forced alignment (labels/align.py) finds a sequence in a signal with levels alone, and cuts it up badly in places: a
sample between two levels becomes a base of its own, and of two bases with nearly the same level one gets next to
nothing. Given its path as a band, a hidden semi-Markov model (Rabiner 1989, section IV.D) places the bases anew: with
the pore's dwell times, levels that see pairs of bases beyond the k-mer, a first sample anywhere between two levels, and
samples of a strand that slipped back.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from basecaller.labels.align import event_means
from basecaller.labels.label import Stretch
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.squiggle import levels_of

EDGE = 16
"""Bases at either end of a stretch whose levels depend on bases that are not known."""
BAND = 41
"""Bases around the path of forced alignment that are looked at."""
PHASES = 10
"""Samples of a base that are told apart; further ones are alike."""
NOISE = 0.16
"""Deviation of a sample from the level of its base, in units of the pore's levels."""
SLIPPED = 0.03
"""Share of samples that are of the base before."""
SKIPPED = 0.006
"""Share of bases that leave no sample."""
STRAY = 0.0008
"""Density of samples that belong nowhere."""
PLATEAU, FADING = 0.30, 0.12
"""A first sample may lie anywhere between two levels, and beyond them with the deviation `FADING`; together it is
spread over a stretch longer by `PLATEAU` than the step between them."""
LEAST_HAZARD, MOST_HAZARD = 2e-4, 0.9
DWELLS = 20_000
LONGEST = 400
"""Samples a base, above which all are alike to the distribution of dwell times."""
TRIMMED = 3.0
"""Events farther from the line than so many deviations do not fit the scaling."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A stretch in the units of a pore's levels."""

    signal: Floats
    """(S,)."""
    levels: Floats
    """(B,) expected of each base."""
    scale: float
    """Of the stretch's signal per unit of level..."""
    shift: float
    """... and what it has at level 0."""
    group: int
    """The pore's group of reads that the stretch is most like."""


def fit_to_pore(stretch: Stretch, pore: PoreModel) -> Fitted:
    """Bring a stretch's signal to the pore's levels: least squares on events of 4 to 59 samples, outliers trimmed."""
    bounds = np.append(stretch.starts, len(stretch.signal)).astype(np.int32)
    dwell, (means, _) = np.diff(bounds), event_means(stretch.signal, bounds)
    use = (dwell >= 4) & (dwell < 60)
    use[:EDGE] = use[len(use) - EDGE :] = False
    best: tuple[float, Fitted] | None = None
    for group in range(len(pore.groups)):
        levels = levels_of(pore, stretch.bases, group)
        scale, shift, left = _line(levels[use].astype(np.float64), means[use])
        if best is None or left < best[0]:
            signal = ((stretch.signal - np.float32(shift)) / np.float32(scale)).astype(np.float32)
            best = left, Fitted(signal, levels, scale, shift, group)
    assert best is not None
    return best[1]


def _line(levels: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope and offset of means on levels, outliers trimmed, and the median distance from the line over the slope."""
    keep = np.ones(len(means), bool)
    slope, offset, distance = 1.0, 0.0, np.zeros(len(means))
    for _ in range(4):
        slope, offset = np.polyfit(levels[keep], means[keep], 1)
        distance = np.abs(means - slope * levels - offset)
        keep = distance <= TRIMMED * np.median(distance) / 0.6745
    return float(slope), float(offset), float(np.median(distance) / max(slope, 1e-6))


def settle(stretch: Stretch, pore: PoreModel) -> Stretch:
    """The stretch with the start of each base placed anew; bases near both ends, and too short stretches, stay."""
    count = len(stretch.bases)
    if count < 4 * EDGE:
        return stretch
    fitted = fit_to_pore(stretch, pore)
    begin, end = int(stretch.starts[EDGE]), int(stretch.starts[count - EDGE])
    levels = fitted.levels[EDGE : count - EDGE]
    if not fitted.scale > 0 or end - begin < len(levels):
        return stretch
    path = np.searchsorted(stretch.starts, np.arange(begin, end), "right") - 1 - EDGE
    lows = np.clip(path - BAND // 2, 0, max(len(levels) - BAND, 0)).astype(np.int64)
    hazard = _hazards(pore, (end - begin) / len(levels))
    found = _place(fitted.signal[begin:end], levels, lows, BAND, np.log(hazard).astype(np.float32),
                   np.log1p(-hazard).astype(np.float32))
    if found[0] < 0:
        return stretch
    starts = stretch.starts.copy()
    starts[EDGE + 1 : count - EDGE] = begin + np.searchsorted(found, np.arange(1, len(levels)), "left")
    return dataclasses.replace(stretch, starts=starts)


def _hazards(pore: PoreModel, samples: float) -> npt.NDArray[np.float64]:
    """(PHASES,) chance that a base ends with each of its samples, at so many samples a base."""
    still = samples - float(pore.flicker.sum()) * pore.flicker_samples
    quantiles = pore.dwell * max(still, samples / 2)
    even = (np.arange(DWELLS) + 0.5) / DWELLS
    times = np.interp(even * (len(quantiles) - 1), np.arange(len(quantiles)), quantiles)
    dither = np.random.default_rng(0).random(DWELLS) - 0.5  # a base may begin anywhere within a sample
    seen = np.bincount(np.clip(np.rint(times + dither), 1, LONGEST).astype(np.int64))[1:]
    counts = np.convolve(np.pad(seen.astype(np.float64), 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    left = np.cumsum(counts[::-1])[::-1]
    hazard = counts[:PHASES] / np.maximum(left[:PHASES], 1)
    later = np.arange(len(counts) - PHASES + 1) + 1
    hazard[-1] = left[PHASES - 1] / max(float((counts[PHASES - 1 :] * later).sum()), 1.0)
    return np.clip(hazard, LEAST_HAZARD, MOST_HAZARD)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _place(signal, levels, lows, band, leave, stay):  # type: ignore[no-untyped-def]
    """(S,) the base of each sample on the best path from the first base to the last; -1 throughout without a path.

    `lows` (S,) is the first base of the band at each sample; `leave` and `stay` (PHASES,) are the logs of the hazards.
    """
    samples, bases, phases = len(signal), len(levels), len(leave)
    worst = np.float32(-1e30)
    old = np.full((band + 2, phases), worst, np.float32)  # old[w + 2] is base low + w; two bases of margin
    new = np.full((band + 2, phases), worst, np.float32)
    trace = np.zeros((samples, band), np.uint8)  # of the first phase: from which (and 16: skipping); 128: last stays
    height = 0.3989 / NOISE
    skip = np.float32(np.log(SKIPPED))
    if lows[0] == 0:
        old[2, 0] = 0
    before = lows[0]
    for t in range(samples):
        shift = lows[t] - before
        for w in range(band):
            base = lows[t] + w
            new[w + 2, :] = worst
            if base >= bases:
                continue
            own = height * np.exp(-0.5 * ((signal[t] - levels[base]) / NOISE) ** 2)
            settled = stepping = own
            if base > 0:
                back = height * np.exp(-0.5 * ((signal[t] - levels[base - 1]) / NOISE) ** 2)
                settled = (1 - SLIPPED) * own + SLIPPED * back
                below, above = min(levels[base - 1], levels[base]), max(levels[base - 1], levels[base])
                outside = max(below - signal[t], signal[t] - above, np.float32(0.0)) / FADING
                stepping = 0.5 * own + 0.5 * np.exp(-0.5 * outside**2) / (above - below + PLATEAU)
            log_settled, log_stepping = np.float32(np.log(settled + STRAY)), np.float32(np.log(stepping + STRAY))
            at = w + shift + 2
            if at < band + 2:
                for p in range(1, phases):
                    score = old[at, p - 1] + stay[p - 1]
                    if p == phases - 1 and old[at, p] + stay[p] > score:
                        score = old[at, p] + stay[p]
                        trace[t, w] |= 128
                    new[w + 2, p] = score + log_settled
            best, code = worst, 0
            if t == 0:
                best = old[w + 2, 0]
            else:
                for back_by in range(1, 3):
                    at = w + shift + 2 - back_by
                    if 0 <= at < band + 2:
                        for p in range(phases):
                            score = old[at, p] + leave[p] + (skip if back_by == 2 else np.float32(0.0))
                            if score > best:
                                best, code = score, p + 16 * (back_by - 1)
            new[w + 2, 0] = best + log_stepping
            trace[t, w] |= code
        before = lows[t]
        old, new = new, old
    path = np.full(samples, -1, np.int32)
    last = bases - 1 - lows[samples - 1]
    if not 0 <= last < band:
        return path
    phase = 0
    for p in range(phases):
        if old[last + 2, p] > old[last + 2, phase]:
            phase = p
    if old[last + 2, phase] < worst / 2:
        return path
    base = bases - 1
    for t in range(samples - 1, -1, -1):
        path[t] = base
        code = trace[t, base - lows[t]]
        if phase == phases - 1 and code & 128:
            continue
        if phase > 0:
            phase -= 1
        elif t > 0:
            phase = code & 15
            base -= 1 if code & 16 == 0 else 2
    return path
