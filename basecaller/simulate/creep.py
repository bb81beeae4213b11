"""Creep: while a base is read its current moves a little, fastest in the last samples before the strand steps on.

In R9.4 signal the last of an event's samples lie some hundredths of the levels' deviation below those in its middle,
and on the way from the level before to the level after. How far depends on the k-mer, and is the same in reads of
other flow cells and samples. A caller can hear by it where a base ends, and in part which one it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from basecaller.simulate.events import MARGIN, AlignedRead, Doubles, Events
from basecaller.simulate.flicker import FEW_READS, neighbours
from basecaller.simulate.pore import Floats

SAMPLES = 5.0
"""Time constant of the approach to both ends of an event: of those between 2 and 12 it leaves the least of real
signal unexplained, for *K. pneumoniae* of 2017 as for human reads of later flow cells."""
DWELLS = (8, 48)
"""Samples of the events that are looked at, fewest and most."""
EDGE = 1
"""Samples at either end that are shared with the neighbour."""
CLEAR = 0.3
"""Least distance of both neighbours' levels, for the ends to be where alignment says."""
LARGEST = 0.8
"""A sample farther than this from its event's mean is an excursion."""
SHRINKAGE = 30.0
"""Evidence (squared deviations of the two profiles) against a k-mer differing from the mean of all."""
FEW_SAMPLES = 1000
"""Of a read, by which to tell how much it creeps, at least."""


@dataclass(frozen=True, slots=True)
class Creep:
    """How much of a pore's creep reads show."""

    share: float
    """Creep of all reads over that of the pore; 1 where the pore has none."""
    deviation: float
    """Deviation over reads of the log of their creep, less what noise alone makes."""


def profiles(dwell: int) -> Doubles:
    """(2, dwell) how the two parts of creep, by which an event begins and ends, go over its samples.

    Their mean is 0 over the samples by which an event's level is told.
    """
    at = np.arange(dwell) / SAMPLES
    both = np.exp(-np.stack([at, at[::-1]]))
    inner = both[:, MARGIN : dwell - MARGIN] if dwell > 2 * MARGIN else both
    return np.asarray(both - inner.mean(axis=1, keepdims=True))


def creep_table(reads: Sequence[AlignedRead], events: Events, expected: Doubles, kmers: int) -> Doubles:
    """(2, kmers) size of the two profiles of every k-mer, least squares; `expected` (E,) is the level of each event.

    K-mers that were seldom seen are drawn to what all have in common.
    """
    squares, products = np.zeros((kmers, 2, 2)), np.zeros((kmers, 2))
    for kmer, shape, signal, _ in _watched(reads, events, expected):
        for i in range(2):
            products[:, i] += np.bincount(kmer, shape[i] * signal, kmers)
            for j in range(2):
                squares[:, i, j] += np.bincount(kmer, shape[i] * shape[j], kmers)
    total = squares.sum(axis=0)
    if np.linalg.matrix_rank(total) < 2:
        return np.zeros((2, kmers))
    usual = np.linalg.solve(total, products.sum(axis=0))
    own = np.linalg.solve(squares + SHRINKAGE * np.eye(2), (products - squares @ usual)[..., None])[..., 0]
    return np.asarray((usual + own).T)


def creep_of(reads: Sequence[AlignedRead], events: Events, expected: Doubles, table: Floats) -> Creep:
    """How much of the creep (2, 4**k) of a pore reads show, and how much they differ in it."""
    if not table.any():
        return Creep(1.0, 0.0)
    rows = []
    for kmer, shape, signal, _ in _watched(reads, events, expected):
        if len(signal) >= FEW_SAMPLES:
            model = (table[:, kmer] * shape).sum(axis=0)
            rows.append((float(model @ signal), float(model @ model), float(signal @ signal) / len(signal)))
    if not rows:
        return Creep(1.0, 0.0)
    along, square, variance = np.array(rows).T
    share = float(along.sum() / square.sum())
    if len(rows) < FEW_READS or share <= 0:
        return Creep(share, 0.0)
    relative = along / square / share
    return Creep(share, float(np.sqrt(max(relative.var() - (variance / square).mean() / share**2, 0.0))))


def before_steps(reads: Sequence[AlignedRead], events: Events, expected: Doubles, samples: int) -> Doubles:
    """(samples,) mean signal less its event's mean, by how many samples are left of the event, from 1 on."""
    total, count = np.zeros(samples + 1), np.zeros(samples + 1)
    for _, _, signal, left in _watched(reads, events, expected):
        near = left <= samples
        total += np.bincount(left[near], signal[near], samples + 1)
        count += np.bincount(left[near], minlength=samples + 1)
    return np.asarray((total / np.maximum(count, 1))[1:])


def _watched(
    reads: Sequence[AlignedRead], events: Events, expected: Doubles
) -> Iterator[tuple[npt.NDArray[np.int64], Doubles, Doubles, npt.NDArray[np.int64]]]:
    """For each read the samples of its events of some length with clear ends: k-mers (S,), profiles (2, S), signal
    (S,) less its event's mean, and how many samples are left of the event; the profiles too have mean 0 over each
    event here."""
    clear = np.all([np.abs(levels - expected) > CLEAR for levels in neighbours(events, expected)], axis=0)
    clear &= (events.dwell >= DWELLS[0]) & (events.dwell <= DWELLS[1])
    clear &= np.abs(events.mean - expected) < LARGEST / 2
    shapes = [profiles(dwell)[:, EDGE : dwell - EDGE] for dwell in range(DWELLS[0], DWELLS[1] + 1)]
    shapes = [shape - shape.mean(axis=1, keepdims=True) for shape in shapes]
    bounds = np.searchsorted(events.read, np.arange(len(reads) + 1))
    for number, read in enumerate(reads):
        own = bounds[number] + np.flatnonzero(clear[bounds[number] : bounds[number + 1]])
        if not len(own):
            continue
        dwell = events.dwell[own]
        inner = dwell - 2 * EDGE
        event = np.repeat(np.arange(len(own)), inner)
        within = np.arange(inner.sum()) - np.repeat(np.cumsum(inner) - inner, inner)
        signal = read.signal[(read.bounds[events.position[own]] + EDGE)[event] + within].astype(np.float64)
        signal = np.clip(_level(signal, event, inner), -LARGEST, LARGEST)
        shape = np.concatenate([shapes[size - DWELLS[0]] for size in dwell.tolist()], axis=1)
        yield events.kmer[own][event], shape, _level(signal, event, inner), dwell[event] - EDGE - 1 - within


def _level(signal: Doubles, event: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Doubles:
    """Signal less the mean of each event's."""
    return np.asarray(signal - (np.bincount(event, signal) / sizes)[event])


@numba.njit(cache=True, nogil=True)
def add_creep(signal, starts, sizes):  # type: ignore[no-untyped-def]
    """Add to `signal` (S,) the two profiles, of the `sizes` (2, L), of bases that start at `starts` (L,)."""
    if len(starts) == 0:
        return
    bounds = np.append(starts, len(signal))
    decay = np.exp(-np.arange(np.diff(bounds).max()) / SAMPLES)
    for i in range(len(starts)):
        dwell = bounds[i + 1] - bounds[i]
        skip = MARGIN if dwell > 2 * MARGIN else 0
        # either profile is the other turned round, so that their means are one
        mean = decay[skip : dwell - skip].sum() / max(1, dwell - 2 * skip)
        for t in range(dwell):
            moved = sizes[0, i] * (decay[t] - mean) + sizes[1, i] * (decay[dwell - 1 - t] - mean)
            signal[bounds[i] + t] += np.float32(moved)
