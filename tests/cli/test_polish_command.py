"""`basecaller polish` as a command: where the model's name comes from, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import edlib
import pysam
import pytest

from basecaller.cli.basecall import entry as basecall
from basecaller.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("polish") / "run"
    assert main(["simulate", "--genome-length", "2000", "--reads", "16", "--read-length", "1500", "--seed", "3",
                 "-o", str(folder)]) == 0
    return folder


def calls(path: Path, models: list[str]) -> Path:
    """A BAM without reads whose read groups name these models."""
    groups = [{"ID": str(i), "DS": f"runid=r basecall_model={model}"} for i, model in enumerate(models)]
    with pysam.AlignmentFile(str(path), "wb", header={"HD": {"VN": "1.6"}, "RG": groups}):
        pass
    return path


@pytest.mark.parametrize(("models", "message"), [
    ([], "say which model called the reads"),
    (["r9.4.1_fast", "other"], "called by several models (other, r9.4.1_fast); choose one with --model"),
    (["r9.4.1_fst"], "did you mean r9.4.1_fast?"),
])
def test_the_calls_must_name_one_model(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                       models: list[str], message: str) -> None:
    bam = calls(tmp_path / "calls.bam", models)
    status = main(["polish", str(run / "genome.fasta"), "--reads", str(bam), "--signal", str(run), "-o",
                   str(tmp_path / "out")])
    assert status in (1, 2) and message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["no calls", "FASTQ", "BAM", "trimmed BAM", "BAM that lacks a table",
                                   "calls of another run"])
def test_contigs_are_polished_by_the_signal(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str
                                            ) -> None:
    """Calls with move tables are not made again; without, or without calls, the reads are called first."""
    with pysam.FastxFile(str(run / "genome.fasta")) as fasta:
        genome = next(iter(fasta)).sequence
    draft = tmp_path / "draft.fasta"
    draft.write_text(f">c1 length=1999 depth=4.0 circular=false\n{genome[:1000]}{genome[1001:]}\n")
    reads = tmp_path / ("calls.fastq" if given == "FASTQ" else "calls.bam")
    if given != "no calls":
        assert basecall([str(run), "--model", "r9.4.1_fast", "-o", str(reads)]) == 0
    if given in ("trimmed BAM", "BAM that lacks a table"):
        whole, reads = reads, tmp_path / "changed.bam"
        with (pysam.AlignmentFile(str(whole), check_sq=False) as before,
              pysam.AlignmentFile(str(reads), "wb", template=before) as after):
            for number, record in enumerate(before):
                if given == "trimmed BAM":  # by a tool that knows nothing of move tables
                    qualities = record.query_qualities[5:]
                    record.query_sequence = record.query_sequence[5:]
                    record.query_qualities = qualities
                elif number == 1:
                    record.set_tag("mv", None)
                after.write(record)
    signal = run
    if given == "calls of another run":
        signal = tmp_path / "other"
        assert main(["simulate", "--genome-length", "2000", "--reads", "2", "--seed", "4", "-o", str(signal)]) == 0
    options = [] if given == "no calls" else ["--reads", str(reads)]
    assert main(["polish", str(draft), "--signal", str(signal), "--model", "r9.4.1_fast", "-o", str(tmp_path), *options
                 ]) == 0
    said = capsys.readouterr().err
    assert ("calling the reads" in said) == (
        given in ("no calls", "FASTQ", "trimmed BAM", "BAM that lacks a table"))
    if given == "calls of another run":
        assert "none of the reads is in the signal" in said
        return
    with pysam.FastxFile(str(tmp_path / "contigs.fasta")) as fasta:
        polished = next(iter(fasta))
    middle = genome[300:1700]
    assert edlib.align(middle, polished.sequence, mode="HW")["editDistance"] <= 5
    assert edlib.align(genome[980:1020], polished.sequence, mode="HW")["editDistance"] == 0
    assert "circular=false" in polished.comment
    assert "edits by the signal" in (tmp_path / "contigs.tsv").read_text()


def test_a_folder_that_cannot_be_made_is_told_before_the_work(run: Path, tmp_path: Path,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("a file")
    assert main(["polish", str(run / "genome.fasta"), "--signal", str(run), "--model", "r9.4.1_fast",
                 "-o", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().err
    assert "out: cannot be written" in printed and "calling" not in printed


def test_calls_that_are_not_there_are_told_as_such(run: Path, tmp_path: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["polish", str(run / "genome.fasta"), "--reads", str(tmp_path / "absent.bam"), "--signal", str(run),
                 "--model", "r9.4.1_fast", "-o", str(tmp_path / "out")]) != 0
    printed = capsys.readouterr().err
    assert "absent.bam" in printed and "calling the reads" not in printed


def test_a_known_sequence_keeps_its_name_and_is_mended(run: Path, tmp_path: Path) -> None:
    """The sequences of single reads, by read id, as `label --truth` takes them."""
    known, mended = tmp_path / "truth.fasta", tmp_path / "mended"
    with pysam.FastxFile(str(run / "truth.fasta")) as fasta:
        truth = {entry.name: entry.sequence for entry in fasta}
    name, sequence = max(truth.items(), key=lambda item: len(item[1]))
    at = len(sequence) // 2
    wrong = "C" if sequence[at] != "C" else "A"
    known.write_text(f">{name} of a relative\n{sequence[:at]}{wrong}{sequence[at + 1:]}\n")
    assert main(["polish", str(known), "--signal", str(run), "--model", "r9.4.1_fast", "--trust", "5", "-o", str(mended)
                 ]) == 0
    with pysam.FastxFile(str(mended / "contigs.fasta")) as fasta:
        (polished,) = list(fasta)
    assert polished.name == name
    assert edlib.align(sequence[at - 20 : at + 20], polished.sequence, mode="HW")["editDistance"] == 0


def test_distrust_is_no_trust(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["polish", str(run / "genome.fasta"), "--signal", str(run), "--model", "r9.4.1_fast", "--trust", "-1",
                 "-o", str(tmp_path / "out")]) == 2
    assert "--trust -1.0: must not be less than 0" in capsys.readouterr().err
