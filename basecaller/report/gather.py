"""Everything that a report says of one run, read from its folder once."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from basecaller.errors import ModelError
from basecaller.reads.quarantine import SetAside
from basecaller.report.accuracy import Accuracy, score
from basecaller.report.contigs import Assembly, load_assembly
from basecaller.report.folder import RunFolder
from basecaller.report.graph import Graph, read_gfa
from basecaller.report.parts import Figure
from basecaller.report.reads import ReadTable, load_reads
from basecaller.report.sample import sample_reads
from basecaller.report.stages import Stage, load_stages, programs

MOST_NAMED = 1000
"""Things set aside that are named in the page; of more, the number and the reasons are told."""


@dataclass(frozen=True, eq=False)
class Run:
    """One run of the report."""

    folder: RunFolder
    reads: ReadTable
    accuracy: Accuracy | None
    assembly: Assembly | None
    graph: Graph | None
    reasons: Counter[str]
    """How many files and reads were set aside, by reason."""
    set_aside: tuple[SetAside, ...]
    """The first of them."""
    stages: tuple[Stage, ...]
    programs: tuple[tuple[str, str], ...]
    settings: str
    """The text of config.yaml."""
    model: str
    card: str
    """The model's card (Markdown), empty when the model is not installed here."""
    examples: tuple[Figure, ...] = ()
    """The best, a typical and the worst read, when their signal was given."""

    @property
    def name(self) -> str:
        return self.folder.name

    def missing(self) -> list[str]:
        """What is not there yet, in words."""
        found = []
        if not self.folder.calls and not self.folder.summaries:
            found.append("no reads have been called yet")
        elif self.folder.partial:
            found.append("the reads are those of the batches that are done so far")
        if self.folder.contigs is None:
            found.append("no contigs yet (the assembly has not run)")
        return found


def gather(folder: RunFolder, reference: str | Path | None, signal: Sequence[Path] = (), model: str = "",
           several: bool = False) -> Run:
    """Read a run's files and, with a reference, score its reads and contigs against it.

    With the raw files, or folders of them, three reads are called again to be drawn, by the model that the reads
    name unless another is given. `several`: other runs are in the same report, so that names must tell them apart.
    """
    reads = load_reads(folder)
    sample = sample_reads(folder, reads) if folder.calls else None
    accuracy = score(sample, reference) if sample and sample.reads and reference else None
    reasons, named = _set_aside(folder)
    made_with = programs(folder)
    called_by = dict(made_with).get("model", "")
    examples: tuple[Figure, ...] = ()
    if signal and sample and sample.reads:
        from basecaller.report.examples import example_figures

        examples = example_figures(folder, sample, accuracy, signal, model or called_by.split(",")[0], reference,
                                   several)
    return Run(
        folder, reads, accuracy, load_assembly(folder, sample, reference),
        read_gfa(folder.graph) if folder.graph else None, reasons, named, load_stages(folder), tuple(made_with),
        folder.config.read_text(encoding="utf-8", errors="replace") if folder.config else "",
        called_by, _card(called_by), examples,
    )


def _set_aside(folder: RunFolder) -> tuple[Counter[str], tuple[SetAside, ...]]:
    reasons: Counter[str] = Counter()
    named: list[SetAside] = []
    for path in folder.quarantines:
        with path.open(newline="", encoding="utf-8", errors="replace") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                entry = SetAside(row.get("path") or "", row.get("read_id") or "", row.get("reason") or "unknown")
                reasons[entry.reason] += 1
                if len(named) < MOST_NAMED:
                    named.append(entry)
    return reasons, tuple(named)


def _card(model: str) -> str:
    if not model:
        return ""
    from basecaller.model.store import CARD, model_folder

    try:
        card = model_folder(model.split(",")[0]) / CARD
    except ModelError:
        return ""
    return card.read_text(encoding="utf-8") if card.is_file() else ""
