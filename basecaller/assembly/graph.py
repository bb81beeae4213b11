"""The string graph and its cleaning (Myers 2005; the rules of Li 2016).

A vertex is an oriented read, 2 * read + strand; vertex ^ 1 is the same read on the other strand. An arc u -> v says
that v follows u, `length` bases after u's start, and has a twin v^1 -> u^1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt


@dataclass(slots=True, eq=False)
class Arc:
    """One arc; `length`: bases from the start of `source` to the start of `sink`, `overlap`: bases shared."""

    source: int
    sink: int
    length: int
    overlap: int
    dead: bool = False


class End(Enum):
    """What bars the way from a vertex, walking on."""

    OPEN = 0
    """Nothing: one arc out, and it is the only one into its sink."""
    TIP = 1
    FORK = 2
    """Several arcs out."""
    JOIN = 3
    """One arc out, but others lead into its sink."""


class StringGraph:
    """Arcs by source vertex, the nearest sink first; reads taken out are listed in `gone`."""

    def __init__(self, lengths: npt.NDArray[np.int64], gone: npt.NDArray[np.bool_]) -> None:
        self.lengths = lengths
        self.gone = gone.copy()
        self.out: dict[int, list[Arc]] = {}

    def add(self, source: int, sink: int, length: int) -> None:
        """Add one arc; call `tidy` after the last."""
        arc = Arc(source, sink, length, int(self.lengths[source >> 1]) - length)
        self.out.setdefault(source, []).append(arc)

    def arcs(self, vertex: int) -> list[Arc]:
        """All arcs of a vertex, dead ones too until `tidy`."""
        return self.out.get(vertex, [])

    def alive(self, vertex: int) -> list[Arc]:
        """The arcs of a vertex that are not dead."""
        return [arc for arc in self.out.get(vertex, []) if not arc.dead]

    def vertices(self) -> list[int]:
        """Vertices with an arc out or in, in order."""
        return sorted(set(self.out) | {vertex ^ 1 for vertex in self.out})

    def tidy(self) -> None:
        """Forget dead arcs and those of removed reads."""
        out = {}
        for vertex in sorted(self.out):
            if self.gone[vertex >> 1]:
                continue
            arcs = [arc for arc in self.out[vertex] if not arc.dead and not self.gone[arc.sink >> 1]]
            if arcs:
                out[vertex] = sorted(arcs, key=lambda arc: (arc.length, arc.sink))
        self.out = out

    def make_symmetric(self) -> None:
        """Of arcs between the same vertices keep the longest overlap; drop arcs without a twin."""
        for arcs in self.out.values():
            seen: set[int] = set()
            for arc in arcs:
                arc.dead = arc.dead or arc.sink in seen
                seen.add(arc.sink)
        self.tidy()
        pairs = {(arc.source, arc.sink) for arcs in self.out.values() for arc in arcs}
        for arcs in self.out.values():
            for arc in arcs:
                arc.dead = (arc.sink ^ 1, arc.source ^ 1) not in pairs
        self.tidy()

    def set_dead(self, source: int, sink: int, dead: bool) -> None:
        """Kill, or bring back, the arc source -> sink and its twin."""
        for u, v in ((source, sink), (sink ^ 1, source ^ 1)):
            for arc in self.arcs(u):
                if arc.sink == v:
                    arc.dead = dead

    def remove(self, read: int) -> None:
        """Take a read out, with all its arcs."""
        self.gone[read] = True
        for vertex in (2 * read, 2 * read + 1):
            for arc in self.arcs(vertex):
                self.set_dead(arc.source, arc.sink, True)

    def end(self, vertex: int) -> tuple[End, int]:
        """What bars the way on from a vertex, and the next vertex where there is just one."""
        ahead = self.alive(vertex)
        if not ahead:
            return End.TIP, -1
        if len(ahead) > 1:
            return End.FORK, -1
        sink = ahead[0].sink
        return (End.OPEN if len(self.alive(sink ^ 1)) == 1 else End.JOIN), sink

    def walk(self, vertex: int, steps: int) -> tuple[End, list[int]]:
        """Walk on while the way is open, at most so many steps: what stopped it, and the vertices passed."""
        passed = [vertex]
        for _ in range(max(1, steps)):
            end, ahead = self.end(vertex)
            if end is not End.OPEN:
                return end, passed
            passed.append(ahead)
            vertex = ahead
        return End.OPEN, passed

    def reduce_transitive(self, fuzz: int) -> int:
        """Drop arcs that two others make superfluous (Myers 2005); returns how many."""
        dropped = 0
        for vertex in sorted(self.out):
            arcs = self.out[vertex]
            state = {arc.sink: 1 for arc in arcs}
            longest = arcs[-1].length + fuzz
            for arc in arcs:
                if state[arc.sink] != 1:
                    continue
                for beyond in self.arcs(arc.sink):
                    if beyond.length + arc.length > longest:
                        break
                    if beyond.sink in state:
                        state[beyond.sink] = 2
            for arc in arcs:
                if state[arc.sink] == 2:
                    arc.dead = True
                    dropped += 1
        if dropped:
            self.tidy()
            self.make_symmetric()
        return dropped

    def drop_short(self, ratio: float) -> int:
        """Drop arcs whose overlap is below `ratio` of the best of their vertex; returns how many."""
        dropped = 0
        for arcs in self.out.values():
            if len(arcs) < 2:
                continue
            least = int(np.float32(arcs[0].overlap) * np.float32(ratio) + 0.499)
            for arc in reversed(arcs[1:]):
                if arc.overlap >= least:
                    break
                arc.dead = True
                dropped += 1
        if dropped:
            self.tidy()
            self.make_symmetric()
        return dropped

    def cut_tips(self, max_tip: int, keep_islands: bool = False) -> int:
        """Cut dead ends of at most `max_tip` reads; returns how many."""
        return self._cut(End.TIP, max_tip, {End.OPEN, End.TIP} if keep_islands else {End.OPEN})

    def cut_internal(self, max_length: int) -> int:
        """Cut short pieces whose both ends run into better connected reads; returns how many."""
        return self._cut(End.JOIN, max_length, {End.OPEN, End.TIP, End.FORK})

    def _cut(self, behind: End, steps: int, spared: set[End]) -> int:
        """Remove the ways of so many steps that have `behind` behind them, unless what stops them is `spared`."""
        count = 0
        for vertex in self.vertices():
            if self.gone[vertex >> 1] or self.end(vertex ^ 1)[0] is not behind:
                continue
            end, passed = self.walk(vertex, steps)
            if end in spared:
                continue
            for v in passed:
                self.remove(v >> 1)
            count += 1
        if count:
            self.tidy()
        return count

    def cut_biloops(self, max_length: int) -> int:
        """Where a way comes back on the other strand (v ... x', w -> v and w -> x), cut the weaker entry."""
        count = 0
        for vertex in self.vertices():
            if self.gone[vertex >> 1]:
                continue
            end, before = self.end(vertex ^ 1)
            if end is not End.JOIN:
                continue
            end, passed = self.walk(vertex, max_length)
            if end is not End.FORK:
                continue
            last, entry = passed[-1] ^ 1, before ^ 1
            overlaps = {arc.sink: arc.overlap for arc in self.alive(entry)}
            if overlaps.get(vertex, 0) > overlaps.get(last, 0):
                self.set_dead(entry, last, True)
                count += 1
        if count:
            self.tidy()
        return count
