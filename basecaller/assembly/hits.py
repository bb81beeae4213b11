"""Overlaps made fit for layout: reads cut to their well-covered part, overlaps sorted into dovetails and containments.

The rules are those of miniasm (Li 2016); the cited thresholds stand in `LayoutRules`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.assembly.overlap import Overlaps

Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]
INTERNAL, QUERY_CONTAINED, TARGET_CONTAINED, TOO_SHORT, DOVETAIL = range(5)


@dataclass(frozen=True)
class LayoutRules:
    """Every threshold of the layout; lengths in bases."""

    min_span: int = 2000
    """An overlap must be this long on both reads."""
    min_match: int = 100
    """Matching bases of an overlap."""
    min_identity: float = 0.05
    """Share of matching bases for an overlap to count as coverage."""
    min_depth: int = 3
    """A read is cut to its longest part covered by this many other reads."""
    max_hang: int = 1000
    """What may stick out unaligned beyond an overlap's end."""
    internal_ratio: float = 0.8
    """Least share of aligned bases between the outer ends of an overlap."""
    min_overlap: int = 2000
    """Least length of an overlap that becomes an arc."""
    fuzz: int = 1000
    """Difference of lengths that transitive reduction lets pass."""
    max_tip: int = 4
    """A dead end of at most so many reads is cut."""
    max_bubble: int = 50_000
    drop_ratios: tuple[float, ...] = (0.5, 0.6, 0.7)
    """Rounds: an overlap shorter than this share of the longest beside it is dropped."""
    final_drop_ratio: float = 0.8
    keep_islands: bool = False
    """Keep short pieces that hang on nothing, single reads too (miniasm cuts them as tips)."""


@dataclass(frozen=True, eq=False)
class Hits:
    """Overlaps in both directions, sorted by query and start, over reads cut to [start, end)."""

    query: Int
    query_start: Int
    query_end: Int
    target: Int
    target_start: Int
    target_end: Int
    reverse: Bool
    matches: Int
    span: Int

    def take(self, rows: npt.NDArray[np.bool_] | Int) -> Hits:
        """Some rows, by mask or index."""
        return Hits(self.query[rows], self.query_start[rows], self.query_end[rows], self.target[rows],
                    self.target_start[rows], self.target_end[rows], self.reverse[rows], self.matches[rows],
                    self.span[rows])


@dataclass(frozen=True, eq=False)
class Selection:
    """What layout starts from: the reads' kept parts, the hits between them and each hit's kind."""

    start: Int
    end: Int
    """(R,) int64: read i is used from start to end (0, 0: not used)."""
    contained: Bool
    """(R,) reads that lie within another."""
    hits: Hits


def both_ways(overlaps: Overlaps, rules: LayoutRules) -> Hits:
    """Long enough overlaps, each seen from both of its reads."""
    o = overlaps.longer(rules.min_span)
    o = o.take(o.matches >= rules.min_match)
    there = (o.query, o.query_start, o.query_end, o.target, o.target_start, o.target_end)
    back = (o.target, o.target_start, o.target_end, o.query, o.query_start, o.query_end)
    qn, qs, qe, tn, ts, te = (np.concatenate([a, b]).astype(np.int64) for a, b in zip(there, back, strict=True))
    matches, span = (np.concatenate([x, x]).astype(np.int64) for x in (o.matches, o.span))
    hits = Hits(qn, qs, qe, tn, ts, te, np.concatenate([o.reverse, o.reverse]), matches, span)
    return hits.take(np.lexsort((hits.reverse, hits.target_end, hits.target_start, hits.target, hits.query_end,
                                 hits.query_start, hits.query)))


def covered_part(hits: Hits, number: int, rules: LayoutRules, clip: int) -> tuple[Int, Int, Bool]:
    """Of each read the longest stretch covered by `min_depth` others: (start, end, hopeless).

    Overlaps are shortened by `clip` at both ends before they count.
    """
    use = (hits.query != hits.target) & (hits.matches >= hits.span * np.float32(rules.min_identity))
    use &= hits.query_end - hits.query_start > 2 * clip
    read = hits.query[use]
    begin = (read << 34) | ((hits.query_start[use] + clip) << 1)
    finish = (read << 34) | ((hits.query_end[use] - clip) << 1) | 1
    events = np.sort(np.concatenate([begin, finish]))
    depth = np.cumsum(np.where(events & 1, -1, 1))
    before = depth - np.where(events & 1, -1, 1)
    opens = np.flatnonzero((before < rules.min_depth) & (depth >= rules.min_depth))
    closes = np.flatnonzero((before >= rules.min_depth) & (depth < rules.min_depth))
    owner = events[opens] >> 34
    first = (events[opens] >> 1) & ((1 << 33) - 1)
    last = (events[closes] >> 1) & ((1 << 33) - 1)
    order = np.lexsort((np.arange(len(owner)), -(last - first), owner))
    order = order[np.r_[True, owner[order][1:] != owner[order][:-1]]] if len(order) else order
    start, end = np.zeros(number, np.int64), np.zeros(number, np.int64)
    good = order[last[order] > first[order]]
    start[owner[good]] = first[good] - clip
    end[owner[good]] = last[good] + clip
    hopeless = np.zeros(number, np.bool_)
    hopeless[np.unique(hits.query)] = True
    hopeless[owner[good]] = False
    return start, end, hopeless


def cut(hits: Hits, start: Int, end: Int, hopeless: Bool, min_span: int) -> Hits:
    """Shorten hits to the kept parts of their reads, in the coordinates of those parts."""
    h = hits.take(~hopeless[hits.query] & ~hopeless[hits.target])
    q0, q1, t0, t1 = start[h.query], end[h.query], start[h.target], end[h.target]
    left, right = np.maximum(0, t0 - h.target_start), np.maximum(0, h.target_end - t1)
    qs = h.query_start + np.where(h.reverse, right, left)
    qe = h.query_end - np.where(h.reverse, left, right)
    left, right = np.maximum(0, q0 - h.query_start), np.maximum(0, h.query_end - q1)
    ts = h.target_start + np.where(h.reverse, right, left)
    te = h.target_end - np.where(h.reverse, left, right)
    qs, qe = np.maximum(qs, q0) - q0, np.minimum(qe, q1) - q0
    ts, te = np.maximum(ts, t0) - t0, np.minimum(te, t1) - t0
    ratio = ((qe - qs) + (te - ts)) / ((h.query_end - h.query_start) + (h.target_end - h.target_start))
    new = Hits(h.query, qs, qe, h.target, ts, te, h.reverse, (h.matches * ratio + 0.499).astype(np.int64),
               (h.span * ratio + 0.499).astype(np.int64))
    return new.take((qe - qs >= min_span) & (te - ts >= min_span))


def classify(hits: Hits, lengths: Int, max_hang: float, ratio: float, min_overlap: float) -> tuple[Int, Int, Int, Int]:
    """Kind of each hit, and of dovetails the arc: (kind, from vertex, to vertex, bases between their starts).

    A vertex is 2 * read + strand (1: reverse complement).
    """
    h = hits
    ql, tl = lengths[h.query], lengths[h.target]
    t5 = np.where(h.reverse, tl - h.target_end, h.target_start)
    t3 = np.where(h.reverse, h.target_start, tl - h.target_end)
    q5, q3 = h.query_start, ql - h.query_end
    hang5, hang3 = np.minimum(q5, t5), np.minimum(q3, t3)
    aligned = h.query_end - h.query_start
    internal = (hang5 > max_hang) | (hang3 > max_hang) | (aligned < (aligned + hang5 + hang3) * np.float32(ratio))
    in_target = (q5 <= t5) & (q3 <= t3)
    in_query = (q5 >= t5) & (q3 >= t3)
    short = (aligned + hang5 + hang3 < min_overlap) | (h.target_end - h.target_start + hang5 + hang3 < min_overlap)
    kind = np.select([internal, in_target, in_query, short],
                     [INTERNAL, QUERY_CONTAINED, TARGET_CONTAINED, TOO_SHORT], DOVETAIL)
    forward = q5 > t5
    source = 2 * h.query + np.where(forward, 0, 1)
    sink = 2 * h.target + np.where(forward, h.reverse, ~h.reverse)
    return kind, source, sink, np.where(forward, q5 - t5, q3 - t3)


def select(overlaps: Overlaps, number: int, rules: LayoutRules) -> Selection:
    """From overlaps of `number` reads to the reads and hits that make the string graph (two passes of cutting)."""
    hits = both_ways(overlaps, rules)
    start, end, hopeless = covered_part(hits, number, rules, 0)
    hits = cut(hits, start, end, hopeless, rules.min_span)
    kind = classify(hits, end - start, rules.max_hang * 1.5, 0.5, rules.min_overlap * 0.5)[0]
    hits = hits.take((kind == DOVETAIL) | (kind == QUERY_CONTAINED) | (kind == TARGET_CONTAINED))
    start2, end2, hopeless = covered_part(hits, number, rules, rules.min_span // 2)
    hits = cut(hits, start2, end2, hopeless, rules.min_span)
    start, end = start + start2, start + end2
    kind = classify(hits, end - start, rules.max_hang, rules.internal_ratio, rules.min_overlap)[0]
    contained = np.zeros(number, np.bool_)
    contained[hits.query[kind == QUERY_CONTAINED]] = True
    contained[hits.target[kind == TARGET_CONTAINED]] = True
    return Selection(start, end, contained, hits.take(~contained[hits.query] & ~contained[hits.target]))
