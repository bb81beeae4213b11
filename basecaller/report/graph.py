"""The assembly graph, from GFA to a drawing in the plane: each unitig a line as long as it has bases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST_DRAWN = 150
"""Unitigs, longest first, that are drawn."""
POINTS = 90
"""Points that the whole drawing's lines are made of, shared out by length."""


@dataclass(frozen=True)
class Unitig:
    """A segment of the graph."""

    name: str
    length: int
    depth: float
    circular: bool


@dataclass(frozen=True)
class Graph:
    """Segments by name, and the links between their ends."""

    unitigs: dict[str, Unitig]
    links: tuple[tuple[str, bool, str, bool], ...]
    """From, forward, to, forward."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Where everything lies: x and y of shape (P, 2) for each unitig, (2, 2) for each link."""

    unitigs: dict[str, Floats]
    links: tuple[Floats, ...]


def read_gfa(path: Path) -> Graph:
    """The S and L lines of a GFA 1 file; lines of other kinds, and links to nowhere, are passed over."""
    unitigs: dict[str, Unitig] = {}
    links: list[tuple[str, bool, str, bool]] = []
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            fields = line.rstrip("\n").split("\t")
            if fields[0] == "S" and len(fields) >= 3:
                tags = {tag[:2].lower(): tag[5:] for tag in fields[3:] if tag[2:3] == ":"}
                length = int(tags.get("ln", len(fields[2])))
                unitigs[fields[1]] = Unitig(fields[1], length, float(tags.get("dp", "nan")), False)
            elif fields[0] == "L" and len(fields) >= 5:
                links.append((fields[1], fields[2] == "+", fields[3], fields[4] == "+"))
    links = [link for link in dict.fromkeys(links) if link[0] in unitigs and link[2] in unitigs]
    for name, forward, other, same in links:
        if name == other and forward == same:
            unitig = unitigs[name]
            unitigs[name] = Unitig(name, unitig.length, unitig.depth, True)
    return Graph(unitigs, tuple(links))


def lay_out(graph: Graph) -> Drawing:
    """Place the longest unitigs: rings and straight lines where the graph is one, else by springs (the same each time).

    Fruchterman and Reingold 1991, as networkx has it; connected parts are placed beside each other in rows.
    """
    chosen = sorted(graph.unitigs.values(), key=lambda unitig: -unitig.length)[:MOST_DRAWN]
    names = {unitig.name for unitig in chosen}
    total = sum(unitig.length for unitig in chosen) or 1
    net = nx.Graph()
    points = {}
    for unitig in chosen:
        points[unitig.name] = max(3, round(POINTS * unitig.length / total))
        nx.add_path(net, [(unitig.name, i) for i in range(points[unitig.name])])
    joints = []
    for name, forward, other, same in graph.links:
        if name in names and other in names:
            start = (name, points[name] - 1 if forward else 0)
            end = (other, 0 if same else points[other] - 1)
            joints.append((start, end))
            net.add_edge(start, end)
    where: dict[tuple[str, int], Floats] = {}
    left = top = depth = 0.0
    for part in sorted(nx.connected_components(net), key=len, reverse=True):
        placed = _place(net.subgraph(part))
        size = np.ptp(np.array(list(placed.values())), axis=0)
        if left and left + size[0] > 14:
            left, top, depth = 0.0, top - depth - 1.0, 0.0
        corner = np.min(np.array(list(placed.values())), axis=0)
        for node, point in placed.items():
            where[node] = point - corner + np.array([left, top - size[1]])
        left, depth = left + float(size[0]) + 1.2, max(depth, float(size[1]))
    drawn = {name: np.array([where[name, i] for i in range(count)]) for name, count in points.items()}
    return Drawing(drawn, tuple(np.array([where[a], where[b]]) for a, b in joints))


def _place(net: nx.Graph) -> dict[tuple[str, int], Floats]:
    """Coordinates of one connected part; one unit is five points of line."""
    nodes = sorted(net.nodes)
    degrees = [net.degree(node) for node in nodes]
    ends = [node for node, degree in zip(nodes, degrees, strict=True) if degree == 1]
    if max(degrees) <= 2:
        walk = list(nx.dfs_preorder_nodes(net, ends[0] if ends else nodes[0]))
        if ends:
            return {node: np.array([i / 5, 0.0]) for i, node in enumerate(walk)}
        radius, turn = len(walk) / 10 / np.pi, 2 * np.pi / len(walk)
        return {node: radius * np.array([np.sin(i * turn), np.cos(i * turn)]) for i, node in enumerate(walk)}
    start = nx.circular_layout(net)
    placed = nx.spring_layout(net, pos=start, seed=1, iterations=300, scale=None, k=1 / np.sqrt(len(nodes)))
    length = np.mean([np.linalg.norm(placed[a] - placed[b]) for a, b in net.edges]) or 1.0
    return {node: np.asarray(point) / length / 5 for node, point in placed.items()}
