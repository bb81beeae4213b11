"""Reads that are too few, too many, too short, false or repetitive: what comes out, and the sentence that says so."""

from __future__ import annotations

import json
from pathlib import Path

import edlib
import numpy as np
import pytest
from genomes import Codes, random_genome, sample_reads
from test_assemble import write_fastq

from basecaller.assembly.assemble import Assembly, assemble
from basecaller.assembly.readset import LeftOut, ReadSet, join, load_reads, pack
from basecaller.bases import decode, reverse_complement
from basecaller.cli.main import main

SCORE = np.full(5000, 20, np.uint8)


def told(reads: ReadSet) -> tuple[Assembly, str]:
    """The assembly, and the last thing said."""
    said: list[str] = []
    return assemble(reads, say=said.append), said[-1]


def errors(contig: Codes, circle: Codes, bases: int) -> int:
    """Edits between `bases` of the contig, from its middle, and the circle."""
    middle = decode(contig[(len(contig) - bases) // 2 :][:bases])
    laps = (decode(np.concatenate([circle, circle])), decode(reverse_complement(np.concatenate([circle, circle]))))
    return min(int(edlib.align(middle, lap, mode="HW")["editDistance"]) for lap in laps)


@pytest.mark.parametrize(("reads", "sentence"), [
    (pack(()), "no contig: there are no reads"),
    (pack([("a", random_genome(5000, 3), SCORE)]), "no contig: a single read has nothing to be joined with"),
    (pack([("a", random_genome(5000, 3), SCORE), ("b", random_genome(5000, 4), SCORE)]),
     "no contig: none of the 2 reads overlaps another by 500 bases or more"),
    (pack([(f"r{i}", random_genome(20_000, 5)[i * 30 : i * 30 + 200], SCORE[:200]) for i in range(600)]),
     "no contig: the longest of 600 reads has 200 bases, and reads are joined by overlaps of 500 bases or more"),
])
def test_nothing_to_join(reads: ReadSet, sentence: str) -> None:
    assembly, last = told(reads)
    assert assembly.contigs == [] and last == sentence
    assert sum(group.reads for group in assembly.unplaced) == len(reads)


def test_three_fold() -> None:
    assembly, last = told(sample_reads(random_genome(60_000, 6), 3, 8000, 0.05, 7))
    assert assembly.contigs and last.startswith(f"{len(assembly.contigs)} contigs, ")
    assert all(contig.depth >= 2 for contig in assembly.contigs)


def test_five_hundred_fold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    genome = random_genome(12_000, 8)
    reads = sample_reads(genome, 500, 4000, 0.05, 9)
    write_fastq(reads, tmp_path / "reads.fastq")
    assert main(["assemble", str(tmp_path / "reads.fastq"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "the 60-fold of the longest and best and the 20-fold of the others" in said and "1 circular" in said
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["reads"] == len(reads) and metrics["reads_used"] < len(reads) / 4
    assert "set aside: the reads lie more than 100 deep" in (tmp_path / "out" / "unplaced.tsv").read_text()
    header = (tmp_path / "out" / "contigs.fasta").read_text().split("\n", 1)[0]
    assert float(header.split("depth=")[1].split()[0]) == pytest.approx(500, rel=0.05)
    contigs, _ = load_reads([tmp_path / "out" / "contigs.fasta"])
    assert len(contigs) == 1 and errors(contigs.codes, genome, 10_000) == 0


def test_chimeric_reads() -> None:
    genome = random_genome(50_000, 10)
    reads = sample_reads(genome, 25, 7000, 0.05, 11)
    rng = np.random.default_rng(12)
    joined = [(f"chimera{i}", np.concatenate([reads.read(int(a)), reads.read(int(b))]))
              for i, (a, b) in enumerate(rng.integers(0, len(reads), (len(reads) // 20, 2)))]
    chimeras = pack((name, codes, np.full(len(codes), 12, np.uint8)) for name, codes in joined)
    contigs = assemble(join(reads, chimeras)).contigs
    assert len(contigs) == 1 and contigs[0].circular and abs(len(contigs[0].codes) - 50_000) < 10
    assert errors(contigs[0].codes, genome, 45_000) <= 5


def repeats(seed: int) -> Codes:
    """70 kb with one piece of 5 kb three times, once inverted."""
    genome, piece = random_genome(70_000, seed), random_genome(5000, seed + 1)
    genome[5000:10_000] = genome[30_000:35_000] = piece
    genome[50_000:55_000] = reverse_complement(piece)
    return genome


def test_repeats_that_reads_span_are_resolved() -> None:
    genome = repeats(13)
    contigs = assemble(sample_reads(genome, 30, 7000, 0.05, 14)).contigs
    assert len(contigs) == 1 and contigs[0].circular and abs(len(contigs[0].codes) - 70_000) < 10
    assert errors(contigs[0].codes, genome, 65_000) <= 5


def test_repeats_that_no_read_spans_stay_branches() -> None:
    genome = repeats(15)
    whole = sample_reads(genome, 30, 3500, 0.05, 16)
    reads = pack((whole.names[i], whole.read(i)[:4500], np.full(min(4500, len(whole.read(i))), 12, np.uint8))
                 for i in range(len(whole)))
    assembly, last = told(reads)
    assert not any(contig.circular for contig in assembly.contigs)
    assert len(assembly.contigs) >= 3 and assembly.links and "not resolved (assembly.gfa)" in last
    for contig in assembly.contigs:
        middle = max(500, len(contig.codes) - 6000)
        assert errors(contig.codes, genome, middle) <= 5 + middle // 100


def test_what_was_not_given_stands_in_the_table(tmp_path: Path) -> None:
    short = pack([("tiny", random_genome(60, 17), SCORE[:60]), ("long", random_genome(5000, 18), SCORE)])
    write_fastq(short, tmp_path / "reads.fastq")
    reads, left_out = load_reads([tmp_path / "reads.fastq"], 200)
    assert reads.names == ["long"] and left_out == [LeftOut("shorter than 200 bases", 1, 60, "tiny")]
    assert main(["assemble", str(tmp_path / "reads.fastq"), "-o", str(tmp_path / "out")]) == 0
    rows = (tmp_path / "out" / "unplaced.tsv").read_text().splitlines()
    assert rows[1:] == ["1\t60\tshorter than 200 bases\ttiny", "1\t5000\tno other read overlaps it\tlong"]


def test_layout_is_counted_in_every_pass() -> None:
    """A circle shorter than an overlap of the first pass may be is found by the second."""
    reads = join(sample_reads(random_genome(40_000, 19), 20, 8000, 0.05, 20),
                 sample_reads(random_genome(3000, 21), 60, 900, 0.05, 22, circular=False))
    metrics = assemble(reads).metrics
    assert isinstance(metrics["layout"], list)
    assert [counts["pass"] for counts in metrics["layout"]] == ["all reads", "reads left over"]
    assert all(counts["unitigs"] >= 1 for counts in metrics["layout"])
