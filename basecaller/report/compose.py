"""From runs to sections: what the page says, in the order in which one asks."""

from __future__ import annotations

import math

import numpy as np

from basecaller.report.contigs import Contig
from basecaller.report.gather import MOST_NAMED, Run
from basecaller.report.metrics import Metric, run_metrics
from basecaller.report.parts import Card, Cell, Listing, Part, Section, Table, Text, count, ordinal, plural, slug
from basecaller.report.plots_accuracy import accuracy_figures
from basecaller.report.plots_assembly import assembly_parts, shape
from basecaller.report.plots_reads import read_figures, time_figures

SHOWN_ASIDE = 20


def in_words(run: Run) -> str:
    """What went in and what came out, as two or three sentences."""
    said = []
    reads = run.reads
    if len(reads):
        signal = f" from {count(reads.seconds / 3600, 'hours')} of signal" if reads.seconds >= 3600 else (
            f" from {reads.seconds / 60:.0f} minutes of signal" if reads.seconds >= 60 else "")
        said.append(f"{plural(len(reads), 'read')} with {count(reads.bases, 'b')} were called{signal}; half of the "
                    f"bases are in reads of {count(reads.n50(), 'b')} or more.")
    if run.accuracy and run.accuracy.mapped:
        said.append(f"Against the reference the median read is {100 * np.median(run.accuracy.identity):.1f} % right.")
    elif run.accuracy and run.accuracy.reads:
        said.append("None of the reads lies on the reference: is it the right one?")
    if run.assembly is not None:
        contigs = run.assembly.contigs
        if not contigs:
            said.append("The assembly found no contig: the reads are too few, too short or do not overlap.")
        elif len(contigs) == 1:
            said.append(f"They were joined into one {_kind(contigs[0])}contig of {contigs[0].length:,} bases"
                        f"{_depth(contigs[0])}.")
        else:
            said.append(f"They were joined into {len(contigs):,} contigs with {count(run.assembly.bases, 'b')} in all, "
                        f"the longest {contigs[0].length:,} bases ({shape(contigs[0])}).")
    aside = run.reasons.total()
    said.append(f"{plural(aside, 'file or read')} could not be used and {'was' if aside == 1 else 'were'} set aside."
                .replace("file or reads", "files or reads") if aside else "Nothing was set aside.")
    return " ".join(said)


def cards(run: Run) -> list[Card]:
    """The figures at the top of a run."""
    metrics = run_metrics(run)
    found = [_card(metrics[key]) for key in ("reads", "bases", "n50", "median_quality", "median_identity", "contigs",
                                             "contig_identity", "reference_covered", "depth") if key in metrics]
    aside = run.reasons.total()
    return [*found, Card("set aside", f"{aside:,}", "files or reads", "warn" if aside else "good")]


def comparison(runs: list[Run]) -> Listing:
    """All numbers, a column per run."""
    metrics = [run_metrics(run) for run in runs]
    labels = {metric.key: metric for found in metrics for metric in found.values()}
    shown: list[tuple[Cell, ...]] = []
    plain: list[tuple[Cell, ...]] = []
    for key, metric in labels.items():
        shown.append((metric.label, *(found[key].shown if key in found else "–" for found in metrics), metric.help))
        plain.append((key, *(found[key].value if key in found else math.nan for found in metrics)))
    names = tuple(run.name for run in runs)
    return Listing("numbers", "" if len(runs) == 1 else "Side by side", "", Table(("", *names, ""), tuple(shown)),
                   Table(("metric", *names), tuple(plain)))


def sections(runs: list[Run]) -> list[Section]:
    """Every section that has something to show."""
    several = len(runs) > 1
    assemblies = tuple(part for run in runs for part in assembly_parts(run, several))
    found = [
        Section("reads", "Reads", "How long and how good the reads are.", read_figures(runs)),
        Section("run", "The run", "When and where on the flow cell the reads came from.", time_figures(runs)),
        Section("accuracy", "Accuracy", _accuracy_lead(runs), accuracy_figures(runs)),
        Section("examples", "Three reads", "From current to bases. Behind the current the base that was called there; "
                "below it the letters, what the network saw (posteriors), and the qualities. Errors are red. The "
                "stretch shown is the clearest error of each read where there is a reference.",
                tuple(figure for run in runs for figure in run.examples)),
        Section("assembly", "Assembly", "What the reads were joined into.", assemblies),
        Section("aside", "Set aside", "What could not be used, and why; nothing else was lost.",
                tuple(part for run in runs for part in _aside(run, several))),
        Section("speed", "Cost", "What each stage took.", tuple(p for run in runs for p in _stages(run, several))),
        Section("numbers", "All numbers", "", (comparison(runs),)),
        Section("made", "Made with", "Settings, versions and the model, to make the same again.",
                tuple(part for run in runs for part in _made(run, several))),
    ]
    found = [section for section in found if section.parts]
    return [found[-2], *found[:-2], found[-1]] if several else found


def _accuracy_lead(runs: list[Run]) -> str:
    said = []
    for run in runs:
        if run.accuracy:
            which = "" if run.accuracy.step == 1 else f" (of {ordinal(run.accuracy.step)} read)"
            said.append(f"{run.name}: {run.accuracy.mapped:,} of {plural(run.accuracy.reads, 'read')}{which} of at "
                        "least 200 bases lie on the reference.")
    return " ".join(said)


def _aside(run: Run, several: bool) -> list[Part]:
    if not run.reasons:
        return []
    name = f" · {run.name}" if several else ""
    total = run.reasons.total()
    reasons = Listing(f"reasons-{slug(run.name)}", f"Reasons{name}", f"{total:,} set aside in all.",
                      Table(("reason", "files or reads"), tuple(run.reasons.most_common(SHOWN_ASIDE))))
    rows = tuple((entry.path, entry.read_id or "whole file", entry.reason) for entry in run.set_aside)
    note = f"The first {SHOWN_ASIDE} of {total:,}." if total > SHOWN_ASIDE else ""
    if total > MOST_NAMED:
        note += f" The TSV has {MOST_NAMED:,}, quarantine.tsv in the run's folder all."
    columns = ("file", "read", "reason")
    return [reasons, Listing(f"aside-{slug(run.name)}", f"Files and reads{name}", note.strip(),
                             Table(columns, rows[:SHOWN_ASIDE]), Table(columns, rows))]


def _stages(run: Run, several: bool) -> list[Part]:
    if not run.stages:
        return []
    name = f" · {run.name}" if several else ""
    rows = tuple((stage.name, stage.jobs, round(stage.seconds, 1), round(stage.cpu_seconds, 1),
                  round(stage.peak_mb) if math.isfinite(stage.peak_mb) else None) for stage in run.stages)
    note = "Wall time is that of all jobs one after the other; jobs that ran at once took less of the clock."
    return [Listing(f"stages-{slug(run.name)}", f"Stages{name}", note,
                    Table(("stage", "jobs", "wall time (s)", "CPU time (s)", "highest memory (MB)"), rows))]


def _made(run: Run, several: bool) -> list[Part]:
    name = f" · {run.name}" if several else ""
    parts: list[Part] = [Listing(f"versions-{slug(run.name)}", f"Versions{name}", "",
                                 Table(("what", "version or setting"), run.programs))]
    if run.settings:
        parts.append(Text(f"settings-{slug(run.name)}", f"Settings (config.yaml){name}", text=run.settings))
    if run.card:
        from markdown_it import MarkdownIt

        html = MarkdownIt("commonmark", {"html": False}).enable("table").render(run.card)
        parts.append(Text(f"model-{slug(run.name)}", f"Model card: {run.model}{name}", html=html))
    return parts


def _card(metric: Metric) -> Card:
    return Card(metric.label, metric.shown, metric.help)


def _kind(contig: Contig) -> str:
    return "" if contig.circular is None else f"{shape(contig)} "


def _depth(contig: Contig) -> str:
    return f", {contig.depth:.0f} reads deep" if math.isfinite(contig.depth) else ""
