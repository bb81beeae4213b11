"""One page that says what went in and what came out: `make_report` reads run folders and writes the HTML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def make_report(folders: Sequence[str | Path], output: str | Path, reference: str | Path | None = None,
                signal: Sequence[Path] = (), model: str = "") -> None:
    """Write the report of one or several run folders, finished or running, and `metrics.json` beside it.

    With a reference (FASTA) reads and contigs are measured against it. With raw files (`signal`) the best, a typical
    and the worst read are drawn, called by `model` (default: the one that the reads name). Raises `UsageError` for a
    folder that is no run's, and for a reference that cannot be used.
    """
    from basecaller.report.folder import find_runs
    from basecaller.report.gather import gather
    from basecaller.report.metrics import write_metrics
    from basecaller.report.page import write_page

    found = find_runs(folders)
    runs = [gather(folder, reference, signal, model, len(found) > 1) for folder in found]
    output = Path(output)
    write_page(runs, output)
    write_metrics(runs, output.parent)
