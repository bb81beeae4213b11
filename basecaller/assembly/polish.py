"""Polishing contigs with the signal: single-base edits scored by the model's own scores for the reads' signal.

As in assembly/likelihood.py, but a read's likelihood is that of its signal, summed over all alignments (CTC, or the
CRF's own lattice), rather than that of the one sequence it was called as: what the caller hesitated about still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from basecaller.assembly.circle import restart, rotate
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import CLIP, EDGE, EDITS, NEVER, begins_repeat, doubt_quality, make_edits, rule_out
from basecaller.assembly.grid import Grid, grid_near
from basecaller.assembly.kernel import kernel
from basecaller.assembly.lattice import normalised, score_lattice
from basecaller.assembly.listen import Heard, Scores, Stretches
from basecaller.assembly.mapping import Segments, map_reads
from basecaller.assembly.parallel import run_blocks
from basecaller.assembly.posterior import score_posteriors
from basecaller.assembly.runoffset import add_offsets, run_offsets
from basecaller.bases import reverse_complement
from basecaller.model.config import NetworkConfig

WINDOW = 160
SHIFT = 80
"""Bases by which the borders move from turn to turn: nothing is changed next to one."""
MOST_READS = 40
MAX_STEPS = 12_000
"""Of a read over one window: the strand stood still."""
GRAIN = 2.0**-10
"""What a read says of an edit is a multiple of this, so that sums do not depend on the order of the reads."""
FLOOR = 1e-5
"""Least probability of a CTC class."""
TURNS = 4
NEAR = 10
"""Bases on each side of an edit that are scored again."""
LEAST_READS = 2
"""Bases over which fewer reads lie are left as they are."""
FEW_READS_QUALITY = 7
"""Of those bases: what stands there is one read's word."""
WORTH = 0.45
"""What the scores are worth as evidence, for qualities: reads share errors, those of one strand above all. Fitted on
E. coli reads; predicted errors are then 0.7 to 2 times the real ones there, by depth."""
Say = Callable[[str], None]


class Hear(Protocol):
    """Where the scores come from; see `Listener.scores`."""

    def __call__(self, wanted: Stretches, /) -> Iterator[tuple[int, Scores]]: ...


@dataclass(eq=False)
class _State:
    """A contig while it is polished."""

    contig: Contig
    scores: npt.NDArray[np.float32]
    """(L, 11) sums over the reads, see assembly/edit.py."""
    reads: npt.NDArray[np.int32]
    """(L,) how many they are."""
    wanted: npt.NDArray[np.bool_]
    """(L,) bases that have not been scored since something changed near them."""
    edits: int = 0
    """Made so far."""


@dataclass(frozen=True, eq=False)
class _Pieces:
    """What reads have to say of windows: a row each, sorted by read."""

    window: npt.NDArray[np.int64]
    """Flat number of the window."""
    reverse: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]
    """Bases of all reads, as `Heard` has them, from `first` ..."""
    end: npt.NDArray[np.int64]
    """... to `end`."""
    heard: Stretches
    """The steps from the first of them to the one after the last."""


@kernel
def expected_steps(emitted: Any, n: int) -> Any:
    """(n,) the step at which each of n bases is expected, from the steps (m,) at which the read emitted its own."""
    m = len(emitted)
    out = np.empty(n, np.int64)
    for i in range(n):
        out[i] = emitted[min(m - 1, i * m // n)]
    return out


@kernel
def other_strand(t: Any, wanted: Any) -> Any:
    """(n,) which bases of the reverse complement of t must be scored so that those wanted of t are known."""
    n = len(t)
    out = wanted[::-1].copy()
    for i in range(n):
        if wanted[i]:
            if i > 0:
                out[n - i] = True
            if begins_repeat(t, n, i):
                out[_repeat_end(t, n, i)] = True
    return out


@kernel
def turned_scores(t: Any, scores: Any) -> Any:
    """(n, 11) scores of the edits of t from those of the same edits of its reverse complement; what lies too near an
    end there to be scored is voted against."""
    n = len(t)
    out = np.zeros_like(scores)
    for i in range(n):
        for b in range(4):
            out[i, b] = scores[n - 1 - i, 3 - b]
            if i > 0:
                out[i, 4 + b] = scores[n - i, 7 - b] if n - i < n - EDGE else -CLIP
        out[i, 8] = scores[n - 1 - i, 8]
        if begins_repeat(t, n, i):
            end = _repeat_end(t, n, i)
            if EDGE <= end < n - EDGE:
                out[i, 9:] = scores[end, 9:]
            else:
                out[i, 9:] = -CLIP
    return out


@kernel
def _repeat_end(t: Any, n: int, i: int) -> Any:
    """Where on the other strand the repeat of two bases begins that begins at i on this one."""
    end = i + 3
    while end + 1 < n and t[end + 1] == t[end - 1]:
        end += 1
    return n - 1 - end


def polish(contigs: list[Contig], heard: Heard, hear: Hear, network: NetworkConfig, threads: int = 1,
           say: Say = lambda _: None) -> list[Contig]:
    """Contigs with every single-base edit made that the reads' signal asks for, their qualities, and the count noted.

    Contigs keep their order, strand and (circles) start; the result does not depend on `threads`.
    """
    states = [_State(contig, np.zeros((len(contig.codes), EDITS), np.float32), np.zeros(len(contig.codes), np.int32),
                     np.ones(len(contig.codes), np.bool_)) for contig in contigs]
    offsets = run_offsets(network)
    for number in range(TURNS):
        grid = _grid([state.contig for state in states], number)
        _score(states, grid, heard, hear, network, threads)
        if number + 1 == TURNS:
            break
        count = sum(_edit(state, offsets) for state in states)
        say(f"polishing {number + 1} of {TURNS}: {count} edits")
        if number > 0 and count == 0:
            break
        for state in states:
            _turn(state)
    done = []
    for state, before in zip(states, contigs, strict=True):
        note = f"{state.edits} edits by the signal"
        contig = replace(state.contig, qualities=_quality(state, offsets),
                         note=f"{before.note}; {note}" if before.note else note)
        done.append(restart(contig, before.codes) if contig.circular else contig)
    return done


def _turn(state: _State) -> None:
    """A circle rotated, so that its ends come to lie amid a window."""
    if state.contig.circular:
        by = SHIFT % len(state.contig.codes)
        state.contig = rotate(state.contig, by)
        state.scores, state.reads = np.roll(state.scores, -by, axis=0), np.roll(state.reads, -by)
        state.wanted = np.roll(state.wanted, -by)


def _grid(contigs: list[Contig], number: int) -> Grid:
    """Windows; those of a linear contig begin elsewhere in every turn (circles are rotated instead)."""
    wishes = []
    for contig in contigs:
        first = WINDOW if contig.circular else WINDOW - number * SHIFT % WINDOW
        wishes.append(np.arange(first, len(contig.codes) - WINDOW // 2, WINDOW))
    return grid_near(contigs, wishes, WINDOW * 3 // 4)  # near enough that no place is a border twice


def _score(states: list[_State], grid: Grid, heard: Heard, hear: Hear, network: NetworkConfig, threads: int) -> None:
    """Bring the scores up to date for all wanted bases."""
    contigs = [state.contig for state in states]
    _, segments = map_reads(heard.reads, contigs, grid, threads)
    places = [(c, *grid.span(c, w)) for c in range(len(contigs)) for w in grid.windows(c)]
    needed = np.array([states[c].wanted[start + EDGE : end - EDGE].any() for c, start, end in places])
    rows = _capped(segments, grid)
    rows = rows[needed[segments.window[rows]]]
    for c, start, end in places:
        inner = slice(start + EDGE, end - EDGE)
        fresh = states[c].wanted[inner]
        states[c].scores[inner][fresh] = 0.0
        states[c].reads[inner][fresh] = 0
    pieces = _pieces(rows, segments, heard)
    for q, scores in hear(pieces.heard):
        mine = pieces.heard.of(q)

        def task(begin: int, end: int, scores: Scores = scores) -> list[Any]:
            return [_score_window(states[places[w][0]], places[w], pieces, n, heard, scores, network)
                    for n in range(begin, end) for w in [pieces.window[n]]]

        blocks = [(n, min(n + 16, mine.stop)) for n in range(mine.start, mine.stop, 16)]
        found = [each for part in run_blocks(task, blocks, threads) for each in part]
        for w, part in zip(pieces.window[mine], found, strict=True):
            if part is not None:
                c, start, end = places[w]
                inner, fresh = slice(start + EDGE, end - EDGE), states[c].wanted[start + EDGE : end - EDGE]
                states[c].scores[inner][fresh] += part[EDGE:-EDGE][fresh]
                states[c].reads[inner][fresh] += 1
    for c, start, end in places:
        states[c].wanted[start + EDGE : end - EDGE] = False


def _capped(segments: Segments, grid: Grid) -> npt.NDArray[np.int64]:
    """Rows of the segments: at most MOST_READS of a window, spread evenly."""
    bounds = np.searchsorted(segments.window, np.arange(grid.number + 1))
    parts = [np.zeros(0, np.int64)]
    for begin, end in pairwise(bounds):
        take = min(MOST_READS, end - begin)
        parts.append(begin + np.arange(take) * (end - begin) // max(1, take))
    return np.concatenate(parts)


def _pieces(rows: npt.NDArray[np.int64], segments: Segments, heard: Heard) -> _Pieces:
    """Those rows of the segments, less such in which the strand stood still."""
    rows = rows[np.argsort(segments.read[rows], kind="stable")]
    read, reverse = segments.read[rows], segments.reverse[rows]
    offset, length = heard.reads.offsets[read], heard.reads.lengths[read]
    first = offset + np.where(reverse, length - segments.end[rows], segments.start[rows])
    end = offset + np.where(reverse, length - segments.start[rows], segments.end[rows])
    last = len(heard.emitted) - 1
    begin = heard.emitted[np.minimum(first, last)].astype(np.int64)
    stop = np.where(end < offset + length, heard.emitted[np.minimum(end, last)], heard.steps[read])
    fits = (first < end) & (begin < stop) & (stop <= begin + MAX_STEPS)
    return _Pieces(segments.window[rows][fits], reverse[fits], first[fits], end[fits],
                   Stretches(read[fits], begin[fits], stop[fits]))


def _score_window(state: _State, place: tuple[int, int, int], pieces: _Pieces, n: int, heard: Heard, scores: Scores,
                  network: NetworkConfig) -> npt.NDArray[np.float64] | None:
    """(bases, 11) what the n-th piece says of the edits of its window; None if it does not fit."""
    _, start, end = place
    begin, reverse = pieces.heard.begin[n], pieces.reverse[n]
    k = network.state_length if network.head == "crf" else 0
    u = _with_context(state.contig, start - k, end + k)
    t, wanted = u[k : len(u) - k], state.wanted[start:end]
    if reverse:
        u, wanted = reverse_complement(u), other_strand(t, wanted)
    u = u[: len(u) - k]
    centres = expected_steps(heard.emitted[pieces.first[n] : pieces.end[n]] - np.int32(begin), len(t))
    out = np.zeros((len(t), EDITS))
    piece = scores[begin : pieces.heard.stop[n]].astype(np.float32)
    if begin + len(piece) < pieces.heard.stop[n]:  # called from more signal than there is
        return None
    if network.head == "crf":
        fits = score_lattice(u, k, normalised(piece), centres, wanted, out)
    else:
        fits = score_posteriors(u, np.maximum(np.exp(piece.astype(np.float64)), FLOOR), centres, wanted, out)
    if not fits:
        return None
    out = np.rint(out / GRAIN) * GRAIN
    return turned_scores(t, out) if reverse else out


def _with_context(contig: Contig, start: int, end: int) -> npt.NDArray[np.uint8]:
    """Bases start..end-1 of a contig; those beyond the ends of a linear one are made up."""
    at = np.arange(start, end)
    length = len(contig.codes)
    return contig.codes[at % length if contig.circular else np.clip(at, 0, length - 1)]


def _summed(state: _State, offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(L, 11) scores, of which one of each edits that come to the same is left."""
    scores = state.scores.astype(np.float64)
    add_offsets(state.contig.codes, state.reads, offsets, scores)
    scores[state.reads < LEAST_READS] = NEVER
    rule_out(state.contig.codes, len(scores), scores)
    return scores


def _edit(state: _State, offsets: npt.NDArray[np.float64]) -> int:
    """Make the edits that the scores ask for; returns how many there were in this turn."""
    n = len(state.contig.codes)
    new, k, count, origin = make_edits(state.contig.codes, n, _summed(state, offsets), 1.0, n + 40 + n // 4)
    if count == 0:
        return 0
    origin = origin[:k]
    old = np.maximum(origin, 0)
    changed = origin < 0
    changed[1:] |= origin[1:] != origin[:-1] + 1
    near = np.convolve(changed, np.ones(2 * NEAR + 1), "same") > 0.5
    state.contig = replace(state.contig, codes=new[:k].copy())
    state.scores, state.reads, state.wanted = state.scores[old], state.reads[old], state.wanted[old] | near
    state.edits += int(count)
    state.reads[near] = 0  # until they are scored, which near a border is a turn later
    return int(count)


def _quality(state: _State, offsets: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """(L,) Phred scores."""
    scores = _summed(state, offsets)
    quality: npt.NDArray[np.uint8] = doubt_quality(len(scores), scores, WORTH, 0.0)
    quality[state.reads < LEAST_READS] = FEW_READS_QUALITY
    return quality
