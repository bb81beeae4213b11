"""The built-in example, as the README's first command runs it, gives the simulated genome back."""

from __future__ import annotations

import csv
from pathlib import Path

import pysam

from .conftest import Snakemake


def test_example_gives_the_genome_back(tmp_path: Path, snakemake: Snakemake) -> None:
    snakemake()
    results = tmp_path / "results"
    with pysam.FastxFile(str(results / "simulated/genome.fasta")) as fasta:
        genome, = (len(record.sequence) for record in fasta)
    with pysam.FastxFile(str(results / "assembly/contigs.fasta")) as fasta:
        contig, = (len(record.sequence) for record in fasta)
    assert abs(contig - genome) < genome / 100
    with (results / "simulated/run/truth.tsv").open() as truth, pysam.AlignmentFile(
        str(results / "calls.bam"), check_sq=False
    ) as calls:
        simulated = [row["read_id"] for row in csv.DictReader(truth, delimiter="\t")]
        assert sorted(str(record.query_name) for record in calls) == sorted(simulated)
    page = (results / "report.html").read_text()
    assert "<html" in page
    assert "src=\"http" not in page
