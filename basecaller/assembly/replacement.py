"""Edits of several bases: what single reads were called as where they differ from a contig in more than one base.

Where a contig has several errors close together, no edit of one base need make it likelier: each read has the right
bases there or others altogether. So every stretch over which a read's own call differs is a candidate, and scored by
all reads like a single edit (candidates from reads: Loman 2015, who scores haplotypes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.kernel import kernel
from basecaller.assembly.revise import LONGEST, Edit
from basecaller.assembly.unitcosts import fill_costs

MOST_EDITS = 16
"""Between a read's call and the contig, in one replacement."""
MOST_SAID = 20.0
"""No read says more than this for or against a replacement (natural logarithm)."""
MOST_PROPOSED = 1024
"""Replacements of one window: those that most reads propose, and of these the shortest. Seven reads propose 476 of a
window in the mean (*lambda*, 8x), 99 in 100 of them alone; of 128 a quarter of the reads had none."""
Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Replacements:
    """Bases `spans[i, 0]` to `spans[i, 1]` (excluded) give way to `bases[bounds[i]:bounds[i + 1]]`."""

    spans: Int
    """(m, 2), on the strand of the contig."""
    bounds: Int
    """(m + 1,)"""
    bases: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.spans)

    def take(self, rows: Int) -> Replacements:
        """Some of them, by number."""
        parts = [self.bases[self.bounds[r] : self.bounds[r + 1]] for r in rows.tolist()]
        return Replacements(self.spans[rows], np.cumsum([0, *map(len, parts)]),
                            np.concatenate([np.zeros(0, np.uint8), *parts]))

    def joined(self, others: Sequence[Edit]) -> Replacements:
        """These, and others by places of the window."""
        if not others:
            return self
        lengths = np.cumsum([len(other.new) for other in others])
        return Replacements(np.concatenate([self.spans, np.array([other[:2] for other in others], np.int64)]),
                            np.concatenate([self.bounds, self.bounds[-1] + lengths]),
                            np.concatenate([self.bases, *(other.new for other in others)]))

    def edits(self, start: int, scores: npt.NDArray[np.float64]) -> list[Edit]:
        """As edits of the contig, in which the window begins at `start`, with their scores (m,)."""
        bounds = pairwise(self.bounds.tolist())
        return [Edit(start + first, start + last, self.bases[begin:end], score) for (first, last), (begin, end), score
                in zip(self.spans.tolist(), bounds, scores.tolist(), strict=True)]

    def turned(self, length: int) -> Replacements:
        """The same of the reverse complement of a window of `length` bases."""
        out = np.empty_like(self.bases)
        for begin, end in pairwise(self.bounds.tolist()):
            out[begin:end] = 3 - self.bases[begin:end][::-1]
        return Replacements(np.ascontiguousarray(length - self.spans[:, ::-1]), self.bounds, out)


NONE = Replacements(np.zeros((0, 2), np.int64), np.zeros(1, np.int64), np.zeros(0, np.uint8))


@kernel
def _differences(t: Any, x: Any) -> Any:
    """(d, 4) where the best global alignment of t and x differs, column by column: start and end in t, then in x."""
    n, m = len(t), len(x)
    stride = m + 1
    table = np.empty((n + 1) * stride, np.int32)
    fill_costs(t, x, table)
    out = np.empty((table[n * stride + m], 4), np.int64)
    i, j, at = n, m, len(out)
    while i > 0 or j > 0:
        row = i * stride
        here = table[row + j]
        if i > 0 and j > 0 and t[i - 1] == x[j - 1] and here == table[row - stride + j - 1]:
            i -= 1
            j -= 1
            continue
        at -= 1
        if i > 0 and j > 0 and here == table[row - stride + j - 1] + 1:
            out[at] = (i - 1, i, j - 1, j)
            i -= 1
            j -= 1
        elif i > 0 and here == table[row - stride + j] + 1:
            out[at] = (i - 1, i, j, j)
            i -= 1
        else:
            out[at] = (i, i, j - 1, j)
            j -= 1
    return out


@kernel
def _propose(t: Any, wanted: Any, start: int, stop: int, pieces: Any, piece_bounds: Any) -> Any:
    """(m, 2) spans, (m + 1,) bounds and bases of the replacements of two edits and more that the reads over a window
    propose, each once, and (m,) how many reads propose it."""
    room = 256
    spans, counts = np.empty((room, 2), np.int64), np.zeros(room, np.int64)
    bounds, bases = np.zeros(room + 1, np.int64), np.empty(room * LONGEST, np.uint8)
    made = 0
    for r in range(len(piece_bounds) - 1):
        x = pieces[piece_bounds[r] : piece_bounds[r + 1]]
        columns = _differences(t, x)
        for a in range(len(columns)):
            first, begin = columns[a, 0], columns[a, 2]
            for b in range(a + 1, min(a + MOST_EDITS, len(columns))):
                last, end = columns[b, 1], columns[b, 3]
                if last - first > LONGEST or end - begin > LONGEST:
                    break
                if first < start or last > stop:
                    continue
                if not wanted[first : max(last, first + 1)].any():
                    continue
                known = False
                for c in range(made):
                    if spans[c, 0] == first and spans[c, 1] == last and bounds[c + 1] - bounds[c] == end - begin:
                        known = True
                        for y in range(end - begin):
                            known = known and bases[bounds[c] + y] == x[begin + y]
                        if known:
                            counts[c] += 1
                            break
                if known:
                    continue
                if made == room:
                    room *= 2
                    old_spans, old_counts, old_bounds, old_bases = spans, counts, bounds, bases
                    spans, counts = np.empty((room, 2), np.int64), np.zeros(room, np.int64)
                    bounds, bases = np.zeros(room + 1, np.int64), np.empty(room * LONGEST, np.uint8)
                    spans[:made], counts[:made] = old_spans, old_counts
                    bounds[: made + 1], bases[: old_bounds[made]] = old_bounds, old_bases[: old_bounds[made]]
                spans[made] = (first, last)
                counts[made] = 1
                bounds[made + 1] = bounds[made] + end - begin
                bases[bounds[made] : bounds[made + 1]] = x[begin:end]
                made += 1
    return spans[:made].copy(), bounds[: made + 1].copy(), bases[: bounds[made]].copy(), counts[:made].copy()


def propose(t: npt.NDArray[np.uint8], wanted: npt.NDArray[np.bool_], start: int, stop: int,
            pieces: npt.NDArray[np.uint8], piece_bounds: Int) -> Replacements:
    """What the reads over a window propose for bases start..stop-1 of its bases t, where something is `wanted`.

    `pieces`: what they were called as, one after the other, on the strand of the contig.
    """
    spans, bounds, bases, counts = _propose(t, wanted, start, stop, pieces, piece_bounds)
    found = Replacements(spans, bounds, bases)
    if len(found) > MOST_PROPOSED:
        sizes = np.diff(spans, axis=1)[:, 0] + np.diff(bounds)
        found = found.take(np.sort(np.lexsort((sizes, -counts))[:MOST_PROPOSED]))
    return found
