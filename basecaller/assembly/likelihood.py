"""Consensus by likelihood: all reads over a window score every single edit, the best are made, until none helps.

For each read one forward and one backward pass over a band (a pair hidden Markov model with one state) give the
likelihood of the read under every substitution, insertion and deletion of one base (as in Chin 2013, Loman 2015). What
the best rejected edits leave to doubt is the quality of each base.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.circle import rotate
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import (
    DOUBTED,
    EDITS,
    LENGTH,
    ROUNDS,
    SCREEN,
    doubt_quality,
    make_edits,
    rule_out,
    still_open,
)
from basecaller.assembly.grid import Grid, grid_near
from basecaller.assembly.kernel import kernel
from basecaller.assembly.mapping import Segments
from basecaller.assembly.pairmodel import MAX_RUN, ErrorModel, run_lengths, segment_bases
from basecaller.assembly.pairscore import MAX_BAND, score_read
from basecaller.assembly.parallel import run_blocks
from basecaller.assembly.readset import ReadSet

MOST_READS = 64
SHARED = 8.0
"""By how much what reads have in common lowers qualities more than it shows in their disagreements: the contig was made
of the same errors. Fitted on E. coli reads, whose correlation of 0.09 makes Q35 of Q60."""
WINDOWS = 64
"""Windows of a task."""


@kernel
def _score_window(template: Any, n: int, pieces: Any, qualities: Any, bounds: Any, match: Any, mismatch: Any,
                  insertion: Any, by_run: Any, correlation: float, buffers: Any, scores: Any) -> int:
    """Scores (n, 11) of all edits by all reads of a window and the length that they make; returns the number of reads
    that count."""
    F, B, low, scale = buffers
    t = template[:n]
    runs = run_lengths(t)
    deletion = np.empty(2 * n, np.float64)
    for i in range(n):
        deletion[i] = by_run[min(runs[i], MAX_RUN)]
        deletion[n + i] = by_run[min(runs[i] + 1, MAX_RUN)]
    wanted = np.ones(n, np.bool_)
    scores[:n] = 0.0
    number = len(bounds) - 1
    stride = max(1, number // SCREEN)
    used = screeners = 0
    for phase in range(2):
        if phase == 1:
            screeners = used
            if number <= SCREEN:
                break
            still_open(t, n, scores, wanted)
        for r in range(number):
            screened = r % stride == 0 and r // stride < SCREEN
            if number > SCREEN and screened != (phase == 0):
                continue
            x = pieces[bounds[r] : bounds[r + 1]]
            q = qualities[bounds[r] : bounds[r + 1]]
            if score_read(t, deletion, x, match[q], mismatch[q], insertion[q], wanted, F, B, low, scale, scores):
                used += 1
    for i in range(n):
        heard = used if wanted[i] else screeners  # those that were asked of it
        weight = 1.0 / (1.0 + (heard - 1) * correlation) if heard else 0.0
        for e in range(EDITS):
            scores[i, e] = scores[i, e] * weight + LENGTH[e]
    rule_out(t, n, scores)
    return used


@kernel
def _refine_window(template: Any, pieces: Any, qualities: Any, bounds: Any, match: Any, mismatch: Any, insertion: Any,
                   by_run: Any, correlation: float, buffers: Any) -> Any:
    """The window with all helpful edits made, and the quality of each base."""
    room = len(template) + 40 + len(template) // 4
    t = np.empty(room, np.uint8)
    n = len(template)
    t[:n] = template
    scores = np.empty((room, EDITS), np.float64)
    used = 0
    for turn in range(ROUNDS + 1):
        used = _score_window(t, n, pieces, qualities, bounds, match, mismatch, insertion, by_run, correlation, buffers,
                             scores)
        if turn == ROUNDS or used == 0:
            break
        new, k, count = make_edits(t, n, scores, room)
        if count == 0:
            break
        t, n = new, k
    if used == 0:
        return t[:n].copy(), np.zeros(n, np.uint8)
    quality = doubt_quality(n, scores, DOUBTED)
    for i in range(n):
        if quality[i] > 0:
            quality[i] = max(1, round(quality[i] / (1.0 + SHARED * correlation)))
    return t[:n].copy(), quality


@kernel
def _refine_task(codes: Any, read_qualities: Any, offsets: Any, reads: Any, reverse: Any, starts: Any, ends: Any,
                 first_row: Any, templates: Any, template_bounds: Any, match: Any, mismatch: Any, insertion: Any,
                 by_run: Any, correlation: float) -> Any:
    """Refine consecutive windows; returns (codes, qualities, lengths)."""
    number = len(template_bounds) - 1
    longest = np.max(np.diff(template_bounds))
    room = longest + 41 + longest // 4
    buffers = (np.zeros((room, MAX_BAND), np.float64), np.zeros((room, MAX_BAND), np.float64),
               np.zeros(room, np.int64), np.zeros(room, np.float64))
    out = np.empty(2 * len(templates) + 64 * number, np.uint8)
    out_quality = np.zeros(len(out), np.uint8)
    lengths = np.empty(number, np.int64)
    at = 0
    for w in range(number):
        first, last = first_row[w], first_row[w + 1]
        take = min(MOST_READS, last - first)
        bounds = np.zeros(take + 1, np.int64)
        for r in range(take):
            row = first + r * (last - first) // take
            bounds[r + 1] = bounds[r] + ends[row] - starts[row]
        pieces = np.empty(bounds[take], np.uint8)
        piece_qualities = np.empty(bounds[take], np.uint8)
        for r in range(take):
            row = first + r * (last - first) // take
            segment_bases(codes, read_qualities, offsets, reads[row], reverse[row], starts[row], ends[row],
                          pieces[bounds[r] :], piece_qualities[bounds[r] :])
        template = templates[template_bounds[w] : template_bounds[w + 1]]
        new, quality = _refine_window(template, pieces, piece_qualities, bounds, match, mismatch, insertion, by_run,
                                      correlation, buffers)
        out[at : at + len(new)] = new
        out_quality[at : at + len(new)] = quality
        lengths[w] = len(new)
        at += len(new)
    return out[:at].copy(), out_quality[:at].copy(), lengths


def refine(contigs: list[Contig], grid: Grid, segments: Segments, reads: ReadSet, model: ErrorModel,
           threads: int = 1) -> tuple[list[Contig], list[npt.NDArray[np.int64]]]:
    """Contigs with every helpful single-base edit made, and their qualities; and the windows' borders in them.

    Nothing changes near the borders, so a second round (see `turn`) must follow.
    """
    rows = np.searchsorted(segments.window, np.arange(grid.number + 1))
    done, borders_now = [], []
    for c, contig in enumerate(contigs):
        borders = grid.of(c)
        begin = int(grid.first[c]) - c

        def task(first: int, last: int, borders: npt.NDArray[np.int64] = borders, begin: int = begin,
                 contig: Contig = contig) -> Any:
            bounds = borders[first : last + 1]
            return _refine_task(
                reads.codes, reads.qualities, reads.offsets, segments.read, segments.reverse, segments.start,
                segments.end, rows[begin + first : begin + last + 1], contig.codes[bounds[0] : bounds[-1]],
                bounds - bounds[0], model.match, model.mismatch, model.insertion, model.deletion, model.correlation,
            )

        number = len(borders) - 1
        tasks = [(i, min(i + WINDOWS, number)) for i in range(0, number, WINDOWS)]
        parts = run_blocks(task, tasks, threads)
        done.append(replace(contig, codes=np.concatenate([p[0] for p in parts]),
                            qualities=np.concatenate([p[1] for p in parts])))
        borders_now.append(np.concatenate([[0], *(p[2] for p in parts)]).cumsum())
    return done, borders_now


def turn(contigs: list[Contig], borders: list[npt.NDArray[np.int64]], size: int) -> tuple[list[Contig], Grid]:
    """Circles rotated by half, and a grid whose borders lie amid the windows of the last one."""
    turned, wishes = [], []
    for contig, old in zip(contigs, borders, strict=True):
        middles = (old[:-1] + old[1:]) // 2
        if contig.circular:
            start = int(middles[len(middles) // 2])
            contig = rotate(contig, start)
            middles = np.sort((middles - start) % len(contig.codes))[1:]
        turned.append(contig)
        wishes.append(middles)
    return turned, grid_near(turned, wishes, size)
