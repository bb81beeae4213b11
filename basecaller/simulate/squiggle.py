"""Sequence in, current out: the signal that a strand would give in a pore."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes, kmers
from basecaller.simulate.creep import add_creep
from basecaller.simulate.pore import SPREAD_FREEDOM, Floats, PoreModel

Starts = npt.NDArray[np.int64]

MARGIN = 24
"""Bases beyond either end of a strand that its signal may depend on."""
SHORT_SHARE, SHORT, LONG = 0.5, 0.5, 1.5
"""Excursions are of two kinds: this share of them of so many times the mean length (exponential), the others of so
many. Of one kind there would be fewer of a single sample, and more of five."""
SOON = 1e-3
"""Samples: as good as none."""


@dataclass(frozen=True, slots=True)
class Traits:
    """How one read differs from another."""

    speed: float
    """Bases per second."""
    noise: float
    """Factor on all noise."""
    flicker: float
    """Factor on the rate of excursions."""
    skip: float
    """Factor on the share of bases that are skipped."""
    creep: float
    """Factor on how far the current moves within events."""
    shift: float
    """pA."""
    scale: float
    """pA per unit of the pore's levels."""
    group: int
    """Which of the pore model's groups of reads it is like."""


    def current(self, signal: Floats) -> Floats:
        """(S,) in the pore's units -> (S,) pA."""
        return signal * np.float32(self.scale) + np.float32(self.shift)


def draw_traits(pore: PoreModel, rng: np.random.Generator) -> Traits:
    """The traits of a new read."""
    normal = rng.standard_normal(6)
    return Traits(
        speed=float(np.exp(pore.speed[0] + pore.speed[1] * normal[0])),
        noise=float(np.exp(pore.read_noise * normal[1])),
        shift=float(pore.read_shift[0] + pore.read_shift[1] * normal[2]),
        scale=max(1.0, float(pore.read_scale[0] + pore.read_scale[1] * normal[3])),
        flicker=_around_one(pore.read_flicker, normal[4]),
        skip=_around_one(float(pore.skip[1]), normal[4]),  # reads that flicker much skip much
        creep=_around_one(pore.read_creep, normal[5]),
        group=int(rng.integers(len(pore.groups))),
    )


def _around_one(deviation: float, normal: float) -> float:
    """A log-normal factor of mean 1."""
    return float(np.exp(deviation * normal - deviation**2 / 2))


def simulate_signal(
    pore: PoreModel, codes: Codes, rng: np.random.Generator, traits: Traits | None = None
) -> tuple[Floats, Starts]:
    """The signal of a strand (L,) of bases 0..3, in the pore's units, and the sample (L,) at which each base starts.

    Bases beyond both ends, which the first and last k-mers need, are random. Without `traits` a read is drawn.
    """
    traits = traits or draw_traits(pore, rng)
    margin = rng.integers(0, 4, (2, MARGIN), dtype=np.uint8)
    padded = np.concatenate([margin[0], codes, margin[1]])
    index = _kmers_of(pore, padded)
    times = _dwell_times(pore, padded, traits, rng)
    event, begins, ends, back = _excursions(times, pore, padded, traits, rng)
    bounds = np.concatenate([[0.0], np.cumsum(times + np.bincount(event, ends - begins, len(times)))])
    samples = max(1, int(bounds[-1]))
    starts = np.minimum(np.rint(bounds[:-1]).astype(np.int64), samples - 1)

    levels = _levels(pore, padded, index, traits.group)
    levels += rng.standard_t(SPREAD_FREEDOM, len(index)).astype(np.float32) * pore.spread[index]
    noise = pore.noise[index] * _draw(pore.noise_factor, len(index), rng).astype(np.float32)
    white = rng.standard_normal(samples + len(pore.noise_kernel) - 1, np.float32)
    neighbour = levels[np.clip(np.where(back, event - 1, event + 1), 0, len(levels) - 1)]
    at = np.concatenate([bounds[:-1], begins, ends])
    order = np.argsort(at, kind="stable")
    levels, bounds = np.concatenate([levels, neighbour, levels[event]])[order], np.append(at[order], bounds[-1])
    signal = _render(levels, bounds, starts, noise * np.float32(traits.noise), white, pore.noise_kernel[::-1].copy())
    add_creep(signal, starts, pore.creep[:, index] * np.float32(traits.creep))
    for deviation, time in zip(pore.drift_sd.tolist(), pore.drift_samples.tolist(), strict=True):
        _add_lines(signal, *_wandering(samples, time, deviation, rng))
    return signal, starts


def levels_of(pore: PoreModel, codes: Codes, group: int) -> Floats:
    """(L,) the level expected of each base (L,) of a strand in a group of reads, events' own offsets aside.

    Near both ends levels depend on bases that are not known, here all A.
    """
    padded = np.pad(codes, MARGIN)
    return _levels(pore, padded, _kmers_of(pore, padded), group)


def _kmers_of(pore: PoreModel, padded: Codes) -> npt.NDArray[np.int64]:
    """(L,) the k-mer around each base of a strand, by its number."""
    return kmers(padded[MARGIN - pore.centre : len(padded) - MARGIN + pore.k - 1 - pore.centre], pore.k)


def _levels(pore: PoreModel, padded: Codes, index: npt.NDArray[np.int64], group: int) -> Floats:
    levels: Floats = pore.levels[index] + pore.groups[group, index]
    _add_pairs(levels, padded, MARGIN - pore.centre + pore.pairs, pore.pair_levels)
    return levels


def _dwell_times(
    pore: PoreModel, padded: Codes, traits: Traits, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(L,) samples, not whole, that each base of a strand holds still; excursions take the rest of its time."""
    length = len(padded) - 2 * MARGIN
    times = _draw(pore.dwell, length, rng)
    deviation, persistence = pore.speed_drift.tolist()
    log_factor = _wander(length, persistence, deviation, rng)
    log_factor += _by_motor(pore.motor, pore, padded)
    times *= np.exp(log_factor)  # float32; the mean in float64, or bounds would drift along the read
    samples = pore.sampling_rate / traits.speed
    times *= max(samples - float(pore.flicker.sum()) * traits.flicker * pore.flicker_samples, samples / 2)
    rate, log_mean, log_deviation = pore.stall.tolist()
    stalled = np.flatnonzero(rng.random(length) < rate)
    times[stalled] += np.exp(log_mean + log_deviation * rng.standard_normal(len(stalled)))
    skipped = _skipped(length, pore, traits, rng)
    times[skipped] = rng.random(len(skipped))
    return times


def _skipped(length: int, pore: PoreModel, traits: Traits, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Which of a strand's bases pass within a sample: single ones, and runs of them."""
    rate, _, again = pore.skip.tolist()
    runs = np.flatnonzero(rng.random(length) < rate * traits.skip * (1 - again))
    sizes = rng.geometric(1 - again, len(runs))
    places = np.repeat(runs, sizes) + np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.unique(places[places < length]))


def _by_motor(additions: Floats, pore: PoreModel, padded: Codes) -> Floats:
    """(L,) what the bases in the motor add while each base of a strand is read; `additions` (B, 4)."""
    length = len(padded) - 2 * MARGIN
    total = np.zeros(length, np.float32)
    for i, addition in enumerate(additions, MARGIN + pore.motor_offset):
        total += addition[padded[i : i + length]]
    return total


def _excursions(
    times: npt.NDArray[np.float64], pore: PoreModel, padded: Codes, traits: Traits, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Which events are interrupted by excursions, when these begin and end, and whether they go back.

    They come at random in the events' own `times` (L,), to which theirs is added, but seldom in the last samples, so
    that long events have more, and those have more whose bases in the motor let it slip.
    """
    rate = _by_motor(pore.flicker_motor, pore, padded).astype(np.float64)
    rate += pore.flicker_spread * rng.standard_normal(len(times)) - pore.flicker_spread**2 / 2
    held = max(pore.held, SOON)
    loose = times - pore.held * (1 - np.exp(-times / held))
    rate = np.exp(rate) * (loose / max(loose.mean(), 1e-9) * float(pore.flicker.sum()) * traits.flicker)
    count = rng.poisson(rate)
    event = np.repeat(np.arange(len(times)), count)
    begins = (np.cumsum(times) - times)[event] + _while_loose(times[event], held, rng)
    begins = np.sort(begins)  # events stay in order
    short = rng.random(len(event)) < SHORT_SHARE
    lengths = rng.exponential(pore.flicker_samples * np.where(short, SHORT, LONG))
    ends = begins + np.cumsum(lengths)
    return event, ends - lengths, ends, rng.random(len(event)) * pore.flicker.sum() < pore.flicker[0]


def _while_loose(times: npt.NDArray[np.float64], held: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(E,) random moments in events of so many samples, the fewer the nearer to the end: see `PoreModel.held`."""
    moments = np.zeros(len(times))
    waiting = np.arange(len(times))
    while len(waiting):
        moments[waiting] = rng.random(len(waiting)) * times[waiting]
        left = times[waiting] - moments[waiting]
        waiting = waiting[rng.random(len(waiting)) * (1 - np.exp(-times[waiting] / held)) > 1 - np.exp(-left / held)]
    return moments


def _draw(quantiles: Floats, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(count,) random values of a distribution given by its quantiles, evenly spaced from 0 to 1."""
    return np.interp(rng.random(count) * (len(quantiles) - 1), np.arange(len(quantiles)), quantiles)


def _wander(count: int, time: float, deviation: float, rng: np.random.Generator) -> Floats:
    """(count,) slow noise."""
    values = np.zeros(count, np.float32)
    _add_lines(values, *_wandering(count, time, deviation, rng))
    return values


def _wandering(count: int, time: float, deviation: float, rng: np.random.Generator) -> tuple[Floats, float, float]:
    """Slow noise: random values `time` apart, to be joined by straight lines; `time`; and the place of the first."""
    # straight lines between the knots lose a third of the variance
    knots = rng.standard_normal(int(count / time) + 3, np.float32) * np.float32(deviation * np.sqrt(1.5))
    return knots, time, float(rng.random())


@numba.njit(cache=True, nogil=True)
def _add_pairs(levels, padded, places, additions):  # type: ignore[no-untyped-def]
    """Add to the level of each base what pairs of bases around it add; `places` (P, 2) are those of base 0."""
    for p in range(len(places)):
        for i in range(len(levels)):
            levels[i] += additions[p, padded[places[p, 0] + i] * 4 + padded[places[p, 1] + i]]


@numba.njit(cache=True, nogil=True)
def _add_lines(values, knots, time, phase):  # type: ignore[no-untyped-def]
    """Add straight lines between knots `time` values apart; the first knot lies `phase` of that before the start."""
    for i in range(len(values)):
        at = i / time + phase
        knot = int(at)
        part = np.float32(at - knot)
        values[i] += knots[knot] + part * (knots[knot + 1] - knots[knot])


@numba.njit(cache=True, nogil=True)
def _render(levels, bounds, starts, noise, white, kernel):  # type: ignore[no-untyped-def]
    """Levels that change at `bounds`, averaged over each sample's own time, and coloured noise of each event's size."""
    samples = len(white) - len(kernel) + 1
    signal = np.zeros(samples, np.float32)
    for j in range(len(kernel)):
        for i in range(samples):
            signal[i] += kernel[j] * white[i + j]
    event, first = 0, 0  # the event in which the sample begins, and the one to which it is counted
    for i in range(samples):
        while first + 1 < len(starts) and starts[first + 1] <= i:
            first += 1
        begin, level = float(i), 0.0
        while event + 1 < len(levels) and bounds[event + 1] < i + 1:
            level += levels[event] * (bounds[event + 1] - begin)
            begin = bounds[event + 1]
            event += 1
        signal[i] = signal[i] * noise[first] + np.float32(level + levels[event] * (i + 1 - begin))
    return signal
