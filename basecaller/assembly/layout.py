"""Layout: from overlaps to unitigs, the stretches of reads that can be joined in one way only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from basecaller.assembly.bubble import pop_bubbles
from basecaller.assembly.graph import End, StringGraph
from basecaller.assembly.hits import DOVETAIL, LayoutRules, Selection, classify, select
from basecaller.assembly.overlap import Overlaps
from basecaller.assembly.readset import ReadSet
from basecaller.bases import reverse_complement


@dataclass(frozen=True)
class Step:
    """One read of a unitig: `length` bases of it, from its start on (of its kept part, in its orientation)."""

    read: int
    reverse: bool
    length: int


@dataclass(frozen=True)
class Unitig:
    """Reads in order; the length is that of the layout, before any consensus."""

    steps: tuple[Step, ...]
    circular: bool

    @property
    def length(self) -> int:
        """Bases."""
        return sum(step.length for step in self.steps)


@dataclass(frozen=True)
class Link:
    """Unitig `source` (read backwards if `source_reverse`) goes on in `sink`, sharing `overlap` bases."""

    source: int
    source_reverse: bool
    sink: int
    sink_reverse: bool
    overlap: int


@dataclass(frozen=True, eq=False)
class Layout:
    """Unitigs, the links between them, and the kept part [start, end) of every read."""

    unitigs: list[Unitig]
    links: list[Link]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    contained: npt.NDArray[np.bool_]
    counts: dict[str, int] = field(default_factory=dict)
    """What each stage did, in order."""


Watch = Callable[[str, StringGraph], None]


def lay_out(overlaps: Overlaps, number: int, rules: LayoutRules, watch: Watch | None = None) -> Layout:
    """Unitigs of `number` reads from their overlaps; `watch(stage, graph)` sees the graph after every stage."""
    selection = select(overlaps, number, rules)
    graph = build(selection, rules)
    counts = {"hits": len(selection.hits.query), "contained": int(selection.contained.sum())}

    def done(stage: str, count: int) -> int:
        counts[stage] = counts.get(stage, 0) + count
        if watch is not None:
            watch(stage, graph)
        return count

    def clean() -> None:
        done("tips", graph.cut_tips(rules.max_tip, rules.keep_islands))
        done("bubbles", pop_bubbles(graph, rules.max_bubble))

    done("arcs", sum(map(len, graph.out.values())))
    done("transitive", graph.reduce_transitive(rules.fuzz))
    done("tips", graph.cut_tips(rules.max_tip, rules.keep_islands))
    graph.make_symmetric()
    done("bubbles", pop_bubbles(graph, rules.max_bubble))
    for ratio in rules.drop_ratios:
        if done("short", graph.drop_short(ratio)):
            clean()
    done("internal", graph.cut_internal(1))
    done("biloops", graph.cut_biloops(rules.max_tip))
    clean()
    if done("short", graph.drop_short(rules.final_drop_ratio)):
        clean()
    unitigs, links = make_unitigs(graph)
    if rules.keep_islands:
        joined = {step.read for unitig in unitigs for step in unitig.steps} | {v >> 1 for v in graph.vertices()}
        lone = ~graph.gone & (selection.end > selection.start)
        unitigs += [Unitig((Step(int(r), False, int(graph.lengths[r])),), False)
                    for r in np.flatnonzero(lone) if int(r) not in joined]
    counts["unitigs"] = len(unitigs)
    return Layout(unitigs, links, selection.start, selection.end, selection.contained, counts)


def build(selection: Selection, rules: LayoutRules) -> StringGraph:
    """The string graph of the dovetail overlaps."""
    lengths = selection.end - selection.start
    graph = StringGraph(lengths, selection.contained | (lengths <= 0))
    kind, source, sink, length = classify(selection.hits, lengths, rules.max_hang, rules.internal_ratio,
                                          rules.min_overlap)
    keep = (kind == DOVETAIL) & (source >> 1 != sink >> 1)
    for u, v, bases in zip(source[keep].tolist(), sink[keep].tolist(), length[keep].tolist(), strict=True):
        graph.add(u, v, bases)
    graph.tidy()
    return graph


def make_unitigs(graph: StringGraph) -> tuple[list[Unitig], list[Link]]:
    """Join reads along all ways that are open in both directions."""
    seen: set[int] = set()
    unitigs: list[Unitig] = []
    ends: dict[int, int] = {}
    """First vertex of each unitig, and of its reverse complement -> 2 * unitig + strand."""
    for first in sorted(graph.out):
        if first in seen:
            continue
        path, circular = [first], False
        while (ahead := _only(graph, path[-1])) is not None:
            if ahead == first:
                circular = True
                break
            path.append(ahead)
        while not circular and (behind := _only(graph, path[0] ^ 1)) is not None:
            path.insert(0, behind ^ 1)
        seen.update(path)
        seen.update(vertex ^ 1 for vertex in path)
        lengths = [graph.arcs(vertex)[0].length for vertex in (path if circular else path[:-1])]
        if not circular:
            lengths.append(int(graph.lengths[path[-1] >> 1]))
            ends[path[0]], ends[path[-1] ^ 1] = 2 * len(unitigs), 2 * len(unitigs) + 1
        steps = tuple(Step(v >> 1, bool(v & 1), n) for v, n in zip(path, lengths, strict=True))
        unitigs.append(Unitig(steps, circular))
    links = []
    for vertex in sorted(graph.out):
        for arc in graph.out[vertex]:
            source, sink = ends.get(arc.source ^ 1), ends.get(arc.sink)
            if source is not None and sink is not None:
                source ^= 1
                links.append(Link(source >> 1, bool(source & 1), sink >> 1, bool(sink & 1), arc.overlap))
    return unitigs, links


def _only(graph: StringGraph, vertex: int) -> int | None:
    """The next vertex, if the way there is the only one both ways."""
    end, ahead = graph.end(vertex)
    return ahead if end is End.OPEN else None


def spell(unitig: Unitig, layout: Layout, reads: ReadSet) -> npt.NDArray[np.uint8]:
    """The unitig's bases as its reads have them: the draft that consensus works on."""
    parts = []
    for step in unitig.steps:
        piece = reads.read(step.read)[layout.start[step.read] : layout.end[step.read]]
        parts.append((reverse_complement(piece) if step.reverse else piece)[: step.length])
    return np.concatenate(parts)
