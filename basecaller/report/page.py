"""One self-contained HTML file: text, plots, their numbers, and the plotting library itself, packed.

plotly.js is 4.8 MB as it comes; packed with gzip, which every browser unpacks by itself (`DecompressionStream`), it is
2 MB of the page. Nothing is loaded from anywhere.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from basecaller import __version__
from basecaller.assembly.gfa import whole
from basecaller.report.compose import cards, in_words, sections
from basecaller.report.gather import Run
from basecaller.report.parts import Card, Figure, Listing, Section, Table, Text
from basecaller.report.style import colour


@dataclass(frozen=True)
class Head:
    """What stands at the top of a page, once per run."""

    name: str
    words: str
    cards: Sequence[Card]
    colour: str = ""
    missing: Sequence[str] = ()
    """What is not there yet."""
    skipped: Sequence[str] = ()
    """What could not be read."""


def render(runs: list[Run]) -> str:
    """The page of one or several runs."""
    title = " · ".join(run.name for run in runs) if len(runs) <= 3 else f"{len(runs)} runs"
    several = len(runs) > 1  # then all numbers stand side by side in a table, right below
    heads = [Head(run.name, in_words(run), () if several else cards(run), colour(i), run.missing(), run.reads.skipped)
             for i, run in enumerate(runs)]
    return render_page(title, heads, sections(runs))


def render_page(title: str, heads: Sequence[Head], body: Sequence[Section]) -> str:
    """A page of any sections."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    environment.tests["number"] = lambda value: isinstance(value, (int, float))
    environment.tests["figure"] = lambda part: isinstance(part, Figure)
    environment.tests["listing"] = lambda part: isinstance(part, Listing)
    environment.tests["text"] = lambda part: isinstance(part, Text)
    template = environment.from_string(_own("page.html"))
    return template.render(
        title=title, runs=heads, sections=body, several=len(heads) > 1, version=__version__,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        css=Markup(_own("page.css")), js=Markup(_own("page.js")), plotly=Markup(_plotly()),
        plot_json=_plot_json, tsv=_tsv,
    )


def write_page(runs: list[Run], path: Path) -> None:
    """Write the page beside its final name, then rename, so that no half page is ever seen under it."""
    page = render(runs)
    with whole(path) as handle:
        handle.write(page)


@cache
def _plotly() -> str:
    """The plotting library, packed."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _own(name: str) -> str:
    return (files("basecaller.report") / name).read_text(encoding="utf-8")


def _plot_json(figure: Figure) -> Markup:
    """A plot as JSON that no text inside can break out of the script element."""
    return Markup(figure.plot.to_json().replace("<", "\\u003c"))


def _tsv(part: Figure | Listing) -> str:
    table: Table = part.table if isinstance(part, Figure) else part.full or part.table
    return "data:text/tab-separated-values;base64," + base64.b64encode(table.tsv().encode()).decode()


def _cell(value: object) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
