"""Circles: closing contigs whose ends overlap, recognising multimers, and a stable place to start from."""

from __future__ import annotations

from dataclasses import replace

import edlib
import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.minimizer import CLEAN, Sketch, minimizers
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import pack
from basecaller.bases import decode, reverse_complement

LEAST_OVERLAP = 300
"""Bases that the ends of a linear contig must share to be closed."""
MAX_HANG = 150
TURNS = 1.8
MAX_BARE = 500
"""Bases of a sequence of several turns in which no minimizer comes again."""
START = Sketch(CLEAN.k, 50)


def close(contig: Contig) -> Contig:
    """A linear contig whose end repeats its start, or a contig of several turns of a circle, as a circle of one turn;
    any other contig as it is."""
    if len(contig.codes) < 2 * LEAST_OVERLAP:
        return contig
    once = one_turn(contig.codes)
    if once is not None:
        note = f"found as a repeat of {len(contig.codes) / len(once):.1f} turns"
        return replace(contig, codes=once, qualities=None, circular=True, note=note)
    if contig.circular:
        return contig
    length = len(contig.codes)
    quality = np.zeros(length, np.uint8)
    twice = pack([("a", contig.codes, quality), ("b", contig.codes, quality)])
    o = find_overlaps(twice, LEAST_OVERLAP)
    shift = (o.target_start - o.query_start).astype(np.int64)
    spans = ~o.reverse & (shift >= LEAST_OVERLAP) & (o.query_start <= MAX_HANG) & (length - o.target_end <= MAX_HANG)
    good = np.flatnonzero(spans & (o.query_end - o.query_start >= LEAST_OVERLAP))
    if len(good) == 0:
        return contig
    best = good[np.argmin(shift[good])]
    # one turn: from the middle of the overlap in the first copy to the same place in the second
    middle = int(o.query_end[best] - o.query_start[best]) // 2
    begin, end = int(o.query_start[best]) + middle, int(o.target_start[best]) + middle
    return replace(contig, codes=contig.codes[begin:end], qualities=None, circular=True)


def one_turn(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """Of a sequence that is nothing but turns of one circle, `TURNS` or more, one turn from its middle; else None.

    Almost everywhere a minimizer then comes again one turn on, and next at that distance.
    """
    length = len(codes)
    hashes, places = np.empty(length, np.uint64), np.empty(length, np.int64)
    count = minimizers(codes, CLEAN, hashes, places, np.empty(length, np.uint8))
    order = np.lexsort((places[:count], hashes[:count]))
    hashes, places = hashes[order], places[order]
    again = np.flatnonzero(hashes[1:] == hashes[:-1])
    if len(again) == 0:
        return None
    steps = places[again + 1] - places[again]
    turn = int(np.median(steps))
    slack = max(20, turn // 50)
    if turn < LEAST_OVERLAP or length < TURNS * turn:
        return None
    good = again[np.abs(steps - turn) <= slack]
    if len(good) < 0.5 * count * (1 - turn / length):
        return None
    covered = np.unique(np.concatenate([[0, length], places[good], places[good + 1]]))
    if int(np.diff(covered).max()) > MAX_BARE:
        return None
    anchor = min(200, turn // 2)
    begin = max(0, (length - turn - anchor - slack) // 2)
    from_there = begin + turn - slack
    hit = edlib.align(decode(codes[begin : begin + anchor]), decode(codes[from_there : begin + turn + anchor + slack]),
                      mode="HW", task="locations", k=anchor // 4)
    return None if hit["editDistance"] < 0 else codes[begin : from_there + int(hit["locations"][0][0])]


def rotate(contig: Contig, start: int, flip: bool = False) -> Contig:
    """A circle that begins at `start` (on its present strand), on the other strand if `flip`."""
    codes, qualities = np.roll(contig.codes, -start), contig.qualities
    qualities = None if qualities is None else np.roll(qualities, -start)
    if flip:
        codes, qualities = reverse_complement(codes), None if qualities is None else qualities[::-1].copy()
    return replace(contig, codes=codes, qualities=qualities)


def restart(contig: Contig, before: npt.NDArray[np.uint8]) -> Contig:
    """A circle turned to begin where it did `before` it was changed here and there; as it is if that is not found."""
    anchor = decode(before[:200])
    hit = edlib.align(anchor, decode(np.resize(contig.codes, len(contig.codes) + len(anchor))), mode="HW",
                      task="locations", k=len(anchor) // 4)
    if hit["editDistance"] < 0:
        return contig
    return rotate(contig, int(hit["locations"][0][0]) % len(contig.codes))


def stable_start(contig: Contig, genes: list[npt.NDArray[np.uint8]]) -> Contig:
    """Oriented and, if a circle, started where any run over the same genome would start.

    That is the start of the first of `genes` that is found (90 % of its bases; the contig then reads along the gene),
    else the contig's minimizer of smallest hash that occurs once.
    """
    place = _find_gene(contig, genes)
    if place is None:
        place = _least_minimizer(contig)
    if place is None:
        return contig
    start, flip = place
    if not contig.circular:
        return rotate(contig, 0, flip) if flip else contig
    return rotate(contig, start % len(contig.codes), flip)


def _least_minimizer(contig: Contig) -> tuple[int, bool] | None:
    codes = contig.codes
    if contig.circular:
        codes = np.resize(codes, len(codes) + START.k + START.window)
    hashes, positions = np.empty(len(codes), np.uint64), np.empty(len(codes), np.int64)
    strands = np.empty(len(codes), np.uint8)
    count = minimizers(codes, START, hashes, positions, strands)
    positions = positions[:count] % len(contig.codes)
    _, first = np.unique(positions, return_index=True)
    hashes, positions, strands = hashes[first], positions[first], strands[first]
    _, where, times = np.unique(hashes, return_index=True, return_counts=True)
    single = np.flatnonzero(times == 1)
    if len(single) == 0:
        return None
    at = where[single[0]]
    # on the reverse strand the k-mer begins at its last base
    flip = bool(strands[at])
    return int(positions[at]) + (START.k if flip else 0), flip


def _find_gene(contig: Contig, genes: list[npt.NDArray[np.uint8]]) -> tuple[int, bool] | None:
    length = len(contig.codes)
    for gene in genes:
        codes = np.resize(contig.codes, length + len(gene)) if contig.circular else contig.codes
        none = np.zeros(0, np.uint8)
        o = find_overlaps(pack([("gene", gene, none), ("contig", codes, none)]), 9 * len(gene) // 10)
        if len(o):
            best = int(np.argmax(o.matches))
            if o.reverse[best]:
                return int(o.target_end[best]) + int(o.query_start[best]), True
            return int(o.target_start[best]) - int(o.query_start[best]), False
    return None
