"""The key figures of a run, once: for the page's cards and comparison, and as a table that MultiQC reads."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from basecaller import __version__
from basecaller.report.gather import Run
from basecaller.report.parts import count


@dataclass(frozen=True)
class Metric:
    """One number of a run."""

    key: str
    label: str
    value: float
    unit: str = ""
    """`b` (bases), `%`, `Q`, `h`, `s` or empty."""
    help: str = ""

    @property
    def shown(self) -> str:
        """The value as the page prints it."""
        if not math.isfinite(self.value):
            return "–"
        if self.unit == "%":
            return f"{self.value:.4f} %" if 99.9 < self.value < 100 else f"{self.value:.2f} %"
        if self.unit == "Q":
            return f"Q{self.value:.1f}"
        if self.unit == "b":
            return count(self.value, "b")
        if self.unit:
            return f"{self.value:,.1f} {self.unit}"
        return f"{self.value:,.0f}" if self.value >= 100 or self.value == int(self.value) else f"{self.value:.1f}"


def run_metrics(run: Run) -> dict[str, Metric]:
    """Every number that is known of a run, by key, in the order of the page."""
    found = [*_read_metrics(run), *_accuracy_metrics(run), *_assembly_metrics(run)]
    return {metric.key: metric for metric in found if math.isfinite(metric.value)}


def _read_metrics(run: Run) -> list[Metric]:
    reads = run.reads
    aside = Metric("set_aside", "set aside", run.reasons.total(), "", "files and reads that could not be used")
    if not len(reads):
        return [aside]
    started = reads.start[np.isfinite(reads.start)]
    stage = next((stage for stage in run.stages if stage.name == "basecall"), None)
    return [
        Metric("reads", "reads", len(reads)),
        Metric("bases", "bases", reads.bases, "b", "bases of all reads"),
        Metric("median_length", "median length", float(np.median(reads.length)), "b", "of the reads"),
        Metric("n50", "read N50", reads.n50(), "b", "half of all bases are in reads of this length or more"),
        Metric("longest", "longest read", float(reads.length.max()), "b"),
        Metric("median_quality", "median quality", _median(reads.quality), "Q", "of the reads' mean qualities"),
        Metric("hours", "run time", float(started.max() - started.min()) / 3600 if len(started) > 1 else math.nan, "h",
               "from the first read's start to the last's"),
        Metric("channels", "active channels", len(np.unique(reads.channel[reads.channel > 0])) or math.nan, "",
               "channels that gave a read"),
        Metric("pore_speed", "speed in the pore", _median(reads.speed), "bases/s", "median over the reads"),
        Metric("calling_speed", "basecalling speed", reads.bases / stage.cpu_seconds
               if stage and stage.cpu_seconds > 0 else math.nan, "bases per CPU s", "of all basecalling jobs together"),
        aside,
    ]


def _accuracy_metrics(run: Run) -> list[Metric]:
    accuracy = run.accuracy
    if accuracy is None or not accuracy.reads:
        return []
    mapped = Metric("mapped_percent", "reads mapped", 100 * accuracy.mapped / accuracy.reads, "%",
                    "of the scored reads, to the reference")
    if not accuracy.mapped:
        return [mapped]
    columns = 100 * accuracy.tally.columns / accuracy.tally.columns.sum()
    return [
        mapped,
        Metric("median_identity", "median identity", 100 * float(np.median(accuracy.identity)), "%", "of the reads"),
        Metric("mean_identity", "mean identity", 100 * float(np.mean(accuracy.identity)), "%", "of the reads"),
        Metric("mismatch_percent", "mismatches", float(columns[1]), "%", "of alignment columns"),
        Metric("insertion_percent", "insertions", float(columns[2]), "%", "of alignment columns"),
        Metric("deletion_percent", "deletions", float(columns[3]), "%", "of alignment columns"),
    ]


def _assembly_metrics(run: Run) -> list[Metric]:
    assembly = run.assembly
    if assembly is None:
        return []
    found = [Metric("contigs", "contigs", len(assembly.contigs))]
    if not assembly.contigs:
        return found
    matches = [contig.match for contig in assembly.contigs if contig.match]
    columns = sum(match.columns for match in matches)
    errors = sum(match.mismatches + match.inserted + match.deleted for match in matches)
    weights = [(contig.depth, contig.length) for contig in assembly.contigs if math.isfinite(contig.depth)]
    return [
        *found,
        Metric("assembly_bases", "assembled", assembly.bases, "b", "bases of all contigs"),
        Metric("largest_contig", "largest contig", assembly.contigs[0].length, "b"),
        Metric("circular_contigs", "circular contigs", sum(contig.circular is True for contig in assembly.contigs)),
        Metric("depth", "mean depth", sum(d * n for d, n in weights) / sum(n for _, n in weights)
               if weights else math.nan, "", "reads over each base of the contigs"),
        Metric("contig_identity", "contig identity", 100 * (1 - errors / columns) if columns else math.nan, "%",
               "against the reference"),
        Metric("contig_errors", "contig errors", errors if columns else math.nan, "", "bases wrong, too many or lost"),
        Metric("reference_covered", "reference covered", 100 * assembly.reference_covered, "%", "by contigs"),
    ]


def multiqc(runs: list[Run]) -> dict[str, Any]:
    """The numbers as MultiQC's custom content: a table with a row per run (its documentation, "Custom content")."""
    metrics = {run.name: run_metrics(run) for run in runs}
    headers = {
        metric.key: {"title": metric.label, "description": metric.help or metric.label,
                     **({"suffix": f" {metric.unit.replace('b', 'bases', 1) if metric.unit == 'b' else metric.unit}"}
                        if metric.unit else {}),
                     "format": "{:,.0f}" if metric.unit in ("b", "") and metric.key != "depth" else "{:,.3f}"}
        for found in metrics.values() for metric in found.values()
    }
    return {
        "id": "basecaller",
        "section_name": "Basecaller",
        "description": f"Reads, accuracy and contigs as basecaller {__version__} reports them.",
        "plot_type": "table",
        "pconfig": {"id": "basecaller_table", "title": "Basecaller: runs", "namespace": "basecaller"},
        "headers": headers,
        "data": {name: {key: _rounded(metric.value) for key, metric in found.items()}
                 for name, found in metrics.items()},
    }


def write_metrics(runs: list[Run], folder: Path) -> None:
    """Write `metrics.json`, and the same as `metrics_mqc.json`, the name under which MultiQC looks for it."""
    text = json.dumps(multiqc(runs), indent=1) + "\n"
    for name in ("metrics.json", "metrics_mqc.json"):
        (folder / name).write_text(text, encoding="utf-8")


def _median(values: np.typing.NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _rounded(value: float) -> float | int:
    return int(value) if value == int(value) else float(f"{value:.6g}")
