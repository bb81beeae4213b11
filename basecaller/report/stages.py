"""What each stage of the pipeline cost, from snakemake's benchmark files, and what a run was made with."""

from __future__ import annotations

import json
import platform
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from basecaller import __version__
from basecaller.called import called_header, models_of
from basecaller.report.folder import RunFolder

PACKAGES = ("torch", "numpy", "numba", "pod5", "pyslow5", "ont-fast5-api", "pysam", "ont-mappy", "snakemake", "plotly")


@dataclass(frozen=True)
class Stage:
    """All jobs of one rule."""

    name: str
    jobs: int
    seconds: float
    """Wall time of all jobs, one after the other."""
    cpu_seconds: float
    peak_mb: float
    """Highest resident memory of a job, NaN when not measured."""


def load_stages(run: RunFolder) -> tuple[Stage, ...]:
    """One entry per rule, in the order in which they finished; lines that are no benchmark are passed over."""
    rows: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for path in sorted(run.benchmarks, key=lambda path: path.stat().st_mtime):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                name = str(entry.get("rule_name") or _rule(run, path))
                rows[name].append((float(entry["s"]), _number(entry.get("cpu_time")), _number(entry.get("max_rss"))))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    return tuple(
        Stage(name, len(jobs), sum(job[0] for job in jobs), sum(job[1] for job in jobs), max(job[2] for job in jobs))
        for name, jobs in rows.items()
    )


def programs(run: RunFolder) -> list[tuple[str, str]]:
    """Name and version (or command line) of what made the reads, as the BAM says, and of what made this report."""
    found: dict[str, str] = {}
    for path in run.calls[:1]:
        header = called_header(path)
        for program in header.get("PG", []):
            said = [program.get("VN", ""), program.get("DS", ""), program.get("CL", "")]
            found[f"reads called by {program.get('PN', program.get('ID', ''))}"] = "; ".join(filter(None, said))
        groups = header.get("RG", [])
        for key, label in (("PU", "flow cell"), ("PM", "device"), ("DT", "run started"), ("SM", "sample")):
            values = sorted({group[key] for group in groups if group.get(key)})
            if values:
                found[label] = ", ".join(values)
        models = models_of(header)
        if models:
            found["model"] = ", ".join(models)
    found["report made by basecaller"] = __version__
    found["Python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return list(found.items())


def model_name(run: RunFolder) -> str:
    """The model that called the reads, empty when the reads do not say."""
    return dict(programs(run)).get("model", "")


def _rule(run: RunFolder, path: Path) -> str:
    """A rule's name from where its benchmark lies: benchmarks/basecall/0-0001.jsonl or benchmarks/assemble.jsonl."""
    parts = path.relative_to(run.path).with_suffix("").parts
    return parts[1] if len(parts) > 1 and parts[0] == "benchmarks" else parts[-1]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
