"""The assembler from end to end: reads in, contigs, their graph and what was left over out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.assembly.account import PLACED, depths, merged, placed_share, typical_depth, unplaced
from basecaller.assembly.circle import stable_start
from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig, sizes
from basecaller.assembly.ends import drop_contained, extend
from basecaller.assembly.grid import make_grid
from basecaller.assembly.hits import LayoutRules
from basecaller.assembly.junction import close_where_read, without_circles
from basecaller.assembly.layout import Layout, Link, Unitig, lay_out, spell
from basecaller.assembly.likelihood import refine, turn
from basecaller.assembly.mapping import Placements, map_reads
from basecaller.assembly.minimizer import CLEAN, NOISY, Sketch
from basecaller.assembly.overlap import MIN_SPAN, NOISY_SHARE, Overlaps, find_overlaps, read_paf
from basecaller.assembly.pairmodel import learn
from basecaller.assembly.readset import LeftOut, ReadSet
from basecaller.assembly.repeats import split, unspanned
from basecaller.assembly.stages import Stages
from basecaller.assembly.thinning import BEST, DRAWN, SET_ASIDE, thin

Say = Callable[[str], None]
LEAST_DEPTH = 2.0
"""A contig needs so many reads, on average, over its length."""
LEAST_LENGTH = 500
DEEP = 20.0
"""Reads over a typical base of another, each overlapping it long enough for the layout. From so many on, parts of reads
that fewer than three others cover are left out: by chance (Poisson) one place in two million has no more. Below, parts
that none covers are."""
POLISHING = 3
"""Rounds; what the second mends at the borders of the first lets a few more be seen in the third."""


@dataclass(frozen=True, eq=False)
class Assembly:
    """What came out; the contigs are sorted by length, the longest first."""

    contigs: list[Contig]
    links: list[Link]
    unplaced: list[LeftOut]
    metrics: dict[str, object] = field(default_factory=dict)

    def with_contigs(self, contigs: list[Contig]) -> Assembly:
        """The same with the bases of its contigs changed, as by polishing."""
        return replace(self, contigs=contigs, metrics=self.metrics | sizes(contigs))


def assemble(
    reads: ReadSet, *, threads: int = 1, genes: list[npt.NDArray[np.uint8]] | None = None,
    left_out: Sequence[LeftOut] = (), paf: str | Path | None = None, stages: Stages | None = None,
    say: Say = lambda _: None,
) -> Assembly:
    """Assemble reads; the result does not depend on `threads`. `genes`: where a circle should start, in order of wish.

    Reads that lie too deep are thinned first (see `thinning`). `left_out`: what was not even given, for the table of
    unplaced reads. `paf`: overlaps of the reads, in place of finding them; a bad file raises `BasecallerError`.
    `stages` writes what lies between. `say` is told of every stage, with counts.
    """
    clock = time.perf_counter()
    seconds: dict[str, float] = {}

    def tick(stage: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[stage] = round(seconds.get(stage, 0.0) + now - clock, 2)
        clock = now

    say(f"{len(reads)} reads, {len(reads.codes)} bases")
    given = len(reads)
    reads, aside = thin(reads, threads)
    left_out = [*left_out, aside]
    if thinned := [group for group in left_out if group.reason.startswith(SET_ASIDE)]:
        say(f"{len(reads)} reads of {len(reads.codes)} bases are used: the {BEST:.0f}-fold of the longest and best and "
            f"the {DRAWN:.0f}-fold of the others; {sum(group.reads for group in thinned)} reads are set aside")
    tick("thin")
    if paf is None:
        overlaps = find_overlaps(reads, threads=threads)
    else:
        overlaps = read_paf(paf, reads.names, reads.lengths, others=True)
    if stages:
        stages.overlaps(overlaps, reads)
    depth = typical_depth(overlaps, reads)
    tick("overlap")
    say(f"{len(overlaps)} overlaps, about {depth:.0f} reads over every base")
    rules = replace(LayoutRules(), keep_islands=True)
    if typical_depth(overlaps.longer(rules.min_span), reads) < DEEP:
        rules = replace(rules, min_depth=1)
    layout = lay_out(overlaps, len(reads), rules, stages.watch(reads) if stages else None)
    passes = [{"pass": "all reads", **layout.counts}]
    drafts = [_draft(unitig, layout, reads) for unitig in layout.unitigs]
    links = layout.links
    tick("layout")
    say(f"{len(drafts)} unitigs, {sum(draft.circular for draft in drafts)} circular")
    sketch = NOISY if len(overlaps) and np.median(overlaps.matches / overlaps.span) < NOISY_SHARE else CLEAN
    contigs, placements = _first_consensus(drafts, reads, sketch, threads)
    if stages:
        stages.contigs("unitigs", drafts)
        stages.contigs("consensus", contigs)
    left = np.flatnonzero(placed_share(contigs, placements, reads) < PLACED)
    tick("consensus")
    if len(left):
        more, counts = _second_look(left, overlaps, reads, rules, sketch, threads, stages)
        passes.append({"pass": "reads left over", **counts})
        say(f"{len(left)} reads are not in them yet; {len(more)} unitigs more")
        contigs += more
        tick("second look")
    contigs = close_where_read(contigs, reads, threads)
    contigs, links = _chosen(contigs, links, drop_contained(contigs))
    if any(not contig.circular for contig in contigs):
        placements = map_reads(reads, contigs, make_grid(contigs, WINDOW), threads)[0]
        contigs = close_where_read(extend(contigs, placements, reads), reads, threads)
    links = without_circles(links, contigs)
    grid = make_grid(contigs, WINDOW)
    for number in range(POLISHING):
        placements, segments = map_reads(reads, contigs, grid, threads, to_ends=True)
        if number == 0 and any(places := unspanned(contigs, placements)):
            contigs, links = split(contigs, links, places)
            say(f"{len(contigs)} contigs, now that repeats that no read spans part them")
            grid = make_grid(contigs, WINDOW)
            placements, segments = map_reads(reads, contigs, grid, threads, to_ends=True)
        model = learn(contigs, grid, segments, reads)
        say(f"polishing {number + 1} of {POLISHING}: reads of {model.error:.1%} errors")
        contigs, borders = refine(contigs, grid, segments, reads, model, threads)
        if stages:
            stages.contigs(f"polished_{number + 1}", contigs)
        if number + 1 < POLISHING:
            contigs, grid = turn(contigs, borders, WINDOW)
    laid = depths(contigs, placements, replace(reads, weights=None))
    keep = [d >= LEAST_DEPTH and len(c.codes) >= LEAST_LENGTH for d, c in zip(laid, contigs, strict=True)]
    contigs = [replace(c, depth=d) for c, d in zip(contigs, depths(contigs, placements, reads), strict=True)]
    not_placed = merged([*left_out, *unplaced(overlaps, contigs, placements, keep, reads)])
    contigs, links = _chosen(contigs, links, keep)
    tick("polish")
    contigs = [stable_start(contig, genes or []) for contig in contigs]
    contigs, links = _name(contigs, links)
    tick("finish")
    metrics: dict[str, object] = {
        "reads": given, "reads_used": len(reads), "bases": len(reads.codes), "overlaps": len(overlaps),
        "typical_depth": round(depth, 1), "contigs": len(contigs), "circular": sum(c.circular for c in contigs),
        "links": len(links), **sizes(contigs), "layout": passes,
        "left_out": {group.reason: group.reads for group in not_placed}, "seconds": seconds,
    }
    say(_finding(contigs, links, reads, overlaps))
    return Assembly(contigs, links, not_placed, metrics)


def _finding(contigs: list[Contig], links: list[Link], reads: ReadSet, overlaps: Overlaps) -> str:
    """What was found, in a sentence."""
    if contigs:
        open_ends = f"; {len(links)} links between them are not resolved (assembly.gfa)" if links else ""
        return (f"{len(contigs)} contigs, {sum(len(c.codes) for c in contigs)} bases, "
                f"{sum(c.circular for c in contigs)} circular{open_ends}")
    if len(reads) == 0:
        return "no contig: there are no reads"
    longest = int(reads.lengths.max())
    if longest < MIN_SPAN:
        return (f"no contig: the longest of {len(reads)} reads has {longest} bases, and reads are joined by overlaps "
                f"of {MIN_SPAN} bases or more")
    if len(reads) == 1:
        return "no contig: a single read has nothing to be joined with"
    if len(overlaps) == 0:
        return f"no contig: none of the {len(reads)} reads overlaps another by {MIN_SPAN} bases or more"
    return (f"no contig: {len(overlaps)} overlaps among {len(reads)} reads are too few; a contig needs at least two "
            f"reads over each base and {LEAST_LENGTH} bases")


def _second_look(
    left: npt.NDArray[np.int64], overlaps: Overlaps, reads: ReadSet, rules: LayoutRules, sketch: Sketch, threads: int,
    stages: Stages | None,
) -> tuple[list[Contig], dict[str, int]]:
    """Contigs of the reads that found no place, by rules that let small things pass; and what the layout did."""
    inside = np.zeros(len(reads), np.bool_)
    inside[left] = True
    number = np.cumsum(inside) - 1
    rest = overlaps.take(inside[overlaps.query] & inside[overlaps.target])
    rest = replace(rest, query=number[rest.query].astype(np.int32), target=number[rest.target].astype(np.int32))
    few = reads.subset(left)
    small = replace(rules, min_span=500, min_overlap=500, min_match=60, min_depth=1, max_hang=300)
    layout = lay_out(rest, len(few), small, stages.watch(few, "left_over_") if stages else None)
    drafts = [_draft(unitig, layout, few) for unitig in layout.unitigs]
    return _first_consensus(drafts, few, sketch, threads)[0], layout.counts


def _draft(unitig: Unitig, layout: Layout, reads: ReadSet) -> Contig:
    return Contig("", spell(unitig, layout, reads), unitig.circular)


def _first_consensus(
    drafts: list[Contig], reads: ReadSet, sketch: Sketch, threads: int
) -> tuple[list[Contig], Placements]:
    grid = make_grid(drafts, WINDOW)
    placements, segments = map_reads(reads, drafts, grid, threads, sketch=sketch)
    contigs = polish_windows(drafts, grid, segments, reads, threads)
    return contigs, placements


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
