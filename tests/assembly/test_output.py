"""What polishing leaves in a folder: the assembler's files, brought up to the new bases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from basecaller.assembly.assemble import Assembly
from basecaller.assembly.contig import Contig
from basecaller.assembly.gfa import read_contigs
from basecaller.assembly.layout import Link
from basecaller.assembly.output import write_assembly, write_polished
from basecaller.bases import encode
from basecaller.errors import BasecallerError

CONTIGS = [Contig("c1", encode("ACGTACGTAC"), False, 12.5, np.full(10, 20, np.uint8), "ends in a repeat"),
           Contig("c2", encode("GGGTTT"), True, 30.0, np.full(6, 10, np.uint8))]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "draft"
    metrics: dict[str, object] = {"reads": 7, "assembled_bases": 16, "n50": 10, "expected_errors": 0.7}
    write_assembly(Assembly(CONTIGS, [Link(0, False, 1, True, 0)], [], metrics), folder)
    return folder


def test_contigs_are_read_with_all_that_was_said_of_them(draft: Path) -> None:
    first, second = read_contigs(draft / "contigs.fasta")
    assert (first.name, first.depth, first.circular, first.note) == ("c1", 12.5, False, "ends in a repeat")
    assert (second.name, second.depth, second.circular, second.note) == ("c2", 30.0, True, "")


@pytest.mark.parametrize("in_place", [False, True])
def test_all_files_tell_the_polished_bases(draft: Path, tmp_path: Path, in_place: bool) -> None:
    folder = draft if in_place else tmp_path / "polished"
    polished = [replace(CONTIGS[0], codes=encode("ACGTTACGTAC"), qualities=np.full(11, 30, np.uint8)), CONTIGS[1]]
    write_polished(polished, draft, folder)
    assert [len(contig.codes) for contig in read_contigs(folder / "contigs.fasta")] == [11, 6]
    graph = [line.split("\t") for line in (folder / "assembly.gfa").read_text().splitlines()]
    assert ["S", "c1", "ACGTTACGTAC", "LN:i:11", "dp:f:12.50"] in graph
    assert ["S", "c2", "GGGTTT", "LN:i:6", "dp:f:30.00"] in graph
    assert ["L", "c1", "+", "c2", "-", "*"] in graph and ["L", "c2", "+", "c2", "+", "0M"] in graph
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics == {"reads": 7, "assembled_bases": 17, "n50": 11, "expected_errors": 0.61}
    assert (folder / "unplaced.tsv").exists()


def test_contigs_of_another_assembler_need_nothing_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "polished"
    write_polished(CONTIGS, tmp_path, folder)
    assert {path.name for path in folder.iterdir()} == {"contigs.fasta", "contigs.fastq", "contigs.tsv"}


def test_broken_metrics_are_named(draft: Path, tmp_path: Path) -> None:
    (draft / "metrics.json").write_text("{")
    with pytest.raises(BasecallerError, match=r"metrics\.json: not the metrics of an assembly"):
        write_polished(CONTIGS, draft, tmp_path / "polished")
