"""Where the reads went: how deep they lie on each contig, and which reached none, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.mapping import Placements
from basecaller.assembly.overlap import Overlaps
from basecaller.assembly.readset import LeftOut, ReadSet

PLACED = 0.5
"""Share of a read that must lie on contigs for it to count as used."""
Floats = npt.NDArray[np.float64]


def typical_depth(overlaps: Overlaps, reads: ReadSet) -> float:
    """Median over the reads of how many others lie over a base of it."""
    return float(np.median(covered_by_others(overlaps, reads))) if len(reads) else 0.0


def covered_by_others(overlaps: Overlaps, reads: ReadSet) -> Floats:
    """(R,) how many other reads lie over a base of each read, on average."""
    covered = np.zeros(len(reads))
    np.add.at(covered, overlaps.query, overlaps.query_end - overlaps.query_start)
    np.add.at(covered, overlaps.target, overlaps.target_end - overlaps.target_start)
    return covered / np.maximum(1, reads.lengths)


def placed_share(contigs: Sequence[Contig], placements: Placements, reads: ReadSet) -> Floats:
    """(R,) share of each read's bases that lie on a contig; all of one that goes round a circle several times."""
    placed = np.zeros(len(reads))
    np.add.at(placed, placements.read, placements.read_end - placements.read_start)
    return np.where(_goes_round(contigs, placements, reads) >= 0, 1.0, placed / np.maximum(1, reads.lengths))


def depths(contigs: Sequence[Contig], placements: Placements, reads: ReadSet) -> list[float]:
    """Mean number of reads over each contig.

    A read that goes round a circle counts as a whole. Reads that stand for others (`ReadSet.weights`) count as those.
    """
    p, bases = placements, np.zeros(len(contigs))
    weights = np.ones(len(reads)) if reads.weights is None else reads.weights.astype(float)
    circle = _goes_round(contigs, p, reads)
    rows = circle[p.read] < 0
    np.add.at(bases, p.contig[rows], ((p.end - p.start) * weights[p.read])[rows])
    whole = circle >= 0
    np.add.at(bases, circle[whole], (reads.lengths * weights)[whole])
    return [float(b) / max(1, len(contig.codes)) for b, contig in zip(bases, contigs, strict=True)]


def _goes_round(contigs: Sequence[Contig], placements: Placements, reads: ReadSet) -> npt.NDArray[np.int64]:
    """(R,) the circle that a read longer than it goes round, -1 for others.

    Not every lap finds a place of its own; one turn, or half of the read, and none elsewhere, is enough to tell.
    """
    p, none = placements, np.full(len(reads), -1, np.int64)
    if len(contigs) == 0:
        return none
    lowest, highest = np.full(len(reads), len(contigs)), np.full(len(reads), -1)
    np.minimum.at(lowest, p.read, p.contig)
    np.maximum.at(highest, p.read, p.contig)
    placed = np.zeros(len(reads))
    np.add.at(placed, p.read, p.end - p.start)
    sizes = np.array([len(contig.codes) for contig in contigs])[highest]
    circles = np.array([contig.circular for contig in contigs])[highest]
    rounds = (lowest == highest) & circles & (reads.lengths > sizes)
    rounds &= placed >= np.minimum(PLACED * reads.lengths, 0.9 * sizes)
    return np.where(rounds, highest, none)


def unplaced(
    overlaps: Overlaps, contigs: Sequence[Contig], placements: Placements, keep: Sequence[bool], reads: ReadSet
) -> list[LeftOut]:
    """Reads of which less than half lies on the contigs that are kept, grouped by the reason."""
    kept = np.array([*keep, False], np.bool_)[placements.contig]
    share = placed_share(contigs, placements.take(kept), reads)
    left = share < PLACED
    met = np.zeros(len(reads), np.bool_)
    met[overlaps.query] = True
    met[overlaps.target] = True
    thin = placed_share(contigs, placements, reads) >= PLACED
    groups = [
        ("no other read overlaps it", left & ~met),
        ("it lies on a contig too short or too shallow to be kept", left & met & thin),
        ("overlaps reads, but too few to make a contig", left & met & ~thin & (share == 0)),
        ("less than half of it lies on a contig: chimeric or of low quality", left & met & ~thin & (share > 0)),
    ]
    return [group for reason, mask in groups if (group := _group(reason, np.flatnonzero(mask), reads)) is not None]


def _group(reason: str, rows: npt.NDArray[np.int64], reads: ReadSet) -> LeftOut | None:
    """These reads as a row of the table, with the longest as the example."""
    if len(rows) == 0:
        return None
    longest = rows[np.argmax(reads.lengths[rows])]
    return LeftOut(reason, len(rows), int(reads.lengths[rows].sum()), reads.names[longest])


def merged(groups: Sequence[LeftOut]) -> list[LeftOut]:
    """Groups of the same reason as one, empty ones dropped, in the order of their first."""
    out: dict[str, LeftOut] = {}
    for group in groups:
        before = out.get(group.reason)
        if before is not None:
            out[group.reason] = replace(before, reads=before.reads + group.reads, bases=before.bases + group.bases)
        elif group.reads:
            out[group.reason] = group
    return list(out.values())
