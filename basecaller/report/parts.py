"""What a report is made of, as plain data: sections of figures, tables and text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Named columns and rows of plain values; numbers are right-aligned on the page."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def tsv(self) -> str:
        """The table as tab-separated text with a header line; an unknown number is an empty field."""
        lines = ["\t".join(self.columns)]
        lines += ["\t".join(_plain(cell) for cell in row) for row in self.rows]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Figure:
    """One figure: an interactive plot and the numbers that it shows."""

    key: str
    """Unique in a report; letters, digits and dashes; names the TSV file."""
    title: str
    note: str
    """What is drawn and how to read it, a sentence or two."""
    plot: Any
    """A plotly figure (`plotly.graph_objects.Figure`)."""
    table: Table
    wide: bool = False
    """Takes the whole width of the page."""
    least_width: int = 0
    """Pixels below which the plot is scrolled sideways rather than squeezed."""


@dataclass(frozen=True)
class Listing:
    """A table shown as such."""

    key: str
    title: str
    note: str
    table: Table
    full: Table | None = None
    """What the TSV holds, when it is more than what is shown."""


@dataclass(frozen=True)
class Text:
    """Text shown as it is (settings, a log), or a model card as HTML."""

    key: str
    title: str
    text: str = ""
    html: str = ""
    """Trusted HTML (rendered by this package), shown instead of `text`."""


Part = Figure | Listing | Text


@dataclass(frozen=True)
class Section:
    """A heading, a sentence that says what was found, and its parts."""

    key: str
    title: str
    lead: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Card:
    """One key figure of a run."""

    label: str
    value: str
    note: str = ""
    state: str = ""
    """"" (neutral), `good` or `warn`."""


def _plain(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return str(cell).replace("\t", " ").replace("\n", " ")


def count(number: float, unit: str = "") -> str:
    """A number as a person says it: 48502 bases is `48.5 kb`, 3980000 samples `3.98 M samples`.

    A unit of bases (`b`) is joined to the prefix; other units stand apart.
    """
    if not math.isfinite(number):
        return "unknown"
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= factor * 0.9995:
            shown = f"{number / factor:.3g}" if abs(number) < factor * 999.5 else f"{number / factor:.0f}"
            return f"{shown} {prefix}{'' if unit == 'b' else ' ' if unit else ''}{unit}".rstrip()
    return f"{number:.3g} {unit}".rstrip() if number != int(number) else f"{int(number)} {unit}".rstrip()


def plural(number: int, word: str) -> str:
    """`1 read`, `2,000 reads`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def slug(name: str) -> str:
    """A name as part of a key: letters, digits and dashes."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)


def ordinal(step: int) -> str:
    """`every` for 1, `every 2nd`, `every 4th`."""
    if step == 1:
        return "every"
    ending = "th" if step % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(step % 10, "th")
    return f"every {step:,}{ending}"
