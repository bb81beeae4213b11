"""How the plots look: one palette and one layout for all of them, fit for a screen, a phone and print."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

COLOURS = ("#0b6e99", "#d1495b", "#e09f1f", "#4b8b5b", "#6a4c93", "#8d6a4a", "#2e4057", "#b65fcf")
"""One per run, told apart by people with colour blindness too."""

BASE_COLOURS = {"A": "#2e8b57", "C": "#1f6fb4", "G": "#d9900f", "T": "#c8323c"}
"""The colours that genome browsers give the bases."""

WRONG, SEAM = "#c8102e", "#6a4c93"
"""An error in a read; where two chunks were joined."""

SCALE = ((0.0, "#f4f8fa"), (0.15, "#cfe3ec"), (0.4, "#79b3cb"), (0.7, "#1f789f"), (1.0, "#063b55"))
"""From nothing to much, light to dark, so that it prints in grey too."""

INK, FAINT, GRID = "#22303a", "#66757f", "#e3e8eb"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


def colour(index: int) -> str:
    """The colour of run number `index`."""
    return COLOURS[index % len(COLOURS)]


def faded(hexadecimal: str, alpha: float) -> str:
    """A `#rrggbb` colour as rgba() with the given opacity."""
    red, green, blue = (int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def decades(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis from `low` to `high` with its marks at 1, 2, 5, 10, ... written out (`5k`)."""
    marks = [mantissa * 10.0**power for power in range(13) for mantissa in (1, 2, 5)]
    marks = [mark for mark in marks if low * 0.999 <= mark <= high * 1.001]
    if len(marks) > 9:
        marks = [mark for mark in marks if str(mark)[0] == "1"]
    return {"type": "log", "tickmode": "array", "tickvals": marks, "ticktext": [brief(mark) for mark in marks]}


def brief(number: float) -> str:
    """1500 as `1.5k`."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:g}{prefix}"
    return f"{number:g}"


def heat(x: Any, y: Any, z: Any, title: str, hover: str, **settings: Any) -> go.Heatmap:
    """A heat map from nothing (white where NaN) to the most."""
    top = float(np.nanmax(z)) if np.isfinite(z).any() else 1.0
    bar = {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0, "exponentformat": "SI"}
    return go.Heatmap(**{"x": x, "y": y, "z": z, "colorscale": SCALE, "zmin": 0, "zmax": top or 1.0, "colorbar": bar,
                         "hoverongaps": False, "hovertemplate": hover + "<extra></extra>", **settings})


def figure(traces: list[Any], x: str, y: str, *, height: int = 320, legend: bool = False, **layout: Any) -> Any:
    """A plotly figure of the report's style: titles of the axes, a legend above where runs must be told apart."""
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": "#b8c2c8", "ticks": "outside", "ticklen": 4,
            "tickcolor": "#b8c2c8", "automargin": True, "title": {"font": {"size": 12}, "standoff": 8}}
    template = {"layout": {"xaxis": axis, "yaxis": axis}}
    settings: dict[str, Any] = {
        "template": template,
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "white", "plot_bgcolor": "white",
        "margin": {"l": 12, "r": 12, "t": 30 if legend else 12, "b": 12},
        "height": height,
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "bargap": 0.06,
    }
    for key, value in layout.items():
        settings[key] = {**settings[key], **value} if isinstance(settings.get(key), dict) else value
    return go.Figure(traces, settings)
