"""The page of an evaluation: what its tables say, in figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from basecaller.evaluation.evaluate import Evaluation
from basecaller.evaluation.reliability import HIGH_Q, LOW_Q
from basecaller.report.accuracy import Accuracy
from basecaller.report.page import Head, render_page
from basecaller.report.parts import Card, Figure, Listing, Section, Table
from basecaller.report.plots_accuracy import accuracy_figures
from basecaller.report.style import COLOURS, FAINT, figure

_KINDS = {"mismatch": COLOURS[1], "insertion": COLOURS[2], "deletion": COLOURS[0]}
_SHOWN_KMERS = 25


def _cards(evaluation: Evaluation) -> tuple[Card, ...]:
    """The key figures."""
    found = evaluation.summary()
    shown = [Card("reads mapped", f"{found['mapped']:,} of {found['reads']:,}")]
    if found["mapped"]:
        shown += [
            Card("median identity", f"{100 * found['median_identity']:.2f} %"),
            Card("mean identity", f"{100 * found['mean_identity']:.2f} %"),
            Card("mismatches", f"{100 * found['mismatch']:.2f} %"),
            Card("insertions", f"{100 * found['insertion']:.2f} %"),
            Card("deletions", f"{100 * found['deletion']:.2f} %"),
        ]
    if "calibration_error" in found:
        shown.append(Card("calibration error", f"{found['calibration_error']:.2f} Q", f"over Q{LOW_Q} to Q{HIGH_Q}"))
    return tuple(shown)


@dataclass(frozen=True)
class Scores:
    """A file of calls, or a stage of it, as the report's figures take it."""

    name: str
    accuracy: Accuracy


def accuracy_of(evaluation: Evaluation) -> Accuracy:
    """An evaluation as the report's figures take it (names and lengths of the reads are not kept)."""
    return Accuracy(evaluation.reads, 1, (), np.array(evaluation.identities), np.array(evaluation.mean_qs),
                    np.zeros(0), evaluation.tally)


def page(name: str, evaluation: Evaluation, tables: Mapping[str, Table]) -> str:
    """The page; `tables` are those of `evaluation_tables.tables`."""
    words = f"{evaluation.reads} reads of at least the minimal length were looked at; none of them maps."
    if evaluation.identities:
        words = f"Half of the mapped reads are more than {100 * np.median(evaluation.identities):.2f} % right."
    return render_page(name, [Head(name, words, _cards(evaluation))], _sections(name, evaluation, tables))


def _sections(name: str, evaluation: Evaluation, tables: Mapping[str, Table]) -> tuple[Section, ...]:
    if not evaluation.identities:
        return ()
    qualities = (read_quality_figure(tables["read_quality"]),) if tables["read_quality"].rows else ()
    return (
        Section("accuracy", "Accuracy", "Errors are counted in the direction of the reads.",
                (*accuracy_figures([Scores(name, accuracy_of(evaluation))]), *qualities)),
        Section("places", "Where the errors are", "By sequence context, and by place in the read.", (
            _kmers(tables["kmers"]),
            _positions("read_start", "From the start of the read", "bases from the start", tables["read_start"], 1),
            _positions("read_parts", "Over the whole read", "percent of its length", tables["read_parts"], 100),
        )),
    )


def _diagonal(values: list[Any]) -> Any:
    ends = [min(values), max(values)]
    return go.Scatter(x=ends, y=ends, name="true", mode="lines", line={"color": FAINT, "dash": "dot", "width": 1})


def _column(table: Table, name: str) -> list[Any]:
    at = table.columns.index(name)
    return [row[at] for row in table.rows]


def _kmers(table: Table) -> Listing:
    percent = tuple(
        (*row[:2], *(round(100 * float(cell or 0), 2) for cell in row[2:])) for row in table.rows[:_SHOWN_KMERS]
    )
    columns = (*table.columns[:2], *(f"{name} (%)" for name in table.columns[2:]))
    return Listing(
        "kmers", "The worst k-mers", "How often the middle base of a k-mer of the reference is wrong, lost or followed "
        "by an insertion; the surely worst first.", Table(columns, percent), table,
    )


def read_quality_figure(table: Table) -> Figure:
    """Mean Q of reads against their identity."""
    mean_q, size = _column(table, "mean_q"), [6 + 3 * math.log10(n) for n in _column(table, "reads")]
    points = go.Scatter(x=[q + 0.5 for q in mean_q], y=_column(table, "identity_q"), name="reads", mode="markers",
                        marker={"size": size, "color": COLOURS[0]}, text=_column(table, "reads"),
                        hovertemplate="%{text} reads: Q %{y:.1f}<extra></extra>")
    return Figure(
        "read_quality", "Q scores of reads", "Mean Q of the read against its identity as Q, -10 log10(1 - identity); "
        "larger points are more reads.",
        figure([_diagonal(mean_q), points], "mean Q of the read", "Q of the identity", legend=True), table,
    )


def _positions(key: str, title: str, axis: str, table: Table, factor: float) -> Figure:
    middle = [
        factor * (low + high) / 2 for low, high in zip(_column(table, "from"), _column(table, "to"), strict=True)
    ]
    traces = [
        go.Scatter(x=middle, y=[100 * v for v in _column(table, kind)], name=kind, line={"color": colour})
        for kind, colour in _KINDS.items()
    ]
    clipped = [100 * (1 - v) for v in _column(table, "aligned")]
    traces.append(go.Scatter(x=middle, y=clipped, name="not aligned (of bases)", line={"color": FAINT, "dash": "dot"}))
    return Figure(
        key, title, "Percent of the alignment columns, and of the bases that lie outside their read's hit.",
        figure(traces, axis, "percent", legend=True, yaxis={"rangemode": "tozero"}), table,
    )
