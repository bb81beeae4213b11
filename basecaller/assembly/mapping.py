"""Reads laid onto contigs: where each read lies, and which of its bases stand at the borders of windows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.chain import (
    TRIES,
    chain,
    coarse_table,
    collect,
    group_end,
    position_bits,
    positions,
    stretch,
    trace,
    with_room,
    workspace,
)
from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import Grid
from basecaller.assembly.kernel import kernel
from basecaller.assembly.minimizer import CLEAN, Sketch, build_index
from basecaller.assembly.parallel import blocks, run_blocks
from basecaller.assembly.readset import ReadSet
from basecaller.assembly.unitcosts import fill_costs

MAX_GAP = 3000
MIN_ANCHORS = 4
MAX_PLACES = 16
"""Stretches of one read."""
MIN_SCORE = 60.0
MOST = 5000
MAX_CELLS = 1 << 20
"""Of a gap between two anchors; a larger one is left unaligned."""
TO_END = 100
"""A read whose outermost anchor lies this near an end of a linear contig, or nearer, is followed to that end ..."""
LACKING = 3
"""... if no more than so many bases are wanting."""
Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placements:
    """Where reads lie: one row per stretch of a read; positions on a circle count on past its end, up to once round."""

    read: Int
    reverse: npt.NDArray[np.bool_]
    contig: Int
    read_start: Int
    """On the strand of the contig."""
    read_end: Int
    start: Int
    end: Int

    def take(self, rows: npt.NDArray[np.bool_]) -> Placements:
        """Some rows, by mask."""
        return Placements(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Segments:
    """The bases of one read over one window, one row each, sorted by window, then read."""

    window: Int
    """Flat number of the window over all contigs."""
    read: Int
    reverse: npt.NDArray[np.bool_]
    start: Int
    """On the strand of the contig, as in `Placements`."""
    end: Int


@kernel
def cross(reference: Any, c0: Any, c1: Any, read: Any, r0: Any, r1: Any, border: Any, table: Any) -> Any:
    """Read position at which the best global alignment of reference[c0:c1] and read[r0:r1] passes `border`."""
    n, m = c1 - c0, r1 - r0
    stride = m + 1
    fill_costs(reference[c0:c1], read[r0:r1], table)
    i, j = n, m
    while i > border - c0:
        row = i * stride
        here = table[row + j]
        if j > 0 and here == table[row - stride + j - 1] + (0 if reference[c0 + i - 1] == read[r0 + j - 1] else 1):
            i -= 1
            j -= 1
        elif here == table[row - stride + j] + 1:
            i -= 1
        else:
            j -= 1
    return r0 + j


@kernel
def _map_block(
    codes: Any, offsets: Any, first: int, last: int, longest: int, flat: Any, flat_offsets: Any, keys: Any,
    buckets: Any, coarse: Any, field: int, grid_borders: Any, grid_first: Any, lengths: Any, sketch: Sketch,
    min_span: int, to_ends: bool,
) -> Any:
    """Placements (rows of 7) and segments (rows of 5) of reads first..last-1."""
    scratch = (np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.uint8))
    anchors = np.empty(1 << 16, np.uint64)
    score, back, used, path = workspace(len(anchors))
    table = np.empty(MAX_CELLS, np.int32)
    placed = np.empty((256, 7), np.int64)
    n_placed = 0
    rows = np.empty((4096, 5), np.int64)
    n_rows = 0
    for q in range(first, last):
        forward = codes[offsets[q] : offsets[q + 1]]
        length = len(forward)
        anchors, n = collect(forward, sketch, keys, buckets, flat_offsets, coarse, field, 0, scratch,
                             anchors)
        if n > len(score):
            score, back, used, path = workspace(len(anchors))
        i = 0
        while i < n:
            j = group_end(anchors, i, n, field)
            if j - i >= MIN_ANCHORS:
                chain(anchors, i, j, field, sketch.k, MAX_GAP, score, back)
            else:
                score[i:j] = 0
                back[i:j] = -1
            i = j
        used[:n] = False
        backward = np.empty(0, np.uint8)
        begun = n_placed
        for _ in range(TRIES):
            count = trace(0, n, score, back, used, path)
            if count == 0 or score[path[0]] < MIN_SCORE or n_placed - begun == MAX_PLACES:
                break
            if count < MIN_ANCHORS:
                continue
            contig, reverse, ts, te, qs, qe = stretch(anchors, path, count, sketch.k, field)
            if qe - qs < min_span:
                continue
            taken = 0
            fs, fe = (length - qe, length - qs) if reverse else (qs, qe)
            for x in range(begun, n_placed):
                os, oe = placed[x, 3], placed[x, 4]
                if placed[x, 1]:
                    os, oe = length - oe, length - os
                taken += max(0, min(fe, oe) - max(fs, os))
            if 5 * taken > qe - qs:
                continue
            placed = with_room(placed, n_placed)
            placed[n_placed] = (q, reverse, contig, qs, qe, ts, te)
            n_placed += 1
            oriented = forward
            if reverse:
                if len(backward) == 0:
                    backward = np.empty(length, np.uint8)
                    for x in range(length):
                        c = forward[length - 1 - x]
                        backward[x] = 3 - c if c < 4 else c
                oriented = backward
            circle = lengths[contig]
            borders = grid_borders[grid_first[contig] : grid_first[contig + 1]]
            windows = len(borders) - 1
            reference = flat[flat_offsets[contig] : flat_offsets[contig + 1]]
            linear = to_ends and len(reference) == circle
            lap = ts // circle
            at = np.searchsorted(borders, ts - lap * circle)
            x = count - 1
            before = np.int64(-1)
            # bases of the read for what is left of a linear contig, at the rate of bases between its outermost anchors
            ahead = ts * (qe - qs) // (te - ts)
            behind = (circle - te) * (qe - qs) // (te - ts)
            if linear and at == 1 and ts <= TO_END and qs >= ahead - LACKING:
                before = max(np.int64(0), qs - ahead)
            reached = te  # position of the contig up to which the read is followed
            if linear and borders[windows - 1] <= te and circle - te <= TO_END and length - qe >= behind - LACKING:
                reached = circle
            while True:
                if at > windows:
                    at -= windows
                    lap += 1
                border = borders[at] + lap * circle
                if border > reached:
                    break
                while x > 0 and positions(anchors[path[x - 1]], field)[0] <= border:
                    x -= 1
                c0, r0 = positions(anchors[path[x]], field)
                here = np.int64(-1)
                if border > te:
                    here = min(np.int64(length), qe + behind)
                elif border <= c0 + sketch.k:
                    here = r0 + border - c0
                elif x > 0:
                    c1, r1 = positions(anchors[path[x - 1]], field)
                    c0, r0 = c0 + np.int64(sketch.k), r0 + np.int64(sketch.k)
                    if r1 <= r0:
                        here = min(r0, r1)
                    elif (c1 - c0 + 1) * (r1 - r0 + 1) <= MAX_CELLS:
                        here = cross(reference, c0, c1, oriented, r0, r1, border, table)
                if before >= 0 and here > before:
                    wide = borders[at] - borders[at - 1]
                    if abs(here - before - wide) <= 20 + wide // 3:
                        rows = with_room(rows, n_rows)
                        rows[n_rows] = (grid_first[contig] - contig + at - 1, q, reverse, before, here)
                        n_rows += 1
                before = here
                at += 1
    return placed[:n_placed].copy(), rows[:n_rows].copy()


def map_reads(
    reads: ReadSet, contigs: list[Contig], grid: Grid, threads: int = 1, min_span: int = 200, sketch: Sketch = CLEAN,
    to_ends: bool = False,
) -> tuple[Placements, Segments]:
    """Lay every read onto the contigs: its best stretches, none over bases that a better one holds already.

    `to_ends`: reads that reach an end of a linear contig have a segment in its last window too, whose outer border is
    reckoned, not aligned; without it few have an anchor there.
    """
    if not contigs or not len(reads):
        none = np.zeros(0, np.int64)
        strand = np.zeros(0, np.bool_)
        return Placements(none, strand, none, none, none, none, none), Segments(none, none, strand, none, none)
    longest = int(reads.lengths.max(initial=1))
    flat_parts = [unroll(contig, longest) for contig in contigs]
    flat_offsets = np.concatenate([[0], np.cumsum([len(part) for part in flat_parts])]).astype(np.int64)
    flat = np.concatenate(flat_parts)
    field = position_bits(max(longest, *map(len, flat_parts)), len(contigs))
    lengths = np.array([len(contig.codes) for contig in contigs], np.int64)
    index = build_index(flat, flat_offsets, sketch, MOST, threads)
    coarse = coarse_table(flat_offsets)
    parts = run_blocks(
        lambda first, last: _map_block(
            reads.codes, reads.offsets, first, last, longest, flat, flat_offsets, index.keys, index.buckets, coarse,
            field, grid.borders, grid.first, lengths, sketch, min_span, to_ends,
        ),
        blocks(reads.lengths),
        threads,
    )
    p = np.concatenate([part[0] for part in parts])
    s = np.concatenate([part[1] for part in parts])
    s = s[np.lexsort((s[:, 3], s[:, 1], s[:, 0]))]
    return (
        Placements(p[:, 0], p[:, 1].astype(np.bool_), p[:, 2], p[:, 3], p[:, 4], p[:, 5], p[:, 6]),
        Segments(s[:, 0], s[:, 1], s[:, 2].astype(np.bool_), s[:, 3], s[:, 4]),
    )


def unroll(contig: Contig, longest: int) -> npt.NDArray[np.uint8]:
    """A circle written on past its end, so that every read finds its place in one piece; a linear contig as it is."""
    if not contig.circular:
        return contig.codes
    extra = longest + longest // 4 + 100
    return np.resize(contig.codes, len(contig.codes) + extra)
