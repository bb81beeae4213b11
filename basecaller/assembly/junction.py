"""Circles that reads vouch for: the ends of a contig are joined only where a read runs across what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from basecaller.assembly.circle import close, rotate
from basecaller.assembly.consensus import WINDOW
from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import make_grid
from basecaller.assembly.layout import Link
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.readset import ReadSet

MARGIN = 300
"""Bases that a read must have on either side of what the ends share."""


def close_where_read(contigs: Sequence[Contig], reads: ReadSet, threads: int = 1) -> list[Contig]:
    """Contigs with their ends joined where they repeat one another (see `close`) and a read shows that they meet.

    A repeat at both ends looks like a circle too; there no read of the one copy goes on as the other does. A contig
    of two turns or more needs no such witness.
    """
    closed = [close(contig) for contig in contigs]
    doubtful = [i for i, (before, after) in enumerate(zip(contigs, closed, strict=True))
                if after is not before and not before.circular and len(before.codes) < 2 * len(after.codes)]
    if not doubtful:
        return closed
    # what the ends share lies around the junction; turned by half, around the middle
    turned = [rotate(closed[i], len(closed[i].codes) // 2) for i in doubtful]
    placements, _ = map_reads(reads, turned, make_grid(turned, WINDOW), threads)
    for number, (i, circle) in enumerate(zip(doubtful, turned, strict=True)):
        length = len(circle.codes)
        shared = len(contigs[i].codes) - length
        margin = min(MARGIN, (length - shared) // 4)
        begin, end = (length - shared) // 2 - margin, (length + shared) // 2 + margin
        mine = placements.contig == number
        start, stop = placements.start[mine], placements.end[mine]
        laps = np.arange(-1, int(stop.max(initial=0)) // length + 1)[:, None] * length
        if not bool(((start <= begin + laps) & (stop >= end + laps)).any()):
            note = f"its ends share {shared} bases that no read runs across: a circle, or a repeat at both ends"
            closed[i] = replace(contigs[i], note=note)
    return closed


def without_circles(links: Sequence[Link], contigs: Sequence[Contig]) -> list[Link]:
    """Links between contigs that have ends: what leads into a closed circle is no way on any more."""
    return [link for link in links if not contigs[link.source].circular and not contigs[link.sink].circular]
