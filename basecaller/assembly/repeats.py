"""Repeats inside contigs: where no read spans one, what stands on its two sides was joined by a guess, and is parted.

The string graph loses ways out of a repeat when it drops short overlaps and tips; one that is left looks unique.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.layout import Link
from basecaller.assembly.mapping import Placements
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import pack

TILE = 2000
LEAST = 1800
"""Bases of a repeat that can mislead: overlaps of reads have 2000 or more."""
MARGIN = 200
"""Bases that a read must have on either side of a repeat to span it."""
Places = list[int]


def unspanned(contigs: Sequence[Contig], placements: Placements) -> list[Places]:
    """Of each contig the middles of the repeats that no read spans."""
    out: list[Places] = []
    for number, (contig, spans) in enumerate(zip(contigs, find_repeats(contigs), strict=True)):
        mine, length = placements.contig == number, len(contig.codes)
        start, end = placements.start[mine], placements.end[mine]
        places = []
        for first, last in spans:
            low, high = first - MARGIN, last + MARGIN
            if not contig.circular and (low < 0 or high > length):
                continue
            if high - low >= length:
                continue
            laps = length * np.arange(-1, 2)[:, None] if contig.circular else np.zeros((1, 1), np.int64)
            if not ((start + laps <= low) & (end + laps >= high)).any():
                places.append((first + last) // 2 % length)
        out.append(sorted(places))
    return out


def find_repeats(contigs: Sequence[Contig]) -> list[list[tuple[int, int]]]:
    """Of each contig the stretches (start, end) of `LEAST` bases or more that stand elsewhere too.

    On a circle a stretch may run past its end. Each contig is cut to tiles and every tile looked up in all contigs.
    """
    none = np.zeros(0, np.uint8)
    laps = [np.resize(c.codes, len(c.codes) + TILE) if c.circular else c.codes for c in contigs]
    tiles = [(i, at) for i, lap in enumerate(laps) for at in range(0, max(1, len(lap) - TILE // 2), TILE // 2)]
    o = find_overlaps(pack([*(("", laps[i][at : at + TILE], none) for i, at in tiles), *(("", x, none) for x in laps)]))
    o = o.take((o.query < len(tiles)) & (o.target >= len(tiles)))
    covered = [np.zeros(len(lap) + 1, np.int32) for lap in laps]
    for q, qs, qe, t, ts, te in zip(o.query.tolist(), o.query_start.tolist(), o.query_end.tolist(), o.target.tolist(),
                                    o.target_start.tolist(), o.target_end.tolist(), strict=True):
        contig, at = tiles[q]
        other, length = t - len(tiles), len(contigs[contig].codes)
        apart = abs((at + qs + at + qe) - (ts + te)) // 2
        if other == contig and min(apart % length, -apart % length) < (qe - qs) // 2:
            continue  # itself
        covered[contig][at + qs] += 1
        covered[contig][at + qe] -= 1
    return [_stretches(np.cumsum(depth[:-1]) > 0, contig) for depth, contig in zip(covered, contigs, strict=True)]


def _stretches(repeated: npt.NDArray[np.bool_], contig: Contig) -> list[tuple[int, int]]:
    """Runs of True, those that are but `MARGIN` apart as one; what a circle has past its end is its start again."""
    length, turn = len(contig.codes), 0
    if contig.circular:
        repeated = repeated[:length] | np.resize(np.r_[repeated[length:], np.zeros(length, np.bool_)], length)
        if repeated.all():
            return []
        turn = int(np.argmin(repeated))
        repeated = np.roll(repeated, -turn)
    edges = np.flatnonzero(np.diff(np.r_[0, repeated.astype(np.int8), 0]))
    runs: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] <= MARGIN:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return [(start + turn, end + turn) for start, end in runs if end - start >= LEAST]


def split(
    contigs: Sequence[Contig], links: Sequence[Link], places: Sequence[Places]
) -> tuple[list[Contig], list[Link]]:
    """Contigs cut at these places, a circle cut once being linear; the links follow, and join the new ends."""
    parts: list[Contig] = []
    ends: list[tuple[int, int]] = []
    new = []
    for contig, cuts in zip(contigs, places, strict=True):
        first = len(parts)
        if not cuts:
            parts.append(contig)
        elif contig.circular:
            lap = np.resize(contig.codes, 2 * len(contig.codes))
            around = [*cuts, cuts[0] + len(contig.codes)]
            parts += [replace(contig, codes=lap[a:b], circular=False) for a, b in pairwise(around)]
            new.append(Link(len(parts) - 1, False, first, False, 0))
        else:
            parts += [replace(contig, codes=codes) for codes in np.split(contig.codes, cuts)]
        new += [Link(i, False, i + 1, False, 0) for i in range(first, len(parts) - 1)]
        ends.append((first, len(parts) - 1))
    moved = [replace(link, source=ends[link.source][not link.source_reverse], sink=ends[link.sink][link.sink_reverse])
             for link in links]
    return parts, moved + new
