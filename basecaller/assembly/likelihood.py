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
    EDITS,
    ROUNDS,
    SCREEN,
    begins_repeat,
    doubt_quality,
    log_ratio,
    make_edits,
    rule_out,
    still_open,
)
from basecaller.assembly.grid import Grid, grid_near
from basecaller.assembly.kernel import kernel
from basecaller.assembly.mapping import Segments
from basecaller.assembly.pairmodel import MAX_RUN, ErrorModel, run_lengths, segment_bases
from basecaller.assembly.parallel import run_blocks
from basecaller.assembly.readset import ReadSet

MOST_READS = 64
MAX_BAND = 161
WINDOWS = 64
"""Windows of a task."""


@kernel
def _across(row: Any, low: Any, base: Any, deleted: Any, x: Any, match: Any, mismatch: Any, after: Any, after_low: Any
            ) -> Any:
    """All ways from a forward row over one base of the template into the backward row after it."""
    total = 0.0
    for c in range(len(row)):
        j = low + c
        at = j - after_low
        if 0 <= at < len(row):
            total += row[c] * after[at] * deleted
        if 0 <= j < len(x) and 0 <= at + 1 < len(row):
            total += row[c] * after[at + 1] * (match[j] if base == x[j] else mismatch[j])
    return total


@kernel
def _next_row(row: Any, low: Any, base: Any, deleted: Any, x: Any, match: Any, mismatch: Any, insertion: Any,
              new_low: Any, out: Any) -> None:
    """The forward row after one more base of the template."""
    before = 0.0
    for c in range(len(out)):
        j = new_low + c
        value = 0.0
        if 0 <= j <= len(x):
            up = j - low
            if 0 <= up < len(row):
                value += row[up] * deleted
            if j > 0 and 0 <= up - 1 < len(row):
                value += row[up - 1] * (match[j - 1] if base == x[j - 1] else mismatch[j - 1])
            if j > 0:
                value += before * insertion[j - 1]
        out[c] = before = value


@kernel
def score_read(template: Any, deletion: Any, x: Any, match: Any, mismatch: Any, insertion: Any, wanted: Any, F: Any,
               B: Any, low: Any, scale: Any, scores: Any) -> bool:
    """Add log(likelihood with edit / without) of every edit at the wanted bases to scores (n, 11).

    match, mismatch, insertion: (m,) probabilities of the read's bases; deletion: (n,) of the template's bases, followed
    by (n,) of the base that an insertion there would bring. False (and nothing added) if the read does not fit.
    """
    n, m = len(template), len(x)
    half = 10 + abs(n - m)
    width = 2 * half + 1
    if width > MAX_BAND or n == 0 or m == 0:
        return False
    for i in range(n + 1):
        low[i] = i * m // n - half
    # forward: F[i, j - low[i]], each row divided by its sum
    for i in range(n + 1):
        lo = low[i]
        total = 0.0
        for c in range(width):
            j = lo + c
            value = 0.0
            if 0 <= j <= m:
                if i == 0 and j == 0:
                    value = 1.0
                if i > 0:
                    up = j - low[i - 1]
                    if 0 <= up < width:
                        value += F[i - 1, up] * deletion[i - 1]
                    if j > 0 and 0 <= up - 1 < width:
                        value += F[i - 1, up - 1] * (match[j - 1] if template[i - 1] == x[j - 1] else mismatch[j - 1])
                if c > 0 and j > 0:
                    value += F[i, c - 1] * insertion[j - 1]
            F[i, c] = value
            total += value
        if total <= 0.0:
            return False
        inverse = 1.0 / total
        for c in range(width):
            F[i, c] *= inverse
    if m - low[n] < 0 or m - low[n] >= width or F[n, m - low[n]] <= 0.0:
        return False
    # backward, likewise; scale[i] is what row i was divided by
    for i in range(n, -1, -1):
        lo = low[i]
        total = 0.0
        for c in range(width - 1, -1, -1):
            j = lo + c
            value = 0.0
            if 0 <= j <= m:
                if i == n and j == m:
                    value = 1.0
                if i < n:
                    down = j - low[i + 1]
                    if 0 <= down < width:
                        value += B[i + 1, down] * deletion[i]
                    if j < m and 0 <= down + 1 < width:
                        value += B[i + 1, down + 1] * (match[j] if template[i] == x[j] else mismatch[j])
                if c + 1 < width and j < m:
                    value += B[i, c + 1] * insertion[j]
            B[i, c] = value
            total += value
        scale[i] = total
        inverse = 1.0 / total
        for c in range(width):
            B[i, c] *= inverse
    extra = np.zeros((2, width))
    for i in range(n):
        if not wanted[i]:
            continue
        lo = low[i]
        step, step2 = low[i + 1] - lo, (low[i + 2] - lo if i + 2 <= n else 0)
        rest = 0.0
        insert_rest = 0.0
        removed = 0.0
        s0 = s1 = s2 = s3 = 0.0
        t0 = t1 = t2 = t3 = 0.0
        for c in range(width):
            j = lo + c
            f = F[i, c]
            if f == 0.0 or j < 0 or j > m:
                continue
            down = c - step
            if 0 <= down < width:
                rest += f * B[i + 1, down] * deletion[i]
            insert_rest += f * B[i, c] * deletion[n + i]
            if i + 2 <= n:
                down2 = c - step2
                if 0 <= down2 < width:
                    removed += f * B[i + 2, down2] * deletion[i + 1]
                if j < m and 0 <= down2 + 1 < width:
                    removed += f * B[i + 2, down2 + 1] * (match[j] if template[i + 1] == x[j] else mismatch[j])
            elif j == m:
                removed += f
            if j < m:
                gain = match[j] - mismatch[j]
                base = x[j]
                if 0 <= down + 1 < width:
                    value = f * B[i + 1, down + 1]
                    rest += value * mismatch[j]
                    value *= gain
                    if base == 0:
                        s0 += value
                    elif base == 1:
                        s1 += value
                    elif base == 2:
                        s2 += value
                    elif base == 3:
                        s3 += value
                if c + 1 < width:
                    value = f * B[i, c + 1]
                    insert_rest += value * mismatch[j]
                    value *= gain
                    if base == 0:
                        t0 += value
                    elif base == 1:
                        t1 += value
                    elif base == 2:
                        t2 += value
                    elif base == 3:
                        t3 += value
        here = template[i]
        now = rest + (s0 if here == 0 else s1 if here == 1 else s2 if here == 2 else s3)
        if now <= 0.0:
            continue
        if i + 2 <= n:
            removed /= scale[i + 1]
        else:
            removed /= scale[n]
        if i > 0 and begins_repeat(template, n, i):
            value = _across(F[i, :width], lo, template[i + 2], deletion[i + 2], x, match, mismatch, B[i + 3, :width],
                            low[i + 3])
            scores[i, 9] += log_ratio(value / (scale[i + 1] * scale[i + 2]), now)
            _next_row(F[i, :width], lo, template[i], deletion[i], x, match, mismatch, insertion, lo, extra[0])
            _next_row(extra[0], lo, template[i + 1], deletion[i + 1], x, match, mismatch, insertion, lo, extra[1])
            value = _across(extra[1], lo, template[i], deletion[i], x, match, mismatch, B[i + 1, :width], low[i + 1])
            scores[i, 10] += log_ratio(value, now)
        scores[i, 0] += log_ratio(rest + s0, now)
        scores[i, 1] += log_ratio(rest + s1, now)
        scores[i, 2] += log_ratio(rest + s2, now)
        scores[i, 3] += log_ratio(rest + s3, now)
        scores[i, 4] += log_ratio((insert_rest + t0) * scale[i], now)
        scores[i, 5] += log_ratio((insert_rest + t1) * scale[i], now)
        scores[i, 6] += log_ratio((insert_rest + t2) * scale[i], now)
        scores[i, 7] += log_ratio((insert_rest + t3) * scale[i], now)
        scores[i, 8] += log_ratio(removed, now)
    return True


@kernel
def _score_window(template: Any, n: int, pieces: Any, qualities: Any, bounds: Any, match: Any, mismatch: Any,
                  insertion: Any, by_run: Any, buffers: Any, scores: Any) -> int:
    """Scores (n, 11) of all edits over all reads of a window; returns the number of reads that count."""
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
    used = 0
    for phase in range(2):
        if phase == 1:
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
        used = _score_window(t, n, pieces, qualities, bounds, match, mismatch, insertion, by_run, buffers, scores)
        if turn == ROUNDS or used == 0:
            break
        weight = 1.0 / (1.0 + (used - 1) * correlation)
        new, k, count = make_edits(t, n, scores, weight, room)
        if count == 0:
            break
        t, n = new, k
    return t[:n].copy(), doubt_quality(n, scores, 1.0 / (1.0 + (used - 1) * correlation) if used else 0.0)


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
