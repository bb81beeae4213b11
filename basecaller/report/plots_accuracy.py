"""Figures of accuracy against a reference: identity, whether qualities come true, kinds of errors, homopolymers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from basecaller.evaluation.reliability import observed_q
from basecaller.report.accuracy import Accuracy, Scored
from basecaller.report.parts import Figure, Part, Table, slug
from basecaller.report.plots_reads import histogram
from basecaller.report.style import FAINT, colour, figure, heat

BASES = "ACGT"
LEAST_BASES = 500
"""A quality with fewer bases is not drawn: its observed error would be chance."""
LEAST_RUNS = 10
"""A homopolymer length seen fewer times is not drawn."""


Row = tuple[int, Scored, Accuracy]
"""Index (of the colour), the run and its accuracy."""


def accuracy_figures(runs: Sequence[Scored]) -> tuple[Part, ...]:
    """Everything that the runs with scored reads show; empty without any."""
    scored = [(i, run, run.accuracy) for i, run in enumerate(runs) if run.accuracy and run.accuracy.mapped]
    if not scored:
        return ()
    identities = {run.name: 100 * accuracy.identity for _, run, accuracy in scored}
    lowest = min(float(values.min()) for values in identities.values())
    return (
        histogram("identity", "Identity of the reads", "Matching bases among all columns of each read's best "
                  "alignment to the reference.", runs, identities,
                  np.linspace(np.floor(max(50.0, lowest)), 100, 51), "identity (%)"),
        _kinds(scored),
        _homopolymers(scored, len(runs) > 1),
        reliability(scored, len(runs) > 1),
        *(_substitutions(run, accuracy, len(runs) > 1) for _, run, accuracy in scored),
        *(_run_lengths(run, accuracy, len(runs) > 1) for _, run, accuracy in scored),
    )


def _kinds(scored: list[Row]) -> Figure:
    kinds = ("mismatches", "insertions", "deletions")
    shares = [100 * accuracy.tally.columns[1:] / accuracy.tally.columns.sum() for _, _, accuracy in scored]
    rows = tuple((run.name, *share.tolist()) for (_, run, _), share in zip(scored, shares, strict=True))
    traces = [go.Bar(x=kinds, y=share, name=run.name, marker={"color": colour(i)}, texttemplate="%{y:.2f} %",
                     textposition="outside", cliponaxis=False,
                     hovertemplate="%{y:.3f} % of columns are %{x}<extra>" + run.name + "</extra>")
              for (i, run, _), share in zip(scored, shares, strict=True)]
    top = max(float(share.max()) for share in shares)
    plot = figure(traces, "", "share of alignment columns (%)", legend=len(scored) > 1,
                  yaxis={"range": [0, top * 1.18 + 0.01]}, bargap=0.45)
    return Figure("errors", "Kinds of errors", "All scored reads together. Deletions beyond insertions mean bases "
                  "lost, mostly in homopolymers.", plot, Table(("run", *(f"{kind}_percent" for kind in kinds)), rows))


def _homopolymers(scored: list[Row], several: bool) -> Figure:
    traces: list[Any] = []
    rows: list[tuple[str, int, float, float, int]] = []
    for i, run, accuracy in scored:
        lengths = accuracy.tally.runs.sum(axis=0)
        called = np.arange(lengths.shape[1])
        mine = []
        for length in range(1, lengths.shape[0]):
            seen = int(lengths[length].sum())
            if seen >= LEAST_RUNS:
                right = 100 * float(lengths[length, length]) / seen
                mine.append((run.name, length, right, float(lengths[length] @ called) / seen, seen))
        rows += mine
        traces.append(go.Scatter(x=[row[1] for row in mine], y=[row[2] for row in mine], name=run.name,
                                 mode="lines+markers", line={"color": colour(i), "width": 2},
                                 customdata=[row[3:] for row in mine],
                                 hovertemplate="runs of %{x}: %{y:.1f} % right, called %{customdata[0]:.2f} long on "
                                               "average (%{customdata[1]:,} seen)<extra></extra>"))
    plot = figure(traces, "length of the run in the reference", "called at the right length (%)", legend=several,
                  yaxis={"range": [0, 104]}, xaxis={"dtick": 1})
    return Figure("homopolymers", "Homopolymers", "Runs of one base pass the pore without a change of current: the "
                  "longer, the harder to count.", plot,
                  Table(("run", "length", "right_percent", "mean_called_length", "seen"), tuple(rows)))


def _run_lengths(run: Scored, accuracy: Accuracy, several: bool) -> Figure:
    table = accuracy.tally.runs.sum(axis=0)[1:11, 0:13].astype(float)
    seen = table.sum(axis=1, keepdims=True)
    shown = np.where(seen >= LEAST_RUNS, 100 * table / np.maximum(seen, 1), np.nan)
    plot = figure([heat(np.arange(13), np.arange(1, 11), shown, "%",
                        "%{y} in the reference, called as %{x}: %{z:.1f} %", zmax=100, xgap=1, ygap=1)],
                  "length as called", "length in the reference", xaxis={"dtick": 1, "showgrid": False},
                  yaxis={"dtick": 1, "showgrid": False})
    name = f" · {run.name}" if several else ""
    rows = tuple((length + 1, called, int(table[length, called])) for length in range(10) for called in range(13)
                 if table[length, called])
    return Figure(f"runs-{slug(run.name)}", f"Homopolymers as called{name}", "Each row: what runs of that length were "
                  "called as; right is the diagonal, left of it too short.", plot,
                  Table(("length", "called", "seen"), rows))


def reliability(scored: Sequence[Row], several: bool) -> Figure:
    """Claimed against observed Q of bases."""
    traces: list[Any] = []
    rows: list[tuple[str, int, float, int]] = []
    top = 10.0
    for i, run, accuracy in scored:
        quality = accuracy.tally.quality
        claimed = np.flatnonzero(quality[:, 0] >= LEAST_BASES)
        seen = observed_q(quality[claimed, 0], quality[claimed, 3] / 2)
        rows += [(run.name, int(q), float(o), int(quality[q, 0])) for q, o in zip(claimed, seen, strict=True)]
        if len(claimed):
            top = max(top, float(claimed.max()), float(seen.max()))
            traces.append(go.Scatter(x=claimed, y=seen, name=run.name, mode="lines+markers", marker={"size": 5},
                                     line={"color": colour(i), "width": 2}, customdata=quality[claimed, 0],
                                     hovertemplate="claimed Q%{x}, found Q%{y:.1f} (%{customdata:,} bases)"
                                                   "<extra></extra>"))
    traces.append(go.Scatter(x=[0, top], y=[0, top], mode="lines", line={"dash": "dot", "color": FAINT, "width": 1},
                             name="as claimed", hoverinfo="skip"))
    plot = figure(traces, "quality claimed (Phred)", "quality found (Phred)", legend=several,
                  xaxis={"range": [0, top + 1]}, yaxis={"range": [0, top + 1]})
    return Figure("reliability", "Do the qualities come true?", "Bases by the quality that they were given, and the "
                  "error rate found among them. On the dotted line a Q10 base is wrong once in ten; below it, "
                  "qualities promise too much.", plot, Table(("run", "claimed_q", "found_q", "bases"), tuple(rows)))


def _substitutions(run: Scored, accuracy: Accuracy, several: bool) -> Figure:
    table = accuracy.tally.substitutions
    counts = table[:4][:, [0, 1, 2, 3, 5]].astype(float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    called = [*BASES, "lost"]
    off = percent.copy()
    np.fill_diagonal(off, np.nan)
    texts = [[f"{percent[i, j]:.2f}" for j in range(5)] for i in range(4)]
    plot = figure([heat(called, list(BASES), off, "%", "%{y} called as %{x}: %{z:.3f} %", text=texts,
                        texttemplate="%{text}", xgap=2, ygap=2, showscale=False,
                        zmax=max(float(np.nanmax(off)) * 1.4, 1e-3))],
                  "as called", "in the reference",
                  yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
                  xaxis={"showgrid": False, "type": "category"})
    name = f" · {run.name}" if several else ""
    rows = tuple((BASES[i], called[j], int(counts[i, j]), float(percent[i, j])) for i in range(4) for j in range(5))
    return Figure(f"substitutions-{slug(run.name)}", f"What each base becomes{name}", "Percent of the reference's "
                  "bases of a kind that are called as another, or lost.", plot,
                  Table(("reference", "called", "count", "percent"), rows))
