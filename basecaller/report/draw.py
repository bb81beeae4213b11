"""An inspected window on paper (PNG, SVG, PDF), with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from basecaller.report.style import BASE_COLOURS, FAINT, INK, SCALE, SEAM, WRONG
from basecaller.report.view import View

INCHES_PER_SAMPLE = 1 / 75
LETTER: Any = {"ha": "center", "va": "center", "fontsize": 8, "clip_on": True, "in_layout": False}
NOTE: Any = {"va": "top", "textcoords": "offset points", "fontsize": 7}
SETTINGS: Any = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#b8c2c8",
            "text.color": INK, "axes.labelcolor": INK, "xtick.color": FAINT, "ytick.color": FAINT,
            "svg.fonttype": "none", "font.family": "sans-serif"}


def draw(view: View, path: Path) -> None:
    """Write the picture; its kind is that of the name's ending. Signal and bases, posteriors, qualities, cells."""
    heights = [3.0, 0.55 if view.inspection.alignment is None else 0.9, 1.1, 0.7, *[0.34] * len(view.cells)]
    width = float(np.clip((view.last - view.first) * INCHES_PER_SAMPLE, 9, 200))
    with matplotlib.rc_context(SETTINGS):
        layout = ConstrainedLayoutEngine(h_pad=0.01, hspace=0.02)
        figure = Figure(figsize=(width, sum(heights) * 0.95 + 1.1), layout=layout)
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        panels[0].set_title(view.title, fontsize=9, loc="left")
        _signal(panels[0], view)
        _letters(panels[1], view)
        _posteriors(panels[2], view)
        _qualities(panels[3], view)
        for panel, cell in zip(panels[4:], view.cells, strict=True):
            _row(panel, view, cell.shown[None, view.steps], "RdBu_r", (-1, 1))
            panel.set_yticks([])
            panel.set_ylabel(cell.short, rotation=0, ha="right", va="center", fontsize=7)
        for panel in panels[:-1]:
            panel.tick_params(labelbottom=False)
        panels[-1].set_xlabel("sample")
        panels[-1].set_xlim(view.first, view.last)
        figure.savefig(path, dpi=150)


def _signal(panel: Any, view: View) -> None:
    seen = view.inspection
    x = np.arange(view.first, view.last)
    y = seen.current[view.first : view.last]
    low, high = np.quantile(y, (0.002, 0.998))
    pad = 0.12 * max(float(high - low), 1.0)
    panel.set_ylim(low - pad, high + pad)
    for letter, colour in BASE_COLOURS.items():
        bands = [(base.start, base.end - base.start) for base in view.bases if base.letter == letter]
        panel.broken_barh(bands, (low - pad, high - low + 2 * pad), color=colour, alpha=0.13, lw=0)
    panel.plot(x, y, color=INK, lw=0.7)
    if view.first < seen.trimmed:
        panel.axvspan(view.first, min(seen.trimmed, view.last), facecolor="none", edgecolor=FAINT, alpha=0.5,
                      hatch="///", lw=0)
        if seen.trimmed < view.last:
            panel.axvline(seen.trimmed, color=FAINT, lw=1)
            panel.annotate("called from here", (seen.trimmed, high + pad), xytext=(4, -3), color=INK, **NOTE)
    for overlap in seen.overlaps:
        if overlap.end > view.first and overlap.start < view.last:
            panel.axvspan(overlap.start, overlap.end, ymin=0.965, color=SEAM, alpha=0.5, lw=0)
            middle = (overlap.start + overlap.end) / 2
            if view.first < middle < view.last:
                panel.axvline(middle, color=SEAM, lw=1, ls="--")
                panel.annotate("seam of two chunks", (middle, high + pad), xytext=(3, -8), color=SEAM, **NOTE)
    panel.set_ylabel("current (pA)")


def _letters(panel: Any, view: View) -> None:
    rows = ["called"] if view.inspection.alignment is None else ["reference", "called"]
    top = len(rows) - 1
    for base in view.bases:
        middle = (max(base.start, view.first) + min(base.end, view.last)) / 2
        panel.text(middle, top, base.letter, weight="bold", color=BASE_COLOURS[base.letter], **LETTER)
        if base.reference:
            panel.text(middle, 0, base.reference, color=BASE_COLOURS.get(base.reference, INK), **LETTER)
        if base.wrong:
            panel.add_patch(Rectangle((base.start, -0.5), base.end - base.start, len(rows), facecolor=WRONG, alpha=0.18,
                                      edgecolor=WRONG, lw=0.8))
    for gap in view.lost:
        panel.axvline(gap.sample, color=WRONG, lw=1.2)
        panel.text(gap.sample, 0.5, f"−{gap.letters}", color="white", **LETTER,
                   bbox={"facecolor": WRONG, "edgecolor": "none", "pad": 1.2})
    panel.set_ylim(-0.55, top + 0.55)
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(left=False)
    panel.spines[:].set_visible(False)


def _posteriors(panel: Any, view: View) -> None:
    nothing = "blank" if view.inspection.head == "ctc" else "stay"
    colours = matplotlib.colors.LinearSegmentedColormap.from_list("posterior", [*SCALE])
    _row(panel, view, view.inspection.posteriors[view.steps].T, colours, (0, 1))
    panel.set_yticks(np.arange(5) + 0.5, [nothing, *"ACGT"])
    panel.invert_yaxis()
    panel.set_ylabel("posterior")


def _qualities(panel: Any, view: View) -> None:
    starts = [base.start for base in view.bases]
    widths = [base.end - base.start for base in view.bases]
    colours = [WRONG if base.wrong else "#8fa9b8" for base in view.bases]
    panel.bar(starts, [base.quality for base in view.bases], widths, align="edge", color=colours, edgecolor="white",
              linewidth=0.4)
    panel.set_ylabel("quality")


def _row(panel: Any, view: View, values: Any, colours: Any, limits: tuple[float, float]) -> None:
    if values.shape[1]:
        panel.pcolormesh(view.edges, np.arange(len(values) + 1), values, cmap=colours, vmin=limits[0], vmax=limits[1],
                         rasterized=True)
