"""An inspected window as an interactive plot, for a page of its own (read_page.py) or within the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from basecaller.report.parts import Figure, Table, slug
from basecaller.report.style import BASE_COLOURS, FAINT, INK, SCALE, SEAM, WRONG, faded, figure
from basecaller.report.view import View

GAP = 0.02
"""Between panels, as a share of the height."""


def plot_view(view: View, key: str, title: str, note: str) -> Figure:
    """The window as a figure of the report; its numbers are the called bases with their places and qualities."""
    heights = [3.0, 0.45 if view.inspection.alignment is None else 0.8, 1.2, 0.8, *[0.3] * len(view.cells)]
    domains = _domains(heights)
    traces = [*_base_bands(view), _signal(view), *_letters(view), _posteriors(view), _qualities(view),
              *[_cell(view, i) for i in range(len(view.cells))]]
    layout: dict[str, Any] = {"xaxis": {"range": [view.first, view.last], "anchor": f"y{len(heights)}",
                                        "showgrid": False, "zeroline": False, "tickformat": ",d"}}
    rows = ["called"] if view.inspection.alignment is None else ["reference", "called"]
    nothing = "blank" if view.inspection.head == "ctc" else "stay"
    quiet = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    layout["yaxis"] = {"domain": domains[0], "title": {"text": "current (pA)"}, "showgrid": False, "zeroline": False,
                       "fixedrange": True}
    layout["yaxis2"] = {**quiet, "domain": domains[1], "range": [-0.6, len(rows) - 0.4],
                        "tickvals": list(range(len(rows))), "ticktext": rows}
    layout["yaxis3"] = {**quiet, "domain": domains[2], "autorange": "reversed", "tickvals": list(range(5)),
                        "ticktext": [nothing, *"ACGT"], "title": {"text": "posterior"}}
    layout["yaxis4"] = {**quiet, "domain": domains[3], "rangemode": "tozero", "title": {"text": "quality"}, "nticks": 3}
    for i, cell in enumerate(view.cells):
        layout[f"yaxis{5 + i}"] = {**quiet, "domain": domains[4 + i], "tickvals": [0], "ticktext": [cell.short]}
    height = round(120 * sum(heights) * 0.62 + 90)
    plot = figure(traces, "sample", "", height=height, shapes=_marks(view, domains), annotations=_notes(view),
                  barmode="overlay", bargap=0, **layout)
    rows_out = tuple((base.letter, base.start, base.end, base.quality, base.reference, "yes" if base.wrong else "no")
                     for base in view.bases)
    return Figure(slug(key), title, note, plot,
                  Table(("base", "first_sample", "end_sample", "quality", "reference", "wrong"), rows_out),
                  wide=True, least_width=900)


def _domains(heights: list[float]) -> list[list[float]]:
    """From the top down, as shares of the height."""
    usable = 1 - GAP * (len(heights) - 1)
    found, top = [], 1.0
    for height in heights:
        share = usable * height / sum(heights)
        found.append([max(0.0, top - share), top])
        top -= share + GAP
    return found


def _signal(view: View) -> Any:
    y = view.inspection.current[view.first : view.last]
    return go.Scatter(x0=view.first, dx=1, y=np.round(y, 1), mode="lines", line={"color": INK, "width": 1},
                      hovertemplate="sample %{x:,}: %{y:.1f} pA<extra></extra>", showlegend=False)


def _base_bands(view: View) -> list[Any]:
    """The colour of each base behind its signal."""
    y = view.inspection.current[view.first : view.last]
    low, high = (float(value) for value in np.quantile(y, (0.002, 0.998))) if len(y) else (0.0, 1.0)
    pad = 0.08 * max(high - low, 1.0)
    bands = []
    for letter, colour in BASE_COLOURS.items():
        mine = [base for base in view.bases if base.letter == letter]
        bands.append(go.Bar(x=[base.start for base in mine], width=[base.end - base.start for base in mine], offset=0,
                            base=low - pad, y=[high - low + 2 * pad] * len(mine), showlegend=False, hoverinfo="skip",
                            marker={"color": faded(colour, 0.15), "line": {"width": 0}}))
    return bands


def _letters(view: View) -> list[Any]:
    top = 0 if view.inspection.alignment is None else 1
    middles = [(base.start + base.end) / 2 for base in view.bases]
    said = [f"{base.letter}, Q{base.quality}" + (f", {base.reference} in the reference" if base.reference else "")
            for base in view.bases]
    called = go.Scatter(x=middles, y=[top] * len(middles), mode="text", yaxis="y2", showlegend=False, customdata=said,
                        text=[f"<b>{base.letter}</b>" for base in view.bases],
                        textfont={"color": [BASE_COLOURS[base.letter] for base in view.bases], "size": 11},
                        hovertemplate="%{customdata}<extra></extra>")
    if not top:
        return [called]
    letters = [base.reference for base in view.bases]
    lost = [go.Scatter(x=[gap.sample for gap in view.lost], y=[0.5] * len(view.lost), mode="markers+text", yaxis="y2",
                       text=[f"<b>−{gap.letters}</b>" for gap in view.lost], showlegend=False,
                       textfont={"color": WRONG, "size": 10}, marker={"color": "white", "size": 14},
                       hovertext=[f"{gap.letters} of the reference is missing here" for gap in view.lost],
                       hoverinfo="text")] if view.lost else []
    beside = go.Scatter(x=middles, y=[0] * len(middles), mode="text", yaxis="y2", showlegend=False, text=letters,
                        textfont={"color": [BASE_COLOURS.get(letter, INK) for letter in letters], "size": 11},
                        hoverinfo="skip")
    return [called, beside, *lost]


def _posteriors(view: View) -> Any:
    seen = view.inspection
    return go.Heatmap(x=view.edges, y=list(range(5)), z=np.round(seen.posteriors[view.steps].T, 3), yaxis="y3",
                      colorscale=SCALE, zmin=0, zmax=1, showscale=False,
                      hovertemplate="sample %{x:,}: %{z:.3f}<extra></extra>")


def _qualities(view: View) -> Any:
    return go.Bar(x=[base.start for base in view.bases], width=[base.end - base.start for base in view.bases], offset=0,
                  y=[base.quality for base in view.bases], yaxis="y4", showlegend=False,
                  marker={"color": [WRONG if base.wrong else "#8fa9b8" for base in view.bases],
                          "line": {"width": 0.5, "color": "white"}},
                  hovertemplate="Q%{y}<extra></extra>")


def _cell(view: View, index: int) -> Any:
    cell = view.cells[index]
    return go.Heatmap(x=view.edges, y=[0], z=[np.round(cell.shown[view.steps], 3)], yaxis=f"y{5 + index}",
                      colorscale="RdBu", reversescale=True, zmin=-1, zmax=1, showscale=False,
                      hovertemplate=cell.name + ": %{z:.2f}<extra></extra>")


def _marks(view: View, domains: list[list[float]]) -> list[dict[str, Any]]:
    """What is before the trim point, seams, and errors as boxes over the letters."""
    seen = view.inspection
    whole: dict[str, Any] = {"type": "rect", "yref": "paper", "y0": domains[0][0], "y1": 1, "layer": "above"}
    marks: list[dict[str, Any]] = []
    if view.first < seen.trimmed:
        marks.append({**whole, "x0": view.first, "x1": min(seen.trimmed, view.last), "fillcolor": faded(FAINT, 0.25),
                      "line": {"width": 0}})
    for overlap in seen.overlaps:
        middle = (overlap.start + overlap.end) / 2
        if view.first < middle < view.last:
            marks.append({**whole, "x0": middle, "x1": middle, "line": {"color": SEAM, "width": 1.5, "dash": "dash"}})
    for base in view.bases:
        if base.wrong:
            marks.append({"type": "rect", "x0": base.start, "x1": base.end, "yref": "paper", "y0": domains[1][0],
                          "y1": domains[1][1], "fillcolor": faded(WRONG, 0.15), "layer": "below",
                          "line": {"color": WRONG, "width": 1}})
    return marks


def _notes(view: View) -> list[dict[str, Any]]:
    seen = view.inspection
    note = {"yref": "paper", "y": 1, "yanchor": "top", "showarrow": False, "font": {"size": 10},
            "bgcolor": "rgba(255,255,255,0.8)"}
    notes = []
    if view.first < seen.trimmed < view.last:
        notes.append({**note, "x": seen.trimmed, "xanchor": "left", "text": "called from here"})
    for overlap in seen.overlaps:
        middle = (overlap.start + overlap.end) / 2
        if view.first < middle < view.last:
            notes.append({**note, "x": middle, "xanchor": "left", "text": "seam of two chunks",
                          "font": {"size": 10, "color": SEAM}})
    return notes
