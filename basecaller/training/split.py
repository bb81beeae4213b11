"""Held-out reads by place in the genome: whole loci, never random reads or chunks.

Reads of the same place show a network the same bases; one that has seen half of them knows the other half by heart.
So the reads that judge a training lie in loci of which no read is trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from basecaller.errors import UsageError

_TRIED = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a read lies on the reference; whichever strand, the coordinates are the forward strand's."""

    read_id: str
    contig: str
    start: int
    """0-based."""
    end: int
    """Half-open."""


@dataclass(frozen=True, slots=True)
class Locus:
    """A stretch of the reference that is held out."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Split:
    """Reads to train on, reads to judge by, and reads for neither; each in the order given."""

    train: tuple[Placed, ...]
    """Touch no held-out locus."""
    held_out: tuple[Placed, ...]
    """Lie wholly in a held-out locus."""
    apart: tuple[Placed, ...]
    """Reach over the edge of a held-out locus: training on them would show some of it, judging by them would ask
    for some of what was trained on."""
    loci: tuple[Locus, ...]
    """The held-out loci, in the order in which they were chosen."""


def split(reads: Iterable[Placed], *, fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out loci that hold about `fraction` of the aligned bases.

    Reads that overlap, directly or through others, are a group. Groups are held out whole, in an order drawn by
    `seed`, as far as they fit. Where these are less than half of what is wanted, a window is cut out of the largest
    group that is left: the one that holds enough whole reads and cuts through the fewest. The same reads give the same
    split in whatever order they come.

    Raises `UsageError` when one of the parts would be empty.
    """
    given = list(reads)
    wanted = fraction * _bases(given)
    groups = _groups(given)
    loci: list[Locus] = []
    held = 0.0
    left = []
    for index in np.random.default_rng(seed).permutation(len(groups)):
        group = groups[index]
        size = _bases(group)
        if held + size <= 1.1 * wanted:
            loci.append(Locus(group[0].contig, group[0].start, max(read.end for read in group)))
            held += size
        else:
            left.append(group)
    if held < 0.5 * wanted and left:
        loci.append(_window(max(left, key=_bases), wanted - held))
    return _assign(given, loci)


def _bases(reads: Iterable[Placed]) -> int:
    return sum(read.end - read.start for read in reads)


def _groups(reads: Sequence[Placed]) -> list[list[Placed]]:
    """Reads that overlap, together; sorted by place."""
    groups: list[list[Placed]] = []
    end = 0
    for read in sorted(reads, key=lambda read: (read.contig, read.start, read.end, read.read_id)):
        if not groups or read.contig != groups[-1][0].contig or read.start >= end:
            groups.append([])
            end = 0
        groups[-1].append(read)
        end = max(end, read.end)
    return groups


def _window(group: Sequence[Placed], wanted: float) -> Locus:
    """The stretch of a group (sorted by start) that holds `wanted` bases of whole reads, or as many as can be, and
    cuts through the fewest bases of others; looked for at up to `_TRIED` places."""
    starts = np.array([read.start for read in group])
    ends = np.array([read.end for read in group])
    sizes = ends - starts
    best: tuple[float, int, int] | None = None
    for start in starts[:: 1 + len(group) // _TRIED]:
        inside = starts >= start
        order = np.argsort(ends[inside], kind="stable")
        filled = np.cumsum(sizes[inside][order])
        last = min(int(np.searchsorted(filled, wanted)), len(filled) - 1)
        end, size = int(ends[inside][order][last]), int(filled[last])
        touched = int(sizes[(starts < end) & (ends > start)].sum())
        lost = touched - size + 2 * max(0.0, wanted - size)
        if best is None or lost < best[0]:
            best = (lost, int(start), end)
    assert best is not None
    return Locus(group[0].contig, best[1], best[2])


def _assign(reads: Sequence[Placed], loci: Sequence[Locus]) -> Split:
    parts: tuple[list[Placed], list[Placed], list[Placed]] = ([], [], [])
    by_contig: dict[str, list[Locus]] = {}
    for locus in loci:
        by_contig.setdefault(locus.contig, []).append(locus)
    for read in reads:
        own = by_contig.get(read.contig, ())
        if any(locus.start <= read.start and read.end <= locus.end for locus in own):
            parts[1].append(read)
        elif any(locus.start < read.end and read.start < locus.end for locus in own):
            parts[2].append(read)
        else:
            parts[0].append(read)
    if not parts[0] or not parts[1]:
        raise UsageError(
            f"{len(reads)} mapped reads are too few, or cover too little of the reference, to train on some loci and "
            "judge by others; give more reads"
        )
    return Split(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]), tuple(loci))
