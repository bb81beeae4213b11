"""Bubbles of the string graph: two or more ways between the same reads, of which one is kept."""

from __future__ import annotations

from dataclasses import dataclass

from basecaller.assembly.graph import Arc, StringGraph


@dataclass(slots=True)
class _Visit:
    parent: int
    distance: int
    remaining: int
    reads: int = 0


def pop_bubbles(graph: StringGraph, max_distance: int) -> int:
    """Replace each bubble of at most `max_distance` bases by its way of most reads; returns how many."""
    popped = 0
    for vertex in sorted(graph.out):
        if not graph.gone[vertex >> 1] and len(graph.alive(vertex)) > 1:
            popped += _pop(graph, vertex, max_distance)
    if popped:
        graph.tidy()
    return popped


def _pop(graph: StringGraph, start: int, max_distance: int) -> bool:
    """Explore from one vertex until all ways have met again (Onodera 2013, with dead ends allowed inside)."""
    visits: dict[int, _Visit] = {}
    used: list[Arc] = []
    pending = 0
    ready = [start]
    while True:
        vertex = ready.pop()
        here = visits.get(vertex)
        distance, reads = (here.distance, here.reads) if here else (0, 0)
        for arc in graph.arcs(vertex):
            if arc.sink == start:
                return False
            if arc.dead:
                continue
            used.append(arc)
            reached = distance + arc.length
            if reached > max_distance:
                return False
            visit = visits.get(arc.sink)
            if visit is None:
                visit = visits[arc.sink] = _Visit(vertex, reached, len(graph.alive(arc.sink ^ 1)))
                pending += 1
            else:
                if reads + 1 > visit.reads or (reads + 1 == visit.reads and reached > visit.distance):
                    visit.parent = vertex
                visit.reads = max(visit.reads, reads + 1)
                visit.distance = min(visit.distance, reached)
            visit.remaining -= 1
            if visit.remaining == 0:
                pending -= 1
                if graph.arcs(arc.sink):
                    ready.append(arc.sink)
        if not ready:
            return False
        if len(ready) == 1 and not pending:
            break
    for vertex in visits:
        graph.gone[vertex >> 1] = True
    for arc in used:
        graph.set_dead(arc.source, arc.sink, True)
    vertex = ready[0]
    while vertex != start:
        parent = visits[vertex].parent
        graph.gone[vertex >> 1] = False
        graph.set_dead(parent, vertex, False)
        vertex = parent
    return True
