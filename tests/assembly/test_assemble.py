"""The assembler from end to end: made-up genomes, odd input, real reads."""

from __future__ import annotations

import json
from pathlib import Path

import edlib
import numpy as np
import pytest
from genomes import best_rotation, random_genome, sample_reads

from basecaller.assembly.assemble import assemble
from basecaller.assembly.contig import expected_errors
from basecaller.assembly.readset import ReadSet, load_reads
from basecaller.bases import decode, reverse_complement
from basecaller.cli.main import main


def write_fastq(reads: ReadSet, path: Path) -> None:
    with path.open("w") as handle:
        for i, name in enumerate(reads.names):
            text = decode(reads.read(i))
            handle.write(f"@{name}\n{text}\n+\n{'-' * len(text)}\n")


def test_few_reads_leave_few_errors_and_say_how_many() -> None:
    """What stands in a contig has no more to be said for it than any other: with a prior for it they were 104."""
    errors = expected = 0.0
    for seed in (1, 2, 3):
        genome = random_genome(12_000, 30 + seed)
        (contig,) = assemble(sample_reads(genome, 7, 5000, 0.1, seed, circular=False)).contigs
        either = (contig.codes, reverse_complement(contig.codes))
        errors += min(edlib.align(decode(codes[300:-300]), decode(genome), mode="HW")["editDistance"]
                      for codes in either)
        expected += expected_errors(contig)
    assert errors < 80
    assert errors / 2 < expected < errors * 2


def test_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    genome = random_genome(30_000, 1)
    write_fastq(sample_reads(genome, 25, 6000, 0.05, 2), tmp_path / "reads.fastq")
    outputs = []
    for threads in ("1", "3"):
        out = tmp_path / threads
        assert main(["assemble", str(tmp_path / "reads.fastq"), "-o", str(out), "-t", threads]) == 0
        outputs.append({p.name: p.read_bytes() for p in out.iterdir() if p.name != "metrics.json"})
    assert outputs[0] == outputs[1]
    contigs, _ = load_reads([tmp_path / "1" / "contigs.fasta"])
    assert len(contigs) == 1
    header = outputs[0]["contigs.fasta"].decode().split("\n", 1)[0]
    assert f"length={len(contigs.codes)} depth=" in header and header.endswith("circular=true")
    turned = best_rotation(contigs.codes, genome)
    assert edlib.align(decode(turned), decode(genome))["editDistance"] <= 60
    metrics = json.loads((tmp_path / "1" / "metrics.json").read_text())
    assert metrics["contigs"] == metrics["circular"] == 1
    assert "overlaps" in capsys.readouterr().err


def test_bad_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assemble", str(tmp_path / "none.fq"), "-o", str(tmp_path / "o")]) == 2
    assert "none.fq: no such file of reads" in capsys.readouterr().err
    (tmp_path / "bad.fq").write_bytes(b"\x00\x01\x02\x03 this is no read file")
    assert main(["assemble", str(tmp_path / "bad.fq"), "-o", str(tmp_path / "o")]) == 1
    assert "bad.fq: cannot be read as called reads (not FASTA" in capsys.readouterr().err
    (tmp_path / "cut.fq.gz").write_bytes(b"\x1f\x8b\x08\x00 damaged")
    assert main(["assemble", str(tmp_path / "cut.fq.gz"), "-o", str(tmp_path / "o")]) == 1
    assert "cut.fq.gz" in capsys.readouterr().err


def reference(path: Path) -> str:
    return "".join(line.strip() for line in path.read_text().splitlines() if not line.startswith(">"))


def test_real_lambda_is_one_contig(shared_data: Path) -> None:
    reads, _ = load_reads([shared_data / "peer_calls" / "lambda_r941.fasta"], 200)
    contigs = assemble(reads).contigs
    assert len(contigs) == 1
    truth = reference(shared_data / "references" / "lambda_NEB.fa")
    best = min(
        (edlib.align(decode(codes), truth, mode="HW", task="locations") for codes in
         (contigs[0].codes, (3 - contigs[0].codes[::-1]).astype(np.uint8))), key=lambda hit: hit["editDistance"],
    )
    start, end = best["locations"][0]
    assert end - start > 0.99 * len(truth)
    assert best["editDistance"] < 0.01 * len(truth)
