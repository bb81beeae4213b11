"""The ends of linear contigs: carried on where reads run beyond them, and contigs that lie within others left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import edlib
import numpy as np

from basecaller.adapter import BACK, BACK_BASES, FRONT, FRONT_BASES, adapter_places
from basecaller.assembly.contig import Contig
from basecaller.assembly.mapping import Placements
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import Codes, decode, encode, reverse_complement

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
PART = 8
"""Bases of an adapter that are known as such at the end of a read."""
OF_PART = 0.15
"""Most differences, a base, of part of an adapter."""
LEFT = 20
"""Bases at most behind an adapter at the end of a contig."""
AFTER = {**BACK, **{f"{name}, other strand": decode(reverse_complement(encode(a))) for name, a in FRONT.items()}}
"""Adapters as they stand at the end of a sequence, whichever strand was read."""


def extend(contigs: list[Contig], placements: Placements, reads: ReadSet) -> list[Contig]:
    """Linear contigs carried on at both ends along reads that run beyond them.

    A read is followed as far as another one goes with it and agrees, and `ALONE` bases more. Where two go on by fewer
    than `LEAST` bases, which may be what is left of an adapter, they must be of two strands, and no base is taken from
    one alone: the ends of a linear genome are there, to which no overlap reaches. Adapters that reads still had are cut
    off the ends.
    """
    out = []
    for number, contig in enumerate(contigs):
        codes, p, length = contig.codes, placements, len(contig.codes)
        if not contig.circular:
            near_start, near_end = [], []
            for row in np.flatnonzero(p.contig == number).tolist():
                before, after = int(p.start[row]), length - int(p.end[row])
                if min(before, after) > REACH:
                    continue
                read, reverse = _oriented(reads, p, row), bool(p.reverse[row])
                if before <= REACH:
                    head = reverse_complement(read[: p.read_start[row]])
                    near_start.append(_Tail(without_adapter(head), before, reverse))
                if after <= REACH:
                    near_end.append(_Tail(without_adapter(read[p.read_end[row] :]), after, reverse))
            for tails in (near_end, near_start):
                codes = reverse_complement(without_adapter(_carry_on(codes, tails), LEFT))
        out.append(replace(contig, codes=np.ascontiguousarray(codes)))
    return out


class _Tail(NamedTuple):
    """What a read has after its last base that is aligned to a contig."""

    bases: Codes
    missing: int
    """Bases from there to the contig's end."""
    reverse: bool

    @property
    def beyond(self) -> int:
        return len(self.bases) - self.missing


def without_adapter(codes: Codes, after: int = FRONT_BASES) -> Codes:
    """A sequence up to the first adapter about its end, if there is one with `after` bases behind it at most, or up to
    the beginning of one with which it ends."""
    first = max(0, len(codes) - max(FRONT_BASES, BACK_BASES))
    window = decode(codes[first:])
    starts = [start for start, end in adapter_places(window, AFTER) if len(window) - end <= after]
    for adapter in AFTER.values():
        for part in range(min(len(adapter) - 1, len(window)), PART - 1, -1):
            if edlib.align(adapter[:part], window[-part:], k=int(OF_PART * part))["editDistance"] >= 0:
                starts.append(len(window) - part)
                break
    return codes[: first + min(starts, default=len(window))]


def _carry_on(codes: Codes, tails: list[_Tail]) -> Codes:
    """A sequence carried on at its end, as far as two of `tails` agree, as `extend` says."""
    tails = sorted(tails, key=lambda tail: -tail.beyond)
    for least, of_two_strands, alone in ((LEAST, False, ALONE), (1, True, 0)):
        for one, other in combinations(tails, 2):
            if other.beyond < least or (of_two_strands and one.reverse == other.reverse):
                continue
            # the part that both have beyond the later of their last aligned bases
            a = one.bases[max(0, one.missing - other.missing) :]
            b = other.bases[max(0, other.missing - one.missing) :]
            if edlib.align(decode(b), decode(a), mode="SHW", k=int(DIFFERENT * len(b)))["editDistance"] >= 0:
                kept = codes[: len(codes) - one.missing]
                return np.concatenate([kept, one.bases[: one.missing + other.beyond + alone]])
    return codes


def _oriented(reads: ReadSet, placements: Placements, row: int) -> Codes:
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
