"""Three reads of a run under the lens: the best, a typical and the worst, from current to bases."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from basecaller.decode.quality import mean_qscore
from basecaller.errors import BasecallerError
from basecaller.model.store import load_model
from basecaller.reads.read import Read
from basecaller.reads.source import ReadSource, open_reads
from basecaller.report.accuracy import Accuracy
from basecaller.report.draw_html import plot_view
from basecaller.report.folder import RunFolder
from basecaller.report.inspection import inspect_read
from basecaller.report.parts import Figure, slug
from basecaller.report.sample import Sample
from basecaller.report.view import make_view

LEAST_BASES = 500
"""Shorter reads are no examples."""


def example_figures(run: RunFolder, sample: Sample, accuracy: Accuracy | None, signal: Sequence[Path], model: str,
                    reference: str | Path | None, several: bool) -> tuple[Figure, ...]:
    """The three reads as figures; fewer when the signal of some is not in `signal` or they cannot be called again."""
    chosen = choose(sample, accuracy)
    name = f" · {run.name}" if several else ""
    wanted = {read_id: label for label, read_id in chosen.items()}
    loaded = load_model(model)
    found: dict[str, Figure] = {}
    for read in _search(open_reads(signal), set(wanted), _files_of(run, set(wanted))):
        label = wanted[read.read_id]
        try:
            view = make_view(inspect_read(read, loaded, reference=reference))
        except BasecallerError:
            continue
        found[label] = plot_view(view, f"read-{slug(run.name)}-{slug(label)}", f"{label}{name}",
                                 view.title.replace("\n", ". ") + ".")
    return tuple(found[label] for label in chosen if label in found)


def choose(sample: Sample, accuracy: Accuracy | None) -> dict[str, str]:
    """Read ids of the best, the median and the worst: by identity when it is known, else by mean quality."""
    if accuracy is not None and accuracy.mapped:
        names, scores, lengths = list(accuracy.names), accuracy.identity, accuracy.length
    else:
        names = [read.name for read in sample.reads]
        scores = np.array([mean_qscore([] if read.qualities is None else read.qualities) for read in sample.reads])
        lengths = np.array([float(len(read.sequence)) for read in sample.reads])
    fit = np.flatnonzero(lengths >= LEAST_BASES)
    if not len(fit):
        return {}
    order = fit[np.argsort(scores[fit], kind="stable")]
    places = {"The best read": -1, "A typical read": len(order) // 2, "The worst read": 0}
    chosen = {label: names[order[place]] for label, place in places.items()}
    return {label: name for i, (label, name) in enumerate(chosen.items()) if name not in list(chosen.values())[:i]}


def _files_of(run: RunFolder, wanted: set[str]) -> set[str]:
    """Names of the raw files that hold these reads, as the summary says; empty when it does not."""
    files = set()
    for path in run.summaries:
        with path.open(newline="", encoding="utf-8", errors="replace") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                if row.get("read_id") in wanted:
                    files.add(Path(row.get("input_filename") or "").name)
    return files - {""}


def _search(source: ReadSource, wanted: set[str], names: set[str]) -> Iterator[Read]:
    """The reads wanted, from the files of these names (all files when none is known), as soon as they are found."""
    likely = [file for file in source.files if file.name in names] or source.files
    left = set(wanted)
    for read in open_reads(likely):
        if read.read_id in left:
            left.discard(read.read_id)
            yield read
        if not left:
            return
