"""The ends of linear contigs: carried on where reads run beyond them, and contigs that lie within others left out."""

from __future__ import annotations

from dataclasses import replace

import edlib
import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.mapping import Placements
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import decode, reverse_complement

REACH = 400
"""A read whose aligned part stops this near the end of a contig, or nearer, may carry it on."""
LEAST = 150
"""Bases worth carrying on: more than an adapter has."""
ALONE = 1200
"""Bases that one read is followed alone."""
DIFFERENT = 0.3
"""Most differences, a base, of two reads that go on together."""
WITHIN = 0.9
"""Share of a contig that must lie in another for it to be left out."""
ALIKE = 0.4
"""Share of shared minimizers of two copies of the same sequence."""

Codes = npt.NDArray[np.uint8]


def extend(contigs: list[Contig], placements: Placements, reads: ReadSet) -> list[Contig]:
    """Linear contigs carried on at both ends along reads that run beyond them.

    A read is followed as far as another one goes with it and agrees, and `ALONE` bases more.
    """
    out = []
    for number, contig in enumerate(contigs):
        mine = np.flatnonzero(placements.contig == number)
        codes, p, length = contig.codes, placements, len(contig.codes)
        if not contig.circular and len(mine):
            whole = [_oriented(reads, p, int(row)) for row in mine]
            pairs = list(zip(whole, mine.tolist(), strict=True))
            near_end = [(read[p.read_end[row] :], length - int(p.end[row])) for read, row in pairs]
            near_start = [(read[: p.read_start[row]][::-1], int(p.start[row])) for read, row in pairs]
            codes = _carry_on(codes, near_end)
            codes = _carry_on(codes[::-1], near_start)[::-1]
        out.append(replace(contig, codes=np.ascontiguousarray(codes)))
    return out


def _carry_on(codes: Codes, beyond: list[tuple[Codes, int]]) -> Codes:
    """A sequence carried on at its end; `beyond`: what each read has after its last aligned base, and how many bases
    before the sequence's end that base stands."""
    able = [(bases, missing) for bases, missing in beyond if missing <= REACH and len(bases) - missing >= LEAST]
    able.sort(key=lambda item: -(len(item[0]) - item[1]))
    for i, (bases, missing) in enumerate(able):
        for others, lacking in able[i + 1 :]:
            # the part that both have beyond the later of their last aligned bases
            a, b = bases[max(0, missing - lacking) :], others[max(0, lacking - missing) :]
            if len(b) < LEAST:
                continue
            hit = edlib.align(decode(b), decode(a), mode="SHW", k=int(DIFFERENT * len(b)))
            if hit["editDistance"] >= 0:
                return np.concatenate([codes[: len(codes) - missing], bases[: missing + len(others) - lacking + ALONE]])
    return codes


def _oriented(reads: ReadSet, placements: Placements, row: int) -> npt.NDArray[np.uint8]:
    read = reads.read(int(placements.read[row]))
    return reverse_complement(read) if placements.reverse[row] else read


def drop_contained(contigs: list[Contig]) -> list[bool]:
    """Which contigs to keep: linear ones that lie within a longer contig, and circles within circles, are not."""
    keep = [True] * len(contigs)
    order = sorted(range(len(contigs)), key=lambda i: (-len(contigs[i].codes), i))
    none = np.zeros(0, np.uint8)
    laps = [np.resize(c.codes, 2 * len(c.codes)) if c.circular else c.codes for c in (contigs[i] for i in order)]
    o = find_overlaps(pack([(str(i), codes, none) for i, codes in zip(order, laps, strict=True)]))
    for q, t, start, end, matches, span in zip(o.query.tolist(), o.target.tolist(), o.target_start.tolist(),
                                               o.target_end.tolist(), o.matches.tolist(), o.span.tolist(), strict=True):
        big, small = order[q], order[t]
        if contigs[small].circular and not contigs[big].circular:
            continue
        inside = end - start >= WITHIN * len(contigs[small].codes)
        if keep[big] and inside and matches >= ALIKE * span:
            keep[small] = False
    return keep
