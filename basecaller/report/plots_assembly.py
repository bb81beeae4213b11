"""Figures of the assembly: depth and quality along the contigs, the contigs as a table, the graph as a drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from basecaller.report.contigs import Assembly, Contig
from basecaller.report.gather import Run
from basecaller.report.graph import MOST_DRAWN, Graph, lay_out
from basecaller.report.parts import Cell, Figure, Listing, Part, Table, count, ordinal, plural, slug
from basecaller.report.style import FAINT, SCALE, colour, faded, figure

MOST_LISTED = 30


def assembly_parts(run: Run, several: bool) -> tuple[Part, ...]:
    """Everything about the contigs of one run; empty before the assembly has run."""
    assembly = run.assembly
    if assembly is None:
        return ()
    name = f" · {run.name}" if several else ""
    parts: list[Part] = [_listing(run, assembly, name)]
    if run.graph and run.graph.unitigs:
        parts.append(_graph(run, run.graph, name))
    for contig in (contig for contig in assembly.contigs if len(contig.depths)):
        parts.append(_along(run, contig, assembly.depth_step, name))
    if assembly.unplaced:
        rows = tuple((group.reason, group.reads, group.bases, group.example) for group in assembly.unplaced)
        parts.append(Listing(f"unplaced-{slug(run.name)}", f"Reads in no contig{name}", "Why they were left out, and "
                             "one of them.", Table(("reason", "reads", "bases", "such as"), rows)))
    return tuple(parts)


def shape(contig: Contig) -> str:
    """`circular`, `linear` or `not recorded`."""
    return {True: "circular", False: "linear", None: "not recorded"}[contig.circular]


def _listing(run: Run, assembly: Assembly, name: str) -> Listing:
    matched = any(contig.match for contig in assembly.contigs)
    noted = any(contig.note for contig in assembly.contigs)
    columns = ["contig", "length", "shape", "depth", "quality", *(["note"] if noted else [])]
    if matched:
        columns += ["identity (%)", "mismatches", "inserted", "deleted", "aligned (%)", "pieces", "lies on"]
    rows: list[tuple[Cell, ...]] = []
    for contig in assembly.contigs:
        row: list[Cell] = [contig.name, contig.length, shape(contig), round(contig.depth, 1),
                           round(contig.quality, 1), *([contig.note] if noted else [])]
        match = contig.match
        if match:
            row += [round(100 * match.identity, 4), match.mismatches, match.inserted, match.deleted,
                    round(100 * match.aligned / contig.length, 2), match.pieces, match.target]
        rows.append((*row, *[None] * (len(columns) - len(row))))
    note = "Longest first; depth is the number of reads over each base, quality that of the consensus (Phred)."
    if len(rows) > MOST_LISTED:
        note += f" The {MOST_LISTED} longest of {len(rows):,}; the TSV has all."
    return Listing(f"contigs-{slug(run.name)}", f"Contigs{name}", note,
                   Table(tuple(columns), tuple(rows[:MOST_LISTED])), Table(tuple(columns), tuple(rows[:20000])))


def _along(run: Run, contig: Contig, step: int, name: str) -> Figure:
    """Depth, and quality where there is one, along a contig."""
    x = contig.positions
    traces: list[Any] = [go.Scatter(x=x, y=contig.depths, name="depth", mode="lines", fill="tozeroy",
                                    line={"color": colour(0), "width": 1.5}, fillcolor=faded(colour(0), 0.15),
                                    hovertemplate="%{x:,.0f}: %{y:.1f} reads<extra></extra>")]
    columns = ["position", "depth"]
    layout: dict[str, Any] = {"yaxis": {"rangemode": "tozero"}}
    height = 220
    if len(contig.qualities):
        traces.append(go.Scatter(x=x, y=contig.qualities, name="quality", mode="lines", yaxis="y2",
                                 line={"color": colour(1), "width": 1.5},
                                 hovertemplate="%{x:,.0f}: Q%{y:.1f}<extra></extra>"))
        columns.append("quality")
        height = 320
        layout = {"yaxis": {"domain": [0.5, 1], "rangemode": "tozero"},
                  "yaxis2": {"domain": [0, 0.42], "title": {"text": "quality"}, "anchor": "x",
                             "rangemode": "tozero"}, "xaxis": {"anchor": "y2"}}
    plot = figure(traces, f"position in {contig.name} (bases)", "depth", height=height, **layout)
    values = [x, contig.depths, *([contig.qualities] if len(contig.qualities) else [])]
    rows = tuple(tuple(round(float(value), 3) for value in row) for row in zip(*values, strict=True))
    note = f"{contig.length:,} bases, {shape(contig)}. A dip in depth or quality is where to doubt the sequence."
    if step > 1:
        note += f" Depth from {ordinal(step)} read, scaled up."
    return Figure(f"along-{slug(run.name)}-{slug(contig.name)}", f"Along {contig.name}{name}", note, plot,
                  Table(tuple(columns), rows), wide=True)


def _graph(run: Run, graph: Graph, name: str) -> Figure:
    drawing = lay_out(graph)
    traces: list[Any] = []
    links = [value for line in drawing.links for value in ([*line.tolist(), [None, None]])]
    if links:
        traces.append(go.Scatter(x=[p[0] for p in links], y=[p[1] for p in links], mode="lines", hoverinfo="skip",
                                 line={"color": FAINT, "width": 2}, showlegend=False))
    depths = np.array([graph.unitigs[unitig].depth for unitig in drawing.unitigs])
    top = float(np.nanmax(depths)) if np.isfinite(depths).any() else 0.0
    for unitig_name, points in drawing.unitigs.items():
        unitig = graph.unitigs[unitig_name]
        known = np.isfinite(unitig.depth) and top > 0
        tint = sample_colorscale([list(stop) for stop in SCALE], [0.3 + 0.65 * unitig.depth / top])[0] if known \
            else colour(0)
        said = f"{unitig.name}: {count(unitig.length, 'b')}" + (f", depth {unitig.depth:.1f}" if known else "") \
            + (", circular" if unitig.circular else "")
        traces.append(go.Scatter(x=points[:, 0], y=points[:, 1], mode="lines", showlegend=False,
                                 line={"color": tint, "width": 9, "shape": "spline"},
                                 text=[said] * len(points), hovertemplate="%{text}<extra></extra>"))
    named = [unitig for unitig in drawing.unitigs if graph.unitigs[unitig].length * 25 > sum(
        graph.unitigs[other].length for other in drawing.unitigs)] if len(drawing.unitigs) > 1 else drawing.unitigs
    for unitig_name in named:
        points = drawing.unitigs[unitig_name]
        ring = graph.unitigs[unitig_name].circular
        high = np.flatnonzero(points[:, 1] > points[:, 1].max() - 0.01)
        middle = points.mean(axis=0) if ring else points[high[len(high) // 2]]
        traces.append(go.Scatter(
            x=[middle[0]], y=[middle[1]], mode="text", hoverinfo="skip", showlegend=False,
            text=[f"{unitig_name}<br>{count(graph.unitigs[unitig_name].length, 'b')}" + ("" if ring else "<br> ")],
            textposition="middle center" if ring else "top center", cliponaxis=False))
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    everything = np.concatenate(list(drawing.unitigs.values()))
    low, high = everything.min(axis=0), everything.max(axis=0)
    pad = 0.08 * float(max(high - low)) + 0.4
    height = int(np.clip(1000 * float(high[1] - low[1] + 2 * pad) / float(high[0] - low[0] + 2 * pad), 180, 400))
    plot = figure(traces, "", "", height=height, yaxis={**hidden, "scaleanchor": "x",
                                                     "range": [float(low[1]) - pad, float(high[1]) + pad]},
                  xaxis={**hidden, "range": [float(low[0]) - pad, float(high[0]) + pad]})
    circles = sum(unitig.circular for unitig in graph.unitigs.values())
    note = (f"{plural(len(graph.unitigs), 'unitig')}, {plural(len(graph.links), 'link')}, {circles} closed to a ring. "
            "Lines are as long as their sequence, darker the deeper; a tangle is a repeat that could not be resolved.")
    if len(graph.unitigs) > MOST_DRAWN:
        note += f" The {MOST_DRAWN} longest are drawn."
    rows = tuple((unitig.name, unitig.length, None if np.isnan(unitig.depth) else unitig.depth,
                  "yes" if unitig.circular else "no") for unitig in list(graph.unitigs.values())[:20000])
    return Figure(f"graph-{slug(run.name)}", f"Assembly graph{name}", note, plot,
                  Table(("unitig", "length", "depth", "circular"), rows), wide=True)
