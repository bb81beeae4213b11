"""The assembler from end to end: reads in, contigs, their graph and what was left over out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from basecaller.assembly.circle import close, stable_start
from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig
from basecaller.assembly.ends import drop_contained, extend
from basecaller.assembly.gfa import expected_errors
from basecaller.assembly.grid import make_grid
from basecaller.assembly.hits import LayoutRules
from basecaller.assembly.layout import Layout, Link, Unitig, lay_out, spell
from basecaller.assembly.likelihood import refine, turn
from basecaller.assembly.mapping import Placements, map_reads
from basecaller.assembly.minimizer import CLEAN, NOISY, Sketch
from basecaller.assembly.overlap import NOISY_SHARE, Overlaps, find_overlaps
from basecaller.assembly.pairmodel import learn
from basecaller.assembly.readset import ReadSet

Say = Callable[[str], None]
LEAST_DEPTH = 2.0
"""A contig needs so many reads, on average, over its length."""
LEAST_LENGTH = 500
POLISHING = 2


@dataclass(frozen=True)
class Unplaced:
    """Reads that reached no contig, grouped by why."""

    reason: str
    reads: int
    bases: int
    example: str


@dataclass(frozen=True, eq=False)
class Assembly:
    """What came out; the contigs are sorted by length, the longest first."""

    contigs: list[Contig]
    links: list[Link]
    unplaced: list[Unplaced]
    metrics: dict[str, object] = field(default_factory=dict)


def assemble(
    reads: ReadSet, *, threads: int = 1, genes: list[npt.NDArray[np.uint8]] | None = None, say: Say = lambda _: None
) -> Assembly:
    """Assemble reads; the result does not depend on `threads`. `genes`: where a circle should start, in order of wish.

    `say` is told of every stage, with counts.
    """
    clock = time.perf_counter()
    seconds: dict[str, float] = {}

    def tick(stage: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[stage] = round(seconds.get(stage, 0.0) + now - clock, 2)
        clock = now

    say(f"{len(reads)} reads, {len(reads.codes)} bases")
    overlaps = find_overlaps(reads, threads=threads)
    depth = typical_depth(overlaps, reads)
    tick("overlap")
    say(f"{len(overlaps)} overlaps, about {depth:.0f} reads over every base")
    rules = replace(LayoutRules(), keep_islands=True, min_depth=3 if depth >= 12 else 1)
    layout = lay_out(overlaps, len(reads), rules)
    drafts = [_draft(unitig, layout, reads) for unitig in layout.unitigs]
    links = layout.links
    tick("layout")
    say(f"{len(drafts)} unitigs, {sum(draft.circular for draft in drafts)} circular")
    sketch = NOISY if len(overlaps) and np.median(overlaps.matches / overlaps.span) < NOISY_SHARE else CLEAN
    contigs, placements = _first_consensus(drafts, reads, sketch, threads)
    left = np.flatnonzero(_placed_share(placements, reads) < 0.5)
    tick("consensus")
    if len(left):
        more = _second_look(left, overlaps, reads, rules, sketch, threads)
        say(f"{len(left)} reads are not in them yet; {len(more)} unitigs more")
        contigs += more
        tick("second look")
    contigs = [close(contig) for contig in contigs]
    contigs, links = _chosen(contigs, links, drop_contained(contigs))
    if any(not contig.circular for contig in contigs):
        placements = map_reads(reads, contigs, make_grid(contigs, WINDOW), threads)[0]
        contigs = [close(contig) for contig in extend(contigs, placements, reads)]
    grid = make_grid(contigs, WINDOW)
    for number in range(POLISHING):
        placements, segments = map_reads(reads, contigs, grid, threads)
        model = learn(contigs, grid, segments, reads)
        say(f"polishing {number + 1} of {POLISHING}: reads of {model.error:.1%} errors")
        contigs, borders = refine(contigs, grid, segments, reads, model, threads)
        if number + 1 < POLISHING:
            contigs, grid = turn(contigs, borders, WINDOW)
    contigs = [replace(c, depth=d) for c, d in zip(contigs, _depths(contigs, placements), strict=True)]
    contigs, links = _chosen(contigs, links, [c.depth >= LEAST_DEPTH and len(c.codes) >= LEAST_LENGTH for c in contigs])
    tick("polish")
    contigs = [stable_start(contig, genes or []) for contig in contigs]
    contigs, links = _name(contigs, links)
    tick("finish")
    say(f"{len(contigs)} contigs, {sum(len(c.codes) for c in contigs)} bases, "
        f"{sum(c.circular for c in contigs)} circular")
    metrics: dict[str, object] = {
        "reads": len(reads), "bases": len(reads.codes), "overlaps": len(overlaps), "typical_depth": round(depth, 1),
        "contigs": len(contigs), "circular": sum(c.circular for c in contigs),
        "assembled_bases": sum(len(c.codes) for c in contigs), "n50": n50([len(c.codes) for c in contigs]),
        "expected_errors": round(sum(expected_errors(c) for c in contigs), 2), "layout": layout.counts,
        "seconds": seconds,
    }
    return Assembly(contigs, links, _unplaced(overlaps, placements, reads), metrics)


def _second_look(
    left: npt.NDArray[np.int64], overlaps: Overlaps, reads: ReadSet, rules: LayoutRules, sketch: Sketch, threads: int
) -> list[Contig]:
    """Contigs of the reads that found no place, by rules that let small things pass."""
    inside = np.zeros(len(reads), np.bool_)
    inside[left] = True
    number = np.cumsum(inside) - 1
    rest = overlaps.take(inside[overlaps.query] & inside[overlaps.target])
    rest = replace(rest, query=number[rest.query].astype(np.int32), target=number[rest.target].astype(np.int32))
    few = reads.subset(left)
    small = replace(rules, min_span=500, min_overlap=500, min_match=60, min_depth=1, max_hang=300)
    layout = lay_out(rest, len(few), small)
    drafts = [_draft(unitig, layout, few) for unitig in layout.unitigs]
    return _first_consensus(drafts, few, sketch, threads)[0]


def typical_depth(overlaps: Overlaps, reads: ReadSet) -> float:
    """Median over the reads of how many others lie over a base of it."""
    if len(reads) == 0:
        return 0.0
    covered = np.zeros(len(reads))
    np.add.at(covered, overlaps.query, overlaps.query_end - overlaps.query_start)
    np.add.at(covered, overlaps.target, overlaps.target_end - overlaps.target_start)
    return float(np.median(covered / np.maximum(1, reads.lengths)))


def n50(lengths: list[int]) -> int:
    """Length of the contig that reaches half of all bases, the longest first."""
    total, run = sum(lengths), 0
    for length in sorted(lengths, reverse=True):
        run += length
        if 2 * run >= total:
            return length
    return 0


def _draft(unitig: Unitig, layout: Layout, reads: ReadSet) -> Contig:
    return Contig("", spell(unitig, layout, reads), unitig.circular)


def _first_consensus(
    drafts: list[Contig], reads: ReadSet, sketch: Sketch, threads: int
) -> tuple[list[Contig], Placements]:
    grid = make_grid(drafts, WINDOW)
    placements, segments = map_reads(reads, drafts, grid, threads, sketch=sketch)
    contigs = polish_windows(drafts, grid, segments, reads, threads)
    return contigs, placements


def _placed_share(placements: Placements, reads: ReadSet) -> npt.NDArray[np.float64]:
    """(R,) share of each read's bases that lie on a contig."""
    placed = np.zeros(len(reads))
    np.add.at(placed, placements.read, placements.read_end - placements.read_start)
    return placed / np.maximum(1, reads.lengths)


def _depths(contigs: list[Contig], placements: Placements) -> list[float]:
    """Mean number of reads over each contig."""
    bases = np.zeros(len(contigs))
    np.add.at(bases, placements.contig, placements.end - placements.start)
    return [float(b) / max(1, len(c.codes)) for b, c in zip(bases, contigs, strict=True)]


def _chosen(contigs: list[Contig], links: list[Link], keep: list[bool]) -> tuple[list[Contig], list[Link]]:
    """Some of the contigs, and the links between them."""
    number = np.cumsum(keep) - 1
    links = [replace(link, source=int(number[link.source]), sink=int(number[link.sink]))
             for link in links if keep[link.source] and keep[link.sink]]
    return [contig for contig, good in zip(contigs, keep, strict=True) if good], links


def _name(contigs: list[Contig], links: list[Link]) -> tuple[list[Contig], list[Link]]:
    """Contigs by falling length, named contig_1, contig_2, ..."""
    order = sorted(range(len(contigs)), key=lambda i: (-len(contigs[i].codes), i))
    rank = {old: new for new, old in enumerate(order)}
    named = [replace(contigs[old], name=f"contig_{new + 1}") for new, old in enumerate(order)]
    return named, [replace(link, source=rank[link.source], sink=rank[link.sink]) for link in links]


def _unplaced(overlaps: Overlaps, placements: Placements, reads: ReadSet) -> list[Unplaced]:
    """Reads of which less than half lies on a contig, grouped by the reason."""
    share = _placed_share(placements, reads)
    left = share < 0.5
    met = np.zeros(len(reads), np.bool_)
    met[overlaps.query] = True
    met[overlaps.target] = True
    groups = [
        ("no other read overlaps it", left & ~met),
        ("overlaps reads, but too few to make a contig", left & met & (share == 0)),
        ("less than half of it lies on a contig: chimeric or of low quality", left & met & (share > 0)),
    ]
    out = []
    for reason, mask in groups:
        rows = np.flatnonzero(mask)
        if len(rows):
            longest = rows[np.argmax(reads.lengths[rows])]
            out.append(Unplaced(reason, len(rows), int(reads.lengths[rows].sum()), reads.names[longest]))
    return out
