"""Sequence in, current out: the signal that a strand would give in a pore."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.simulate.genome import Codes
from basecaller.simulate.pore import Floats, PoreModel, kmers

Starts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Traits:
    """How one read differs from another."""

    speed: float
    """Bases per second."""
    noise: float
    """Factor on all noise."""
    shift: float
    """pA."""
    scale: float
    """pA per unit of the pore's levels."""


def draw_traits(pore: PoreModel, rng: np.random.Generator) -> Traits:
    """The traits of a new read."""
    normal = rng.standard_normal(4)
    return Traits(
        speed=float(np.exp(pore.speed[0] + pore.speed[1] * normal[0])),
        noise=float(np.exp(pore.read_noise * normal[1])),
        shift=float(pore.read_shift[0] + pore.read_shift[1] * normal[2]),
        scale=max(1.0, float(pore.read_scale[0] + pore.read_scale[1] * normal[3])),
    )


def simulate_signal(
    pore: PoreModel, codes: Codes, rng: np.random.Generator, traits: Traits | None = None
) -> tuple[Floats, Starts]:
    """The signal of a strand (L,) of bases 0..3, in the pore's units, and the sample (L,) at which each base starts.

    Bases beyond both ends, which the first and last k-mers need, are random. Without `traits` a read is drawn.
    """
    traits = traits or draw_traits(pore, rng)
    index = kmers(_padded(codes, pore.centre, pore.k - 1 - pore.centre, rng), pore.k)
    bounds = np.concatenate([[0.0], np.cumsum(dwell_times(pore, codes, traits.speed, rng))])
    samples = max(1, int(bounds[-1]))
    starts = np.minimum(np.rint(bounds[:-1]).astype(np.int64), samples - 1)

    spread = rng.standard_normal(len(index), np.float32) * pore.spread[index] * traits.noise
    signal = _steps(pore.levels[index] + spread, bounds, samples, pore.step_kernel)
    each = np.diff(np.append(starts, samples))
    signal += np.repeat(pore.noise[index] * traits.noise, each) * _coloured(samples, pore.noise_kernel, rng)
    for deviation, time in zip(pore.drift_sd.tolist(), pore.drift_samples.tolist(), strict=True):
        signal += _wander(samples, time, deviation, rng)
    return signal, starts


def dwell_times(
    pore: PoreModel, codes: Codes, speed: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(L,) samples, not whole, that each base of a strand holds still at `speed` bases per second."""
    length = len(codes)
    times = np.interp(rng.random(length) * (len(pore.dwell) - 1), np.arange(len(pore.dwell)), pore.dwell)
    times *= pore.sampling_rate / speed
    deviation, persistence = pore.speed_drift.tolist()
    times *= np.exp(-_wander(length, persistence, deviation, rng))
    m = round(np.log(len(pore.dwell_context)) / np.log(4))
    if m:
        offset = pore.dwell_offset
        padded = _padded(codes, max(0, -offset), max(0, offset + m - 1), rng)
        times *= pore.dwell_context[kmers(padded[max(0, offset) :], m)[:length]]
    rate, log_mean, log_deviation = pore.stall.tolist()
    stalled = np.flatnonzero(rng.random(length) < rate)
    times[stalled] += np.exp(log_mean + log_deviation * rng.standard_normal(len(stalled)))
    return times


def _padded(codes: Codes, before: int, after: int, rng: np.random.Generator) -> Codes:
    return np.concatenate([
        rng.integers(0, 4, before, dtype=np.uint8), codes, rng.integers(0, 4, after, dtype=np.uint8)
    ])


def _steps(levels: Floats, bounds: npt.NDArray[np.float64], samples: int, kernel: Floats) -> Floats:
    """Levels that change at `bounds`, averaged over each sample's own time, through the amplifier."""
    area = np.concatenate([[0.0], np.cumsum(levels * np.diff(bounds))])
    signal = np.diff(np.interp(np.arange(samples + 1), bounds, area)).astype(np.float32)
    return _filtered(signal, kernel)


def _filtered(signal: Floats, kernel: Floats) -> Floats:
    """A signal through a filter, its ends held."""
    if len(kernel) == 1:
        return signal * kernel[0]
    half = len(kernel) // 2
    return np.asarray(np.convolve(np.pad(signal, (half, len(kernel) - 1 - half), "edge"), kernel, "valid"), np.float32)


def _coloured(samples: int, kernel: Floats, rng: np.random.Generator) -> Floats:
    """Noise of deviation 1 with the kernel's spectrum."""
    return np.convolve(rng.standard_normal(samples + len(kernel) - 1, np.float32), kernel, "valid")


def _wander(count: int, time: float, deviation: float, rng: np.random.Generator) -> Floats:
    """(count,) slow noise: random values `time` apart, joined by straight lines."""
    if deviation == 0:
        return np.zeros(count, np.float32)
    # straight lines between the knots lose a third of the variance
    knots = rng.standard_normal(int(count / time) + 3) * (deviation * np.sqrt(1.5))
    at = np.arange(count, dtype=np.float64) / time + rng.random()
    return np.asarray(np.interp(at, np.arange(len(knots)), knots), np.float32)
