"""A run folder as the pipeline leaves it, finished or still running: which of its files are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from basecaller.errors import UsageError

CALLS = ("calls.bam", "calls.sam", "calls.fastq.gz", "calls.fastq")
SUMMARY = "sequencing_summary.tsv"
QUARANTINE = "quarantine.tsv"


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; None, or an empty tuple, where they are not there yet."""

    path: Path
    name: str
    calls: tuple[Path, ...]
    """The reads; several while the batches are not yet joined."""
    summaries: tuple[Path, ...]
    quarantines: tuple[Path, ...]
    contigs: Path | None
    contig_qualities: Path | None
    contig_table: Path | None
    graph: Path | None
    unplaced: Path | None
    config: Path | None
    benchmarks: tuple[Path, ...]
    partial: bool
    """The reads are those of the batches that are done so far."""


def find_run(path: str | Path, name: str | None = None) -> RunFolder:
    """Look what a run folder holds; a path that is not a folder, or holds nothing of a run, is a `UsageError`."""
    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    calls = _first(folder, CALLS)
    summaries = _first(folder, (SUMMARY, f"calls.{SUMMARY}"))
    quarantines = _first(folder, (QUARANTINE, f"calls.{QUARANTINE}"))
    partial = not calls
    if not calls:
        calls = [found for name in CALLS for found in sorted(folder.glob(f"*/**/{name}"))]
    if not summaries:
        summaries = sorted(folder.glob(f"*/**/*{SUMMARY}"))
    if not quarantines:
        quarantines = sorted(folder.glob(f"*/**/*{QUARANTINE}"))
    assembly = folder / "assembly"
    run = RunFolder(
        folder, name or folder.resolve().name, tuple(calls), tuple(summaries), tuple(quarantines),
        _there(assembly / "contigs.fasta"), _there(assembly / "contigs.fastq"), _there(assembly / "contigs.tsv"),
        _there(assembly / "assembly.gfa"), _there(assembly / "unplaced.tsv"),
        _there(folder / "config.yaml"), tuple(sorted(folder.glob("**/*.jsonl"))), partial,
    )
    if not any((run.calls, run.summaries, run.quarantines, run.contigs, run.config, run.benchmarks)):
        raise UsageError(f"{folder}: holds nothing of a run (neither {CALLS[0]} nor {SUMMARY} nor assembly/)")
    return run


def find_runs(paths: Sequence[str | Path]) -> list[RunFolder]:
    """The runs of several folders, each under a name of its own: the folder's, with its parent's where two agree."""
    runs = [find_run(path) for path in paths]
    names = [run.name for run in runs]
    named = []
    for run in runs:
        resolved = run.path.resolve()
        name = run.name if names.count(run.name) == 1 else f"{resolved.parent.name}/{run.name}"
        named.append(find_run(run.path, name) if name != run.name else run)
    return named


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _first(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return next(([folder / name] for name in names if (folder / name).is_file()), [])
