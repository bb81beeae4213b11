"""Polishing contigs with the signal: single-base edits scored by the posteriors of the reads themselves.

As in assembly/likelihood.py, but a read's likelihood is that of its posteriors, summed over all alignments, rather than
that of the one sequence it was called as: what the caller hesitated about still counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.circle import restart
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDITS, ROUNDS, SCREEN, doubt_quality, make_edits, rule_out, still_open
from basecaller.assembly.grid import Grid, make_grid
from basecaller.assembly.kernel import kernel
from basecaller.assembly.likelihood import turn
from basecaller.assembly.listen import ONE, Heard
from basecaller.assembly.mapping import Segments, map_reads
from basecaller.assembly.pairmodel import learn
from basecaller.assembly.parallel import run_blocks
from basecaller.assembly.posterior import score_posteriors

WINDOW = 160
TASK = 32
"""Windows of a task."""
MOST_READS = 40
MAX_STEPS = 12_000
"""Of a read over one window: the strand stood still."""
FLOOR = 1e-5
"""Least probability of a class: the stored ones can be zero."""
TURNS = 2
Say = Callable[[str], None]


@kernel
def slice_posteriors(posteriors: Any, begin: int, end: int, reverse: bool) -> Any:
    """(T, 5) float64 probabilities of some steps; of the complement, last step first, if `reverse`."""
    steps = end - begin
    out = np.empty((steps, 5), np.float64)
    for s in range(steps):
        at = end - 1 - s if reverse else begin + s
        for c in range(5):
            out[s, c if c == 0 or not reverse else 5 - c] = max(FLOOR, posteriors[at, c] / ONE)
    return out


@kernel
def expected_steps(emitted: Any, n: int, steps: int, reverse: bool) -> Any:
    """(n,) the step at which each of n bases is expected, from the steps (m,) at which the read emitted its own."""
    m = len(emitted)
    out = np.empty(n, np.int64)
    for i in range(n):
        at = min(m - 1, i * m // n)
        if reverse:
            out[i] = steps - 1 - emitted[m - 1 - at]
        else:
            out[i] = emitted[at]
    return out


@kernel
def _polish_window(template: Any, posteriors: Any, emitted: Any, rows: Any, correlation: float) -> Any:
    """One window: (new bases, qualities, edits made). `rows`: per read begin and end of its steps and of its bases in
    the flat arrays, the step its bases count from, and whether it is reversed."""
    n = len(template)
    room = n + 40 + n // 4
    t = np.empty(room, np.uint8)
    t[:n] = template
    scores = np.zeros((room, EDITS), np.float64)
    number = len(rows)
    stride = max(1, number // SCREEN)
    made = used = 0
    for turn_number in range(ROUNDS + 1):
        scores[:] = 0.0
        wanted = np.ones(n, np.bool_)
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
                begin, end, first, last, origin, reverse = rows[r]
                p = slice_posteriors(posteriors, begin, end, reverse == 1)
                centres = expected_steps(emitted[first:last] - origin, n, end - begin, reverse == 1)
                if score_posteriors(t[:n], p, centres, wanted, scores):
                    used += 1
        rule_out(t, n, scores)
        if turn_number == ROUNDS or used < 2:
            break
        new, k, count = make_edits(t, n, scores, 1.0 / (1.0 + (used - 1) * correlation), room)
        if count == 0:
            break
        t, n = new, k
        made += count
    weight = 1.0 / (1.0 + (used - 1) * correlation) if used else 0.0
    return t[:n].copy(), doubt_quality(n, scores, weight), made


@kernel
def _rows(first_row: int, last_row: int, reads: Any, reverse: Any, starts: Any, ends: Any, offsets: Any, first: Any,
          emitted: Any) -> Any:
    """What `_polish_window` needs of each segment; at most MOST_READS, spread evenly."""
    take = min(MOST_READS, last_row - first_row)
    out = np.empty((take, 6), np.int64)
    n = 0
    for r in range(take):
        row = first_row + r * (last_row - first_row) // take
        q = reads[row]
        begin_base, end_base = starts[row], ends[row]
        if reverse[row]:
            length = offsets[q + 1] - offsets[q]
            begin_base, end_base = length - ends[row], length - starts[row]
        a, b = offsets[q] + begin_base, offsets[q] + end_base
        begin = np.int64(emitted[a])
        end = np.int64(emitted[b]) if b < offsets[q + 1] else first[q + 1] - first[q]
        if end - begin > MAX_STEPS:
            continue
        out[n] = (first[q] + begin, first[q] + end, a, b, begin, np.int64(reverse[row]))
        n += 1
    return out[:n]


def polish(contigs: list[Contig], heard: Heard, threads: int = 1, say: Say = lambda _: None) -> list[Contig]:
    """Contigs with every single-base edit made that the reads' posteriors ask for, and their qualities.

    Contigs keep their order, strand and (circles) start; the result does not depend on `threads`.
    """
    grid = make_grid(contigs, WINDOW)
    before = contigs
    for number in range(TURNS):
        _, segments = map_reads(heard.reads, contigs, grid, threads)
        model = learn(contigs, grid, segments, heard.reads)
        contigs, borders, count = _one_turn(contigs, grid, segments, heard, model.correlation, threads)
        say(f"polishing {number + 1} of {TURNS}: {count} edits by reads of {model.error:.1%} errors")
        if number + 1 < TURNS:
            contigs, grid = turn(contigs, borders, WINDOW)
    return [restart(contig, old.codes) if contig.circular else contig
            for contig, old in zip(contigs, before, strict=True)]


def _one_turn(
    contigs: list[Contig], grid: Grid, segments: Segments, heard: Heard, correlation: float, threads: int
) -> tuple[list[Contig], list[npt.NDArray[np.int64]], int]:
    rows = np.searchsorted(segments.window, np.arange(grid.number + 1))
    done, borders_now, made = [], [], 0
    for c, contig in enumerate(contigs):
        borders, begin = grid.of(c), int(grid.first[c]) - c

        def task(first: int, last: int, borders: npt.NDArray[np.int64] = borders, begin: int = begin,
                 contig: Contig = contig) -> list[Any]:
            out = []
            for w in range(first, last):
                reads = _rows(rows[begin + w], rows[begin + w + 1], segments.read, segments.reverse, segments.start,
                              segments.end, heard.reads.offsets, heard.first, heard.emitted)
                template = contig.codes[borders[w] : borders[w + 1]]
                out.append(_polish_window(template, heard.posteriors, heard.emitted, reads, correlation))
            return out

        number = len(borders) - 1
        tasks = [(i, min(i + TASK, number)) for i in range(0, number, TASK)]
        parts = [window for part in run_blocks(task, tasks, threads) for window in part]
        done.append(replace(contig, codes=np.concatenate([p[0] for p in parts]),
                            qualities=np.concatenate([p[1] for p in parts])))
        borders_now.append(np.cumsum([0, *(len(p[0]) for p in parts)]))
        made += sum(p[2] for p in parts)
    return done, borders_now, made
