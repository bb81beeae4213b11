"""An assembly written to a folder."""

from __future__ import annotations

import json
from pathlib import Path

from basecaller.assembly.assemble import Assembly
from basecaller.assembly.gfa import whole, write_fasta, write_fastq, write_gfa, write_table
from basecaller.errors import BasecallerError


def write_assembly(assembly: Assembly, folder: Path) -> None:
    """Write contigs.fasta, contigs.fastq, assembly.gfa, contigs.tsv, unplaced.tsv and metrics.json."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_fasta(assembly.contigs, folder / "contigs.fasta")
        write_fastq(assembly.contigs, folder / "contigs.fastq")
        write_gfa(assembly.contigs, assembly.links, folder / "assembly.gfa")
        write_table(assembly.contigs, folder / "contigs.tsv")
        with whole(folder / "unplaced.tsv") as handle:
            handle.write("reads\tbases\treason\texample\n")
            handle.writelines(f"{u.reads}\t{u.bases}\t{u.reason}\t{u.example}\n" for u in assembly.unplaced)
        with whole(folder / "metrics.json") as handle:
            json.dump(assembly.metrics, handle, indent=2)
            handle.write("\n")
    except OSError as error:
        raise BasecallerError(f"{folder}: cannot be written ({error.strerror})") from None
