"""Reads laid on their sequences, taken apart into events: one k-mer each, with its stretch of signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes, kmers
from basecaller.simulate.pore import Floats

Doubles = npt.NDArray[np.float64]

MARGIN = 2
"""Samples at either end of an event that may belong to its neighbour."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedRead:
    """A read laid on its sequence."""

    read_id: str
    group: str
    """Reads of one group share flow cell and sample."""
    signal: Floats
    """(S,) in the pore's units."""
    codes: Codes
    """(L,) the bases aligned, 0..3."""
    bounds: npt.NDArray[np.int64]
    """(L - k + 2,) first sample of each k-mer, and the end of the last."""
    good: npt.NDArray[np.bool_]
    """(L - k + 1,) k-mers around which signal and sequence agree."""
    shift: float
    """pA."""
    scale: float
    """pA per unit."""
    leader: Floats
    """What stands before the strand, in the pore's units."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The k-mers of all reads that agree with their signal, one row each."""

    kmer: npt.NDArray[np.int64]
    read: npt.NDArray[np.int64]
    dwell: npt.NDArray[np.int64]
    mean: Doubles
    """Of the samples without the margins; NaN where none are left."""
    roughness: Doubles
    """Half the mean squared difference of neighbouring samples; NaN where there are none."""
    position: npt.NDArray[np.int64]
    """Of the k-mer in its read."""


def events_of(reads: Sequence[AlignedRead], k: int) -> Events:
    """The good k-mers of all reads."""
    parts = []
    for number, read in enumerate(reads):
        begin, end = read.bounds[:-1], read.bounds[1:]
        dwell = end - begin
        inner_begin, inner = begin + MARGIN, np.maximum(dwell - 2 * MARGIN, 0)
        sums = np.concatenate([[0.0], np.cumsum(read.signal, dtype=np.float64)])
        squares = np.concatenate([[0.0, 0.0], np.cumsum(np.diff(read.signal.astype(np.float64)) ** 2)])
        stop = np.minimum(inner_begin + inner, len(read.signal))
        start = np.minimum(inner_begin, stop)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (sums[stop] - sums[start]) / inner
            # squares[i] sums the steps up to the one from sample i - 1 to i
            rough = (squares[stop] - squares[np.minimum(start + 1, stop)]) / (2.0 * np.maximum(inner - 1, 0))
        mean[inner == 0] = np.nan
        rough[inner < 2] = np.nan
        good = np.flatnonzero(read.good)
        kmer = kmers(read.codes, k)[good]
        parts.append((kmer, np.full(len(good), number), dwell[good], mean[good], rough[good], good))
    return Events(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def bases_around(
    reads: Sequence[AlignedRead], events: Events, places: Sequence[Sequence[int]]
) -> dict[int, npt.NDArray[np.uint8]]:
    """For each offset in `places` the base (E,) that far from the first of each event's k-mer; 4 beyond the ends."""
    lengths = np.array([len(read.codes) for read in reads])
    codes, first = np.concatenate([read.codes for read in reads]), np.cumsum(lengths) - lengths
    bases = {}
    for offset in sorted({offset for place in places for offset in place}):
        place = events.position + offset
        inside = (place >= 0) & (place < lengths[events.read])
        found = codes[np.where(inside, first[events.read] + place, 0)]
        bases[offset] = np.where(inside, found, 4).astype(np.uint8)
    return bases


def joint(bases: dict[int, npt.NDArray[np.uint8]], place: Sequence[int]) -> npt.NDArray[np.int64]:
    """(E,) index of the n bases at a place; 4**n where one of them lies beyond the ends."""
    index = np.zeros(len(bases[place[0]]), np.int64)
    for offset in place:
        index = index * 4 + bases[offset]
    index[np.any([bases[offset] == 4 for offset in place], axis=0)] = 4 ** len(place)
    return index


def effects(
    reads: Sequence[AlignedRead], events: Events, values: Doubles, places: Sequence[Sequence[int]]
) -> tuple[Doubles, Doubles]:
    """What the n bases at each place add to `values`, (P, 4**n), and what that leaves of the values.

    Mean deviations, taken in turns (backfitting). Values that are NaN teach nothing.
    """
    rest = values.copy()
    size = 4 ** len(places[0])
    effects = np.zeros((len(places), size))
    use = np.isfinite(rest)
    bases = bases_around(reads, events, places)
    for _ in range(3):
        for i, place in enumerate(places):
            index = joint(bases, place)
            number = np.bincount(index[use], minlength=size + 1)[:size]
            mean = np.bincount(index[use], rest[use], size + 1)[:size] / np.maximum(number, 1)
            mean -= (mean * number).sum() / max(number.sum(), 1)
            rest -= np.append(mean, 0.0)[index]
            effects[i] += mean
    return effects, rest
