"""The page of one inspected read."""

from __future__ import annotations

from pathlib import Path

from basecaller.assembly.gfa import whole
from basecaller.report.draw_html import plot_view
from basecaller.report.page import Head, render_page
from basecaller.report.parts import Section
from basecaller.report.view import View


def write_html(view: View, path: Path) -> None:
    """A self-contained page with the window."""
    heading, _, fit = view.title.partition("\n")
    section = Section("signal", "From current to bases", "Drag to zoom, double-click to see all again.",
                      (plot_view(view, "read", "", ""),))
    head = Head(f"Read {view.inspection.info.read_id}", f"{heading}. {fit}", ())
    page = render_page(head.name, [head], [section])
    with whole(path) as handle:
        handle.write(page)
