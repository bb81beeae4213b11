"""An assembly, new or polished, written to a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from basecaller.assembly.assemble import Assembly
from basecaller.assembly.contig import Contig, sizes
from basecaller.assembly.gfa import whole, write_fasta, write_fastq, write_gfa, write_gfa_with, write_table
from basecaller.errors import BasecallerError

GRAPH, UNPLACED, METRICS = "assembly.gfa", "unplaced.tsv", "metrics.json"


def make_folder(folder: str | Path) -> None:
    """The folder of an assembly, made now if it is not there: what cannot be written is better said before the work."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BasecallerError(f"{folder}: cannot be written ({error.strerror})") from None


def write_assembly(assembly: Assembly, folder: str | Path) -> None:
    """Write contigs.fasta, contigs.fastq, assembly.gfa, contigs.tsv, unplaced.tsv and metrics.json."""
    folder = Path(folder)
    make_folder(folder)
    try:
        _write_contigs(assembly.contigs, folder)
        write_gfa(assembly.contigs, assembly.links, folder / GRAPH)
        with whole(folder / UNPLACED) as handle:
            handle.write("reads\tbases\treason\texample\n")
            handle.writelines(f"{u.reads}\t{u.bases}\t{u.reason}\t{u.example}\n" for u in assembly.unplaced)
        _write_metrics(assembly.metrics, folder)
    except OSError as error:
        raise BasecallerError(f"{folder}: cannot be written ({error.strerror})") from None


def write_polished(contigs: Sequence[Contig], draft: Path, folder: Path) -> None:
    """Write polished contigs, and what an assembler left in the folder `draft`, brought up to them: the graph with the
    new bases, the table of unplaced reads, the metrics with the new lengths and expected errors."""
    make_folder(folder)
    try:
        _write_contigs(contigs, folder)
        if (draft / GRAPH).is_file():
            write_gfa_with({contig.name: contig.sequence for contig in contigs}, draft / GRAPH, folder / GRAPH)
        if (draft / UNPLACED).is_file() and draft.resolve() != folder.resolve():
            shutil.copyfile(draft / UNPLACED, folder / UNPLACED)
        if (draft / METRICS).is_file():
            _write_metrics(_read_metrics(draft / METRICS) | sizes(contigs), folder)
    except OSError as error:
        raise BasecallerError(f"{error.filename or folder}: cannot be read or written ({error.strerror})") from None


def _write_contigs(contigs: Sequence[Contig], folder: Path) -> None:
    write_fasta(contigs, folder / "contigs.fasta")
    write_fastq(contigs, folder / "contigs.fastq")
    write_table(contigs, folder / "contigs.tsv")


def _read_metrics(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise BasecallerError(f"{path}: not the metrics of an assembly") from None


def _write_metrics(metrics: dict[str, object], folder: Path) -> None:
    with whole(folder / METRICS) as handle:
        json.dump(metrics, handle, indent=2)
        handle.write("\n")
