"""Levels of k-mers that were seldom or never seen, out of the levels of those that were.

262,144 levels of 9-mers cannot be counted out of a few hundred thousand events. But a level is, nearly, a sum of what
smaller parts of the k-mer add: its bases, pairs and triples of bases wherever they stand, and four in a row. These are
some thousand numbers, which a small data set does determine.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from basecaller.simulate.events import Doubles

RIDGE = 20.0
"""Events of evidence against a part adding anything."""
ITERATIONS = 60
TOLERANCE = 1e-6
"""Squared residual of the normal equations, over that at the start, at which the fit ends."""


def parts_of(k: int) -> list[tuple[int, ...]]:
    """The parts of a k-mer, as places of bases in it."""
    places = range(k)
    scattered = [part for size in (1, 2, 3) for part in combinations(places, size)]
    return scattered + [tuple(range(first, first + 4)) for first in range(k - 3)]


def levels_from_parts(kmer: npt.NDArray[np.int64], mean: Doubles, k: int) -> Doubles:
    """(4**k,) levels of all k-mers, from the means (E,) of events and their k-mers (E,).

    Ridge regression of the means on indicators of each part's bases, by conjugate gradients (Hestenes, Stiefel 1952).
    """
    weight = np.bincount(kmer, minlength=4**k).astype(np.float64)
    seen = np.flatnonzero(weight)
    middle = float(mean.mean())
    target = np.asarray(np.bincount(kmer, mean - middle, 4**k)[seen], np.float64)  # sums
    columns, size = _columns(seen, k)
    weight = weight[seen]

    def gathered(values: Doubles) -> Doubles:
        return np.asarray(sum(np.bincount(column, values, size) for column in columns))

    def normal(parts: Doubles) -> Doubles:
        return gathered(weight * _sums(parts, columns)) + RIDGE * parts

    parts = np.zeros(size)
    residual = gathered(target)
    direction, square = residual.copy(), float(residual @ residual)
    goal = TOLERANCE * square
    for _ in range(ITERATIONS):
        if square <= goal:
            break
        image = normal(direction)
        step = square / float(direction @ image)
        parts += step * direction
        residual -= step * image
        before, square = square, float(residual @ residual)
        direction = residual + square / before * direction
    return middle + _sums(parts, _columns(np.arange(4**k), k)[0])


def _columns(kmers: npt.NDArray[np.int64], k: int) -> tuple[list[npt.NDArray[np.int32]], int]:
    """For each part the number (K,) of its bases in each k-mer, no number used by two parts; and how many there are."""
    columns, first = [], 0
    for part in parts_of(k):
        column = np.zeros(len(kmers), np.int32)
        for place in part:
            column = column * 4 + ((kmers >> 2 * (k - 1 - place)) & 3).astype(np.int32)
        columns.append(column + first)
        first += 4 ** len(part)
    return columns, first


def _sums(parts: Doubles, columns: list[npt.NDArray[np.int32]]) -> Doubles:
    total = np.zeros(len(columns[0]))
    for column in columns:
        total += parts[column]
    return total
