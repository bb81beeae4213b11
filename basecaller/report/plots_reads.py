"""Figures of the reads: lengths, qualities, yield over time and by channel, speed. Several runs lie over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from basecaller.report.gather import Run
from basecaller.report.parts import Figure, Part, Table, count, plural, slug
from basecaller.report.style import brief, colour, decades, faded, figure, heat

Floats = npt.NDArray[np.float64]
Values = dict[str, Floats]
TIME_BINS = 120


class Named(Protocol):
    """Whatever is told from others by its name: a run, or a file of calls."""

    @property
    def name(self) -> str: ...


def read_figures(runs: list[Run]) -> tuple[Part, ...]:
    """Lengths, where the bases are, qualities, and length against quality."""
    with_reads = [run for run in runs if len(run.reads)]
    if not with_reads:
        return ()
    lengths = {run.name: run.reads.length[run.reads.length > 0] for run in with_reads}
    qualities = {run.name: _known(run.reads.quality) for run in with_reads}
    longest = max((float(values.max()) for values in lengths.values() if len(values)), default=1.0)
    shortest = min((float(values.min()) for values in lengths.values() if len(values)), default=1.0)
    bins = _bins(max(len(values) for values in lengths.values()))
    edges = np.geomspace(max(1.0, shortest * 0.98), max(longest * 1.02, shortest * 1.1), bins + 1)
    parts: list[Part] = [
        histogram("lengths", "Read lengths", "How many reads there are of each length (bins of equal width on the "
                  "logarithmic axis).", runs, lengths, edges, "read length (bases)", log=True),
        _cumulative(runs, lengths),
    ]
    if any(len(values) for values in qualities.values()):
        top = max(float(values.max()) for values in qualities.values() if len(values))
        low = np.floor(min(float(values.min()) for values in qualities.values() if len(values)))
        steps = np.arange(low, max(np.ceil(top), low + 5) + 0.01, 0.5 if bins > 30 else 1.0)
        parts.append(histogram(
            "qualities", "Read qualities", "Mean Phred score of each read: Q10 promises 1 error in 10 bases, Q20 "
            "1 in 100.", runs, qualities, steps, "mean quality (Phred)"))
        parts += [_length_quality(run, len(runs) > 1) for run in with_reads if np.isfinite(run.reads.quality).any()]
    return tuple(parts)


def time_figures(runs: list[Run]) -> tuple[Part, ...]:
    """Yield and quality over the hours of the run, yield by channel, and speed through the pore."""
    timed = [run for run in runs if np.isfinite(run.reads.start).any()]
    parts: list[Part] = []
    if timed:
        parts += [_yield(runs, timed), *_quality_over_time(runs, timed)]
    parts += [_channels(run, len(runs) > 1) for run in runs if (run.reads.channel > 0).any()]
    speeds = {run.name: _known(run.reads.speed) for run in runs if np.isfinite(run.reads.speed).any()}
    if speeds:
        pooled = np.concatenate(list(speeds.values()))
        top = float(np.quantile(pooled, 0.995)) * 1.2 + 10
        parts.append(histogram(
            "speed", "Speed through the pore", "Bases called per second of signal, read by read. A narrow peak is a "
            "healthy run; a tail to the left is stalled strands or missed bases.", runs, speeds,
            np.linspace(0, top, _bins(len(pooled)) + 1), "bases per second"))
    return tuple(parts)


def histogram(key: str, title: str, note: str, runs: Sequence[Named], values: Values, edges: Floats, x: str, *,
              log: bool = False, what: str = "reads") -> Figure:
    """Bars for one run; outlines in percent for several, which may differ in size."""
    middles = np.sqrt(edges[1:] * edges[:-1]) if log else (edges[1:] + edges[:-1]) / 2
    counts = {name: np.histogram(np.clip(found, edges[0], edges[-1]), edges)[0] for name, found in values.items()}
    table = Table(("from", "to", *counts), tuple(
        (float(edges[i]), float(edges[i + 1]), *(int(column[i]) for column in counts.values()))
        for i in range(len(middles))))
    alone = len(runs) == 1
    traces: list[Any] = []
    for i, run in enumerate(runs):
        if run.name not in counts:
            continue
        heights = counts[run.name].astype(float)
        if not alone:
            heights *= 100 / max(1.0, heights.sum())
        unit = f" {what}" if alone else " %"
        hover = [f"{brief(float(f'{edges[j]:.4g}'))} to {brief(float(f'{edges[j + 1]:.4g}'))}: {h:,.4g}{unit}"
                 for j, h in enumerate(heights)]
        if alone:
            traces.append(go.Bar(x=middles, y=heights, width=np.diff(edges), name=run.name, text=hover,
                                 hovertemplate="%{text}<extra></extra>", textposition="none",
                                 marker={"color": colour(i), "line": {"width": 0}}))
        else:
            traces.append(go.Scatter(x=middles, y=heights, name=run.name, mode="lines", text=hover,
                                     hovertemplate="%{text}<extra>" + run.name + "</extra>",
                                     line={"shape": "hvh", "width": 2, "color": colour(i)},
                                     fill="tozeroy", fillcolor=faded(colour(i), 0.08)))
    axis = decades(float(edges[0]), float(edges[-1])) if log else {}
    return Figure(key, title, note, figure(traces, x, what if alone else f"{what} (%)", legend=not alone, xaxis=axis),
                  table)


def _cumulative(runs: list[Run], lengths: Values) -> Figure:
    """Bases in reads of at least a length, with the N50."""
    traces: list[Any] = []
    rows = []
    marks = []
    alone = len(runs) == 1
    for i, run in enumerate(runs):
        if run.name not in lengths or not len(lengths[run.name]):
            continue
        ordered = np.sort(lengths[run.name])[::-1]
        total = np.cumsum(ordered)
        steps = np.searchsorted(-ordered, -np.linspace(ordered[0], 0, 300), "right") - 1
        pick = np.unique(np.clip(steps, 0, len(ordered) - 1))
        share = 100 * total[pick] / total[-1]
        rows += [(run.name, float(a), float(b)) for a, b in zip(ordered[pick], total[pick], strict=True)]
        traces.append(go.Scatter(x=ordered[pick], y=share, mode="lines", name=run.name,
                                 line={"color": colour(i), "width": 2}, fill="tozeroy" if alone else None,
                                 fillcolor=faded(colour(i), 0.12), customdata=total[pick],
                                 hovertemplate="%{y:.1f} % of bases (%{customdata:.4s}b) in reads of %{x:,} or more"
                                               "<extra></extra>"))
        marks.append(go.Scatter(x=[run.reads.n50()], y=[50], mode="markers+text", showlegend=False,
                                marker={"color": colour(i), "size": 9}, textposition="top right",
                                text=[f"N50 {count(run.reads.n50(), 'b')}" if alone else ""],
                                hovertemplate=f"N50 of {run.name}: %{{x:,}} bases<extra></extra>"))
    plot = figure(traces + marks, "read length (bases)", "bases in reads of at least this length (%)",
                  legend=not alone, xaxis={"rangemode": "tozero", "exponentformat": "SI"}, yaxis={"range": [0, 104]})
    return Figure("cumulative", "Where the bases are", "The share of all bases that lie in reads of a length or "
                  "longer; the dot is the N50.", plot, Table(("run", "length", "bases_in_reads_as_long"), tuple(rows)))


def _length_quality(run: Run, several: bool) -> Figure:
    """A heat map of reads by length and quality."""
    known = np.isfinite(run.reads.quality) & (run.reads.length > 0)
    length, quality = run.reads.length[known], run.reads.quality[known]
    x = np.geomspace(max(1, length.min() * 0.98), length.max() * 1.02 + 1, 41)
    y = np.linspace(np.floor(quality.min()), np.ceil(quality.max()) + 0.01, 31)
    table, _, _ = np.histogram2d(length, quality, (x, y))
    rows = tuple((float(x[i]), float(x[i + 1]), float(y[j]), float(y[j + 1]), int(table[i, j]))
                 for i in range(40) for j in range(30) if table[i, j])
    shown = np.where(table.T > 0, table.T, np.nan)
    plot = figure([heat(x, y, shown, "reads", "%{z} reads of about %{x:,.0f} bases, Q%{y:.1f}")],
                  "read length (bases)", "mean quality (Phred)", xaxis=decades(float(x[0]), float(x[-1])))
    name = f" · {run.name}" if several else ""
    return Figure(f"length-quality-{slug(run.name)}", f"Length and quality{name}",
                  "Where most reads lie; short reads of low quality are usually fragments or stuck strands.", plot,
                  Table(("length_from", "length_to", "q_from", "q_to", "reads"), rows))


def _yield(runs: list[Run], timed: list[Run]) -> Figure:
    traces, rows = [], []
    unit, factor = _clock(timed)
    for i, run in enumerate(runs):
        if run not in timed:
            continue
        hours, at = _hours(run)
        bases = np.bincount(at, run.reads.length[np.isfinite(run.reads.start)], minlength=len(hours) - 1)
        total = np.concatenate([[0.0], np.cumsum(bases)])
        rows += [(run.name, float(h), float(t)) for h, t in zip(hours, total, strict=True)]
        traces.append(go.Scatter(x=hours * factor, y=total, name=run.name, mode="lines",
                                 line={"color": colour(i), "width": 2},
                                 fill="tozeroy" if len(runs) == 1 else None, fillcolor=faded(colour(i), 0.12),
                                 hovertemplate="%{y:.4s}b after %{x:.2f} " + unit + "<extra></extra>"))
    plot = figure(traces, f"{unit} since the run began", "bases, added up", legend=len(runs) > 1,
                  yaxis={"rangemode": "tozero", "exponentformat": "SI"}, xaxis={"rangemode": "tozero"})
    return Figure("yield", "Yield over time", "Bases of all reads that had begun by then; where the line flattens, "
                  "pores are lost.", plot, Table(("run", "hours", "bases"), tuple(rows)))


def _quality_over_time(runs: list[Run], timed: list[Run]) -> list[Figure]:
    traces, rows = [], []
    unit, factor = _clock(timed)
    for i, run in enumerate(runs):
        if run not in timed or not np.isfinite(run.reads.quality).any():
            continue
        hours, at = _hours(run, 40)
        quality = run.reads.quality[np.isfinite(run.reads.start)]
        for b in range(len(hours) - 1):
            inside = _known(quality[at == b])
            if len(inside):
                low, mid, high = np.quantile(inside, (0.25, 0.5, 0.75))
                rows.append((run.name, float((hours[b] + hours[b + 1]) / 2), float(low), float(mid), float(high),
                             len(inside)))
        mine = [row for row in rows if row[0] == run.name]
        x = [row[1] * factor for row in mine]
        if len(runs) == 1:
            traces.append(go.Scatter(x=x + x[::-1], y=[row[4] for row in mine] + [row[2] for row in mine][::-1],
                                     fill="toself", fillcolor=faded(colour(i), 0.15), line={"width": 0},
                                     hoverinfo="skip", showlegend=False, mode="lines"))
        traces.append(go.Scatter(x=x, y=[row[3] for row in mine], name=run.name, mode="lines+markers",
                                 line={"color": colour(i), "width": 2}, marker={"size": 4},
                                 customdata=[row[5] for row in mine],
                                 hovertemplate="median Q%{y:.1f} of %{customdata} reads at %{x:.2f} " + unit
                                               + "<extra></extra>"))
    if not rows:
        return []
    plot = figure(traces, f"{unit} since the run began", "mean quality (Phred)", legend=len(runs) > 1)
    return [Figure("quality-time", "Quality over time", "Median over the reads that began then; the band is the "
                   "middle half of them.", plot,
                   Table(("run", "hours", "q_quarter", "q_median", "q_three_quarters", "reads"), tuple(rows)))]


def _channels(run: Run, several: bool) -> Figure:
    channel = run.reads.channel
    used = channel > 0
    size = next((size for size in (126, 512, 3000) if channel.max() <= size), int(channel.max()))
    wide = {126: 18, 512: 32, 3000: 75}.get(size, 50)
    high = -(-size // wide)
    bases = np.bincount(channel[used], run.reads.length[used], minlength=size + 1)[1:]
    reads = np.bincount(channel[used], minlength=size + 1)[1:]
    padding = high * wide - size
    grid = np.concatenate([np.where(bases > 0, bases, np.nan), np.full(padding, np.nan)]).reshape(high, wide)
    hover = [f"channel {i + 1}: {plural(int(reads[i]), 'read')}, {count(float(bases[i]), 'b')}" for i in range(size)]
    texts = np.array(hover + [""] * padding).reshape(high, wide)
    plot = figure([heat(np.arange(1, wide + 1), np.arange(0, high * wide, wide), grid, "bases", "%{text}", text=texts,
                        xgap=1, ygap=1)],
                  "channel, added to the number at the left", "channel",
                  yaxis={"autorange": "reversed", "showgrid": False}, xaxis={"showgrid": False})
    active = int((reads > 0).sum())
    name = f" · {run.name}" if several else ""
    return Figure(f"channels-{slug(run.name)}", f"Yield by channel{name}",
                  f"{active} of {size} channels gave reads. Channels in the order of their numbers, row by row; "
                  "white gave none.", plot,
                  Table(("channel", "reads", "bases"),
                        tuple((i + 1, int(reads[i]), int(bases[i])) for i in range(size) if reads[i])))


def _clock(timed: list[Run]) -> tuple[str, float]:
    """The unit of the time axis, and how many of it make an hour."""
    longest = max(float(np.nanmax(run.reads.start)) for run in timed)
    return ("hours", 1.0) if longest > 2 * 3600 else ("minutes", 60.0)


def _bins(reads: int) -> int:
    """How finely reads can be told apart: 12 bins for a handful, 60 for a thousand and more."""
    return int(np.clip(2 * np.sqrt(reads), 12, 60))


def _hours(run: Run, bins: int = TIME_BINS) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Edges of the time bins (hours), and the bin of each read whose start is known."""
    start = _known(run.reads.start) / 3600
    edges = np.linspace(0, max(float(start.max()) * 1.001, 1e-3), bins + 1)
    return edges, np.clip(np.searchsorted(edges, start, "right") - 1, 0, bins - 1)


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]
