"""What the reads' signal says of the edits of contigs, window by window: the work of a turn of polishing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDGE, EDITS
from basecaller.assembly.grid import Grid
from basecaller.assembly.lattice import normalised, score_lattice
from basecaller.assembly.listen import Heard, Scores, Stretches
from basecaller.assembly.mapping import Segments, map_reads
from basecaller.assembly.otherstrand import other_strand, turned_scores
from basecaller.assembly.parallel import run_blocks
from basecaller.assembly.posterior import score_posteriors
from basecaller.assembly.replacement import NONE, Replacements, propose
from basecaller.assembly.revise import Edit
from basecaller.assembly.unitcosts import partners
from basecaller.bases import reverse_complement
from basecaller.model.config import NetworkConfig

MARGIN = 20
"""Bases next to a border at which nothing is changed: in repeats, what reads have there may be cut off elsewhere than
what the contig has."""
MOST_READS = 40
MAX_STEPS = 12_000
"""Of a read over one window: the strand stood still."""
GRAIN = 2.0**-10
"""What a read says of an edit is a multiple of this, so that sums do not depend on the order of the reads."""
FLOOR = 1e-5
"""Least probability of a CTC class."""
SHARED = 0.15
"""Correlation of what reads of one strand say: they go through the same k-mers, and are mistaken alike."""
CONTEXT = 16
"""Bases before a window that are looked at to tell how long a run is that reaches into it."""
MISS = 1.5
"""An edit that reads speak against by more than this, each, is out of the question (natural logarithm)."""
LEAST_READS = 2
"""Bases over which fewer reads lie are left as they are."""


class Hear(Protocol):
    """Where the scores come from; see `Listener.scores`."""

    def __call__(self, wanted: Stretches, /) -> Iterator[tuple[int, Scores]]: ...


@dataclass(eq=False)
class State:
    """A contig while it is polished."""

    contig: Contig
    scores: npt.NDArray[np.float32]
    """(2, L, 11) sums over the reads of each strand, see assembly/edit.py."""
    reads: npt.NDArray[np.int32]
    """(2, L) how many they are."""
    wanted: npt.NDArray[np.bool_]
    """(L,) bases that have not been scored since something changed near them."""
    scored: npt.NDArray[np.bool_]
    """(L,) bases that were scored in this turn."""
    longer: list[Edit] = field(default_factory=list)
    """Edits of several bases that were scored in this turn and are not much worse than none ..."""
    readers: list[float] = field(default_factory=list)
    """... and what the reads that scored each of them count for together."""
    pairs: list[Edit] = field(default_factory=list)
    """Edits of this turn, two at a time, to be scored in the next; sorted by place."""
    edits: int = 0
    """Made so far by the reads alone ..."""
    by_genes: int = 0
    """... and by genes."""


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


def worth(reads: npt.NDArray[np.int32] | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What each of so many reads of one strand is worth, so that what they have in common does not count again."""
    share: npt.NDArray[np.float64] = 1.0 / (1.0 + SHARED * np.maximum(reads - 1, 0))
    return share


def counted(reads: npt.NDArray[np.int32] | npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What so many reads (2, ...), by strand, count for together."""
    count: npt.NDArray[np.float64] = (worth(reads) * reads).sum(axis=0)
    return count


def score(states: list[State], grid: Grid, heard: Heard, hear: Hear, network: NetworkConfig, threads: int,
          longer: bool = True) -> None:
    """Bring the scores up to date for all wanted bases, and those of longer edits if they are asked for."""
    contigs = [state.contig for state in states]
    _, segments = map_reads(heard.reads, contigs, grid, threads, to_ends=True)
    places = [(c, *grid.span(c, w)) for c in range(len(contigs)) for w in grid.windows(c)]
    inners = [_inner(states[c].contig, start, end) for c, start, end in places]
    needed = np.array([states[c].wanted[inner].any() for (c, _, _), inner in zip(places, inners, strict=True)])
    rows = _capped(segments, grid)
    rows = rows[needed[segments.window[rows]]]
    for (c, _, _), inner in zip(places, inners, strict=True):
        fresh = states[c].wanted[inner]
        states[c].scores[:, inner][:, fresh] = 0.0
        states[c].reads[:, inner][:, fresh] = 0
    proposed = _proposed(rows, segments, heard, states, places, inners) if longer else {}
    turned = {w: each.turned(places[w][2] - places[w][1]) for w, each in proposed.items()}
    said = {w: np.zeros((2, len(each))) for w, each in proposed.items()}
    readers = {w: np.zeros(2, np.int64) for w in proposed}
    pieces = _pieces(rows, segments, heard)
    for q, scores in hear(pieces.heard):
        mine = pieces.heard.of(q)

        def task(begin: int, end: int, scores: Scores = scores) -> list[Any]:
            return [_score_window(states[places[w][0]], places[w], inners[w], pieces, n, own.get(w, NONE), heard,
                                  scores, network)
                    for n in range(begin, end) for w in [pieces.window[n]]
                    for own in [turned if pieces.reverse[n] else proposed]]

        blocks = [(n, min(n + 16, mine.stop)) for n in range(mine.start, mine.stop, 16)]
        found = [each for part in run_blocks(task, blocks, threads) for each in part]
        for w, strand, part in zip(pieces.window[mine], pieces.reverse[mine].astype(int), found, strict=True):
            if part is not None:
                (c, start, _), inner = places[w], inners[w]
                fresh = states[c].wanted[inner]
                states[c].scores[strand, inner][fresh] += part[0][inner.start - start : inner.stop - start][fresh]
                states[c].reads[strand, inner][fresh] += 1
                if w in said:
                    said[w][strand] += part[1]
                    readers[w][strand] += 1
    for state in states:
        state.longer, state.readers, state.scored = [], [], np.zeros_like(state.wanted)
    for w, each in proposed.items():
        c, start, _ = places[w]
        if readers[w].sum() >= LEAST_READS:
            total, count = worth(readers[w]) @ said[w], float(counted(readers[w]))
            rows = np.flatnonzero(total > -2 * MISS * count)
            states[c].longer += each.take(rows).edits(start, total[rows])
            states[c].readers += [count] * len(rows)
    for (c, _, _), inner in zip(places, inners, strict=True):
        states[c].scored[inner] = states[c].wanted[inner]
        states[c].wanted[inner] = False


def _inner(contig: Contig, start: int, end: int) -> slice:
    """The bases of a window that may be changed: not near its borders, but near an end of a contig."""
    first = EDGE if start == 0 and not contig.circular else MARGIN
    last = EDGE if end == len(contig.codes) and not contig.circular else MARGIN
    return slice(min(start + first, end), max(start, end - last))


def _capped(segments: Segments, grid: Grid) -> npt.NDArray[np.int64]:
    """Rows of the segments: at most MOST_READS of a window, spread evenly."""
    bounds = np.searchsorted(segments.window, np.arange(grid.number + 1))
    parts = [np.zeros(0, np.int64)]
    for begin, end in pairwise(bounds):
        take = min(MOST_READS, end - begin)
        parts.append(begin + np.arange(take) * (end - begin) // max(1, take))
    return np.concatenate(parts)


def _own_bases(rows: npt.NDArray[np.int64], segments: Segments, heard: Heard
               ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and end of the bases of those rows of the segments, among the bases of all reads."""
    read, reverse = segments.read[rows], segments.reverse[rows]
    offset, length = heard.reads.offsets[read], heard.reads.lengths[read]
    return (offset + np.where(reverse, length - segments.end[rows], segments.start[rows]),
            offset + np.where(reverse, length - segments.start[rows], segments.end[rows]))


def _pieces(rows: npt.NDArray[np.int64], segments: Segments, heard: Heard) -> _Pieces:
    """Those rows of the segments, less such in which the strand stood still."""
    rows = rows[np.argsort(segments.read[rows], kind="stable")]
    read, reverse = segments.read[rows], segments.reverse[rows]
    first, end = _own_bases(rows, segments, heard)
    last = len(heard.emitted) - 1
    begin = heard.emitted[np.minimum(first, last)].astype(np.int64)
    stop = np.where(end < heard.reads.offsets[read + 1], heard.emitted[np.minimum(end, last)], heard.steps[read])
    fits = (first < end) & (begin < stop) & (stop <= begin + MAX_STEPS)
    return _Pieces(segments.window[rows][fits], reverse[fits], first[fits], end[fits],
                   Stretches(read[fits], begin[fits], stop[fits]))


def _proposed(rows: npt.NDArray[np.int64], segments: Segments, heard: Heard, states: list[State],
              places: list[tuple[int, int, int]], inners: list[slice]) -> dict[int, Replacements]:
    """By window: the longer edits that the reads in those rows propose."""
    found = {}
    bounds = np.flatnonzero(np.diff(segments.window[rows], prepend=-1, append=-1))
    firsts, ends = _own_bases(rows, segments, heard)
    for begin, end in pairwise(bounds):
        w = int(segments.window[rows[begin]])
        c, start, stop = places[w]
        own = [heard.reads.codes[firsts[n] : ends[n]] for n in range(begin, end)]
        parts = [reverse_complement(codes) if reverse else codes
                 for codes, reverse in zip(own, segments.reverse[rows[begin:end]], strict=True)]
        near = slice(*(bisect_left(states[c].pairs, at, key=lambda pair: pair.first)
                       for at in (inners[w].start, inners[w].stop)))
        also = [pair.moved(-start) for pair in states[c].pairs[near] if pair.last <= inners[w].stop]
        each = propose(states[c].contig.codes[start:stop], states[c].wanted[start:stop], inners[w].start - start,
                       inners[w].stop - start, np.concatenate(parts), np.cumsum([0, *map(len, parts)])).joined(also)
        if len(each):
            found[w] = each
    return found


def _score_window(state: State, place: tuple[int, int, int], inner: slice, pieces: _Pieces, n: int,
                  longer: Replacements, heard: Heard, scores: Scores, network: NetworkConfig
                  ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """(bases, 11) and (m,) what the n-th piece says of the edits of its window, and of longer ones, which are those of
    its own strand; None if it does not fit."""
    _, start, end = place
    begin, reverse = pieces.heard.begin[n], pieces.reverse[n]
    around = CONTEXT if network.head == "crf" else 0
    u = _with_context(state.contig, start - around, end + around)
    t, wanted = u[around : len(u) - around], np.zeros(end - start, np.bool_)
    wanted[inner.start - start : inner.stop - start] = state.wanted[inner]
    if reverse:
        u, wanted = reverse_complement(u), other_strand(t, wanted)
    u = u[: len(u) - around]
    piece = scores[begin : pieces.heard.stop[n]].astype(np.float32)
    if begin + len(piece) < pieces.heard.stop[n]:  # called from more signal than there is
        return None
    own = slice(pieces.first[n], pieces.end[n])
    emitted = heard.emitted[own].astype(np.int64) - begin
    centres = emitted[partners(u[around:], heard.reads.codes[own])]
    out, also = np.zeros((len(t), EDITS)), np.zeros(len(longer))
    edits = longer.spans, longer.bounds, longer.bases
    if network.head == "crf":
        fits = score_lattice(u, network.state_length, normalised(piece), centres, wanted, *edits, out, also)
    else:
        p = np.maximum(np.exp(piece.astype(np.float64)), FLOOR)
        fits = score_posteriors(u, p, centres, wanted, *edits, out, also)
    if not fits:
        return None
    out, also = np.rint(out / GRAIN) * GRAIN, np.rint(also / GRAIN) * GRAIN
    return (turned_scores(t, out) if reverse else out), also


def _with_context(contig: Contig, start: int, end: int) -> npt.NDArray[np.uint8]:
    """Bases start..end-1 of a contig; those beyond the ends of a linear one are made up."""
    at = np.arange(start, end)
    length = len(contig.codes)
    return contig.codes[at % length if contig.circular else np.clip(at, 0, length - 1)]
