"""Intermediate stages: written for looking at, and overlaps taken from outside."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from genomes import random_genome, sample_reads

from basecaller.assembly.assemble import Assembly, assemble
from basecaller.assembly.readset import ReadSet
from basecaller.assembly.stages import Stages
from basecaller.bases import decode
from basecaller.cli.main import main


@pytest.fixture(scope="module")
def reads() -> ReadSet:
    return sample_reads(random_genome(30_000, 41), 12, 6000, 0.04)


@pytest.fixture(scope="module")
def staged(reads: ReadSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Assembly, Path]:
    folder = tmp_path_factory.mktemp("staged") / "stages"
    return assemble(reads, stages=Stages(folder)), folder


def the(folder: Path, what: str) -> Path:
    """The first file of a stage."""
    return min(folder.glob(f"*_{what}"))


def test_every_stage_is_written_in_order(staged: tuple[Assembly, Path], reads: ReadSet) -> None:
    assembly, folder = staged
    names = [path.name for path in sorted(folder.iterdir())]
    assert [int(name[:2]) for name in names] == list(range(1, len(names) + 1))
    kinds = [name[3:] for name in names]
    assert kinds[:3] == ["overlaps.paf", "arcs.gfa", "transitive.gfa"]
    assert {"tips.gfa", "bubbles.gfa", "short.gfa", "unitigs.fasta", "consensus.fasta"} <= set(kinds)
    assert kinds[-3:] == ["polished_1.fasta", "polished_2.fasta", "polished_3.fasta"]
    last = (folder / names[-1]).read_text()
    assert sum(len(line) for line in last.splitlines() if line[0] != ">") == len(assembly.contigs[0].codes)


def test_graphs_are_gfa(staged: tuple[Assembly, Path], reads: ReadSet) -> None:
    folder = staged[1]
    links = {}
    for stage in ("arcs", "transitive"):
        lines = the(folder, f"{stage}.gfa").read_text().splitlines()
        segments = {line.split("\t")[1]: int(line.split("LN:i:")[1]) for line in lines if line[0] == "S"}
        lengths = dict(zip(reads.names, reads.lengths.tolist(), strict=True))
        assert all(0 < length <= lengths[name] for name, length in segments.items())
        fields = [line.split("\t") for line in lines if line[0] == "L"]
        assert all(f[1] in segments and f[3] in segments and f[2] in "+-" and f[4] in "+-" for f in fields)
        assert all(re.fullmatch(r"\d+M", f[5]) for f in fields)
        turn = {"+": "-", "-": "+"}
        ways = {(f[1], f[2], f[3], f[4]) for f in fields}
        assert len(ways) == len(fields)
        twins = {(b, turn[t], a, turn[s]) for a, s, b, t in ways if (b, turn[t], a, turn[s]) != (a, s, b, t)}
        assert not twins & ways
        links[stage] = len(fields)
    assert links["arcs"] > 2 * links["transitive"] > 0


def test_overlaps_that_were_written_give_the_same_contigs(staged: tuple[Assembly, Path], reads: ReadSet) -> None:
    assembly, folder = staged
    again = assemble(reads, paf=the(folder, "overlaps.paf"))
    assert [contig.circular for contig in assembly.contigs] == [True]
    assert (again.contigs[0].codes == assembly.contigs[0].codes).all()


def test_overlaps_and_stages_from_the_command_line(
    staged: tuple[Assembly, Path], reads: ReadSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fasta = tmp_path / "reads.fasta"
    fasta.write_text("".join(f">{name}\n{decode(reads.read(i))}\n" for i, name in enumerate(reads.names)))
    paf = the(staged[1], "overlaps.paf")
    assert main(["assemble", str(fasta), "--overlaps", str(paf), "--stages", str(tmp_path / "s"), "-o",
                 str(tmp_path / "out")]) == 0
    assert the(tmp_path / "s", "overlaps.paf").read_bytes() == paf.read_bytes()
    capsys.readouterr()
    fields = paf.read_text().split("\n")[0].split("\t")
    fields[3] = str(np.iinfo(np.int32).max)
    bad = tmp_path / "bad.paf"
    bad.write_text("\t".join(fields) + "\n")
    assert main(["assemble", str(fasta), "--overlaps", str(bad), "-o", str(tmp_path / "out2")]) == 1
    assert "bad.paf, line 1" in capsys.readouterr().err
