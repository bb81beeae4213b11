"""Flicker: for a few samples a strand slips back by a base, or on by one, and returns.

In R9.4 signal one base in fifteen is interrupted so, nearly always by the level before it. Alignment takes no notice:
the samples stay with the event that they interrupt, and are counted here, in events of some length with a neighbour
whose level lies far from their own. Noise makes short excursions too, so that only what real reads show beyond their
simulated twins tells how much a strand flickers (see `refine`). How often it does depends on the bases that the motor
holds, 6 to 13 bases from the one in the pore, and differs from event to event beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np
import numpy.typing as npt

from basecaller.simulate.events import AlignedRead, Doubles, Events, bases_around
from basecaller.simulate.pore import Floats
from basecaller.simulate.timing import mean_dwell

LONG = 14
"""Samples of an event in which excursions are looked for, at least..."""
EDGE = 3
"""... not counting so many at either end, which may be the neighbour's."""
CLEAR = 1.3
"""Least distance of a neighbour's level, for a sample halfway there to be more than noise."""
CALM = 0.4
"""An event whose median lies farther than this from its level is an error of alignment."""
FEW_RUNS = 10
"""Excursions by which to tell how much one read flickers, at least..."""
FEW_READS = 10
"""... and reads by which to tell how much reads differ in it."""
SCALINGS = 6
"""Rounds of iterative scaling."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The long events in which excursions to the level before are looked for."""

    events: npt.NDArray[np.int64]
    """(W,) which they are."""
    runs: Doubles
    """(W,) excursions in each..."""
    wanted: Doubles
    """(W,) ... and as many as its read has in such a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Excursions:
    """What long events of reads show of their neighbours' levels; columns: the level before, the level after."""

    bases: Doubles
    """(R, 2) time watched, in mean dwell times of the read."""
    runs: Doubles
    """(R, 2) excursions in that time."""
    samples: Doubles
    """(R, 2) samples that lie nearer to the neighbour's level than to their own."""
    before: Watched
    """The events behind the first column, one by one."""

    @property
    def rate(self) -> Doubles:
        """(2,) excursions per base."""
        return np.asarray(self.runs.sum(axis=0) / np.maximum(self.bases.sum(axis=0), 1.0))

    @property
    def length(self) -> float:
        """Mean samples of an excursion."""
        return float(self.samples.sum() / max(self.runs.sum(), 1.0))

    @property
    def deviation(self) -> float:
        """Deviation over reads of the log of the rate, less what counting alone makes."""
        runs, bases = self.runs.sum(axis=1), self.bases.sum(axis=1)
        enough = runs >= FEW_RUNS
        if enough.sum() < FEW_READS:
            return 0.0
        rate = np.log(runs[enough] / bases[enough])
        return float(np.sqrt(max(rate.var() - (1 / runs[enough]).mean(), 0.0)))


def neighbours(events: Events, expected: Doubles) -> tuple[Doubles, Doubles]:
    """Levels (E,) of the k-mers before and after each event's; NaN where those are no good."""
    before, after = np.full(len(expected), np.nan), np.full(len(expected), np.nan)
    adjacent = (events.read[1:] == events.read[:-1]) & (np.diff(events.position) == 1)
    before[1:][adjacent] = expected[:-1][adjacent]
    after[:-1][adjacent] = expected[1:][adjacent]
    return before, after


def excursions(reads: Sequence[AlignedRead], events: Events, expected: Doubles) -> Excursions:
    """Count excursions in the long events of reads; `expected` (E,) is the level of each event."""
    sides = [(own, _count(reads, events, expected, own, step)) for own, step in _clear(events, expected)]
    by_read = np.stack(
        [[np.bincount(events.read[own], row, len(reads)) for row in counts] for own, counts in sides], axis=-1)
    (before, (time, runs, _)), _ = sides
    rate = by_read[1, :, 0] / np.maximum(by_read[0, :, 0], 1.0)
    by_read[0] /= np.array([mean_dwell(read) for read in reads])[:, None]
    bases, total, samples = by_read
    return Excursions(bases, total, samples, Watched(before, runs, rate[events.read[before]] * time))


def _count(
    reads: Sequence[AlignedRead], events: Events, expected: Doubles, own: npt.NDArray[np.int64], step: Doubles
) -> Doubles:
    """(3, W) samples watched in each of the events `own`, excursions, and samples away."""
    counts, first = np.zeros((3, len(own))), 0
    for places in _places(reads, events, expected, own, step):
        breaks = np.isnan(places)
        number = first + np.cumsum(breaks) - breaks
        away = places > 0.5  # NaN is not
        begun = away & ~np.concatenate([[False], away[:-1]])
        for row, marks in zip(counts, (~breaks, begun, away), strict=True):
            row += np.bincount(number, marks, len(own))
        first += int(breaks.sum())
    return counts


def motor_effects(
    reads: Sequence[AlignedRead], events: Events, watched: Watched, places: Sequence[tuple[int]]
) -> Doubles:
    """(B, 4) what each base at `places` adds to the log of the rate of excursions.

    `places` are offsets from the first base of the k-mer. Effects add up, and their factors are 1 on average over all
    sequences: Poisson regression, by iterative scaling.
    """
    around = _held(reads, events, watched, places)
    inside = (around < 4).all(axis=0)
    around, runs, wanted = around[:, inside], watched.runs[inside], watched.wanted[inside]
    effects = np.zeros((len(places), 4))
    if runs.sum() < FEW_RUNS * effects.size:
        return effects
    for _ in range(SCALINGS):
        for i, base in enumerate(around):
            factor = _factor(effects, around)
            ratio = np.bincount(base, runs, 4) / np.maximum(np.bincount(base, wanted * factor, 4), 1e-9)
            effects[i] += np.log(np.clip(ratio, 0.1, 10.0))
            effects[i] -= np.log(np.exp(effects[i]).mean())
    return effects


def dispersion(
    reads: Sequence[AlignedRead], events: Events, watched: Watched, places: Sequence[tuple[int]], effects: Floats
) -> float:
    """Variance over events of their rate of excursions, relative to what read, time and the motor say of it."""
    wanted = watched.wanted * _factor(effects, _held(reads, events, watched, places))
    wanted *= watched.runs.sum() / max(wanted.sum(), 1e-9)
    # of a Poisson number n whose rate varies, n (n - 1) is on average the square of the rate
    return float((watched.runs * (watched.runs - 1)).sum() / max((wanted**2).sum(), 1e-9) - 1)


def _held(
    reads: Sequence[AlignedRead], events: Events, watched: Watched, places: Sequence[tuple[int]]
) -> npt.NDArray[np.uint8]:
    """(B, W) the bases at `places` of the events watched; 4 beyond the ends."""
    found = bases_around(reads, events, places)
    return np.array([found[place][watched.events] for place, in places])


def _factor(effects: Doubles | Floats, around: npt.NDArray[np.uint8]) -> Doubles:
    """(W,) by what the bases `around` (B, W) multiply the rate of excursions."""
    return np.asarray(np.exp(sum(np.append(effect, 0.0)[base] for effect, base in zip(effects, around, strict=True))))


def towards_before(reads: Sequence[AlignedRead], events: Events, expected: Doubles) -> Doubles:
    """Samples of long events between two levels: 0 is the event's own (its median), 1 that of the event before."""
    places = np.concatenate([np.zeros(0), *_places(reads, events, expected, *_clear(events, expected)[0])])
    return np.asarray(places[np.isfinite(places)])


def _clear(events: Events, expected: Doubles) -> list[tuple[npt.NDArray[np.int64], Doubles]]:
    """Long events from whose level that of the event before lies far, and how far; the same for the one after.

    Not those where the other neighbour lies on the same side: a sample on the way there would be taken for one on the
    way here.
    """
    steps = [levels - expected for levels in neighbours(events, expected)]
    chosen = []
    for step, other in (steps, steps[::-1]):
        clear = (np.abs(step) > CLEAR) & ~((step * other > 0) & (np.abs(other) > CALM))
        own = np.flatnonzero(clear & (events.dwell >= LONG))
        chosen.append((own, step[own]))
    return chosen


def _places(
    reads: Sequence[AlignedRead], events: Events, expected: Doubles, own: npt.NDArray[np.int64], step: Doubles
) -> Iterator[Doubles]:
    """For each read where the samples of its chosen events (`own`) lie on the way to a level `step` away; see
    `_between`."""
    rows = np.searchsorted(events.read[own], np.arange(len(reads) + 1))
    for read, (first, last) in zip(reads, pairwise(rows.tolist()), strict=True):
        part = own[first:last]
        yield _between(read.signal, read.bounds[events.position[part]], events.dwell[part], expected[part],
                       step[first:last])


@numba.njit(cache=True, nogil=True)
def _between(signal, starts, dwells, levels, steps):  # type: ignore[no-untyped-def]
    """Where samples lie between their event's median (0) and the level a step away (1), a NaN after each event; nothing
    but that NaN of an event that is not calm."""
    places, count = np.empty(np.sum(dwells)), 0
    for i in range(len(starts)):
        inside = signal[starts[i] + EDGE : starts[i] + dwells[i] - EDGE]
        middle = np.median(inside)
        if np.abs(middle - levels[i]) <= CALM:
            for value in inside:
                places[count] = (value - middle) / (levels[i] + steps[i] - middle)
                count += 1
        places[count] = np.nan
        count += 1
    return places[:count]
