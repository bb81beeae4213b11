"""`basecaller evaluate` against an independent computation, on simulated and on real calls."""

from __future__ import annotations

import csv
import json
import re
import statistics
from pathlib import Path

import mappy
import numpy as np
import pysam
import pytest

from basecaller.cli.main import main
from basecaller.evaluation.evaluate import Evaluation, evaluate
from basecaller.evaluation.reliability import calibration_error, observed_q
from basecaller.evaluation.tables import tables
from basecaller.evaluation.tally import Tally


def expected_summary(calls: Path, reference: Path, min_length: int = 200) -> dict[str, float]:
    """The same figures from minimap2's own difference strings."""
    aligner = mappy.Aligner(str(reference), preset="map-ont", best_n=1)
    reads, rows = 0, []
    with pysam.FastxFile(str(calls)) as handle:
        for read in handle:
            if len(read.sequence) < min_length:
                continue
            reads += 1
            hits = [hit for hit in aligner.map(read.sequence.upper(), cs=True) if hit.is_primary]
            if hits:
                inserted = sum(map(len, re.findall(r"\+([a-z]+)", hits[0].cs)))
                deleted = sum(map(len, re.findall(r"-([a-z]+)", hits[0].cs)))
                columns = np.array([hits[0].mlen, hits[0].cs.count("*"), inserted, deleted])
                rows.append((len(read.sequence), hits[0].q_en - hits[0].q_st, columns))
    pooled = sum(columns for _, _, columns in rows)
    identities = [columns[0] / columns.sum() for _, _, columns in rows]
    return {
        "reads": reads,
        "mapped": len(rows),
        "mapped_bases": sum(aligned for _, aligned, _ in rows),
        "read_coverage": round(sum(aligned for _, aligned, _ in rows) / sum(length for length, _, _ in rows), 4),
        "median_identity": round(statistics.median(identities), 4),
        "mean_identity": round(statistics.mean(identities), 4),
        **{
            key: round(float(share), 4)
            for key, share in zip(("pooled_identity", "mismatch", "insertion", "deletion"), pooled / pooled.sum(),
                                  strict=True)
        },
    }


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """FASTQ and reference: 60 reads of both strands with errors, a stretch of N, short reads and reads of noise."""
    folder = tmp_path_factory.mktemp("simulated")
    rng = np.random.default_rng(17)
    genome = "".join(rng.choice(list("ACGT"), 30000))
    (folder / "reference.fa").write_text(f">g\n{genome[:9000]}{'N' * 5}{genome[9005:]}\n")
    complement = str.maketrans("ACGT", "TGCA")
    with (folder / "calls.fastq").open("w") as handle:
        for number in range(60):
            length = 150 if number % 10 == 9 else int(rng.integers(300, 4000))
            start = int(rng.integers(0, len(genome) - length))
            truth = genome[start : start + length]
            if number % 2:
                truth = truth.translate(complement)[::-1]
            if number % 10 == 8:
                truth = "".join(rng.choice(list("ACGT"), length))
            draws = rng.random(length)
            read = "".join(
                rng.choice(list("ACGT")) if d < 0.04 else base + "C" if d < 0.07 else "" if d < 0.11 else base
                for base, d in zip(truth, draws, strict=True)
            )
            quality = "".join(chr(33 + q) for q in rng.integers(2, 40, len(read)))
            handle.write(f"@r{number}\n{read}\n+\n{quality}\n")
    return folder / "calls.fastq", folder / "reference.fa"


def test_simulated_reads_agree_with_the_independent_computation(simulated: tuple[Path, Path]) -> None:
    found = evaluate(*simulated).summary()
    assert found.pop("calibration_error") > 0
    assert found == expected_summary(*simulated)
    assert found["mapped"] < found["reads"] < 60


def test_real_reads_agree_with_the_independent_computation(shared_data: Path) -> None:
    calls, reference = shared_data / "peer_calls" / "lambda_r941.fasta", shared_data / "references" / "lambda_NEB.fa"
    assert evaluate(calls, reference).summary() == expected_summary(calls, reference)


def test_processes_change_nothing(
    simulated: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("basecaller.evaluation.evaluate._BATCH_BASES", 8000)
    found = []
    for threads in (1, 2):
        with (tmp_path / f"{threads}.tsv").open("w") as per_read:
            found.append(evaluate(*simulated, threads=threads, per_read=per_read))
    assert (tmp_path / "1.tsv").read_text() == (tmp_path / "2.tsv").read_text()
    assert found[0].summary() == found[1].summary()
    for name in Tally.__slots__:
        np.testing.assert_array_equal(getattr(found[0].tally, name), getattr(found[1].tally, name))


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open() as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_the_command_prints_one_line_and_fills_the_folder(
    simulated: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, reference = map(str, simulated)
    out = tmp_path / "out"
    assert main(["evaluate", calls, "--reference", reference, "-o", str(out), "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    summary = json.loads(printed)
    assert summary == json.loads((out / "summary.json").read_text())
    assert not list(out.glob("*.partial"))

    reads = read_table(out / "reads.tsv")
    mapped = [row for row in reads if row["contig"]]
    assert (len(reads), len(mapped)) == (summary["reads"], summary["mapped"])
    assert round(statistics.median(float(row["identity"]) for row in mapped), 4) == summary["median_identity"]
    assert sum(int(row["reads"]) for row in read_table(out / "identity.tsv")) == summary["mapped"]
    columns = {row["kind"]: int(row["bases"]) for row in read_table(out / "errors.tsv")}
    assert columns["deletion"] == sum(int(row["deleted"]) for row in mapped)

    # every table counts the same alignments
    substitutions = read_table(out / "substitutions.tsv")
    assert sum(int(r["bases"]) for r in substitutions if r["called"] == "-") == columns["deletion"]
    assert sum(int(r["bases"]) for r in substitutions if r["reference"] == "-") == columns["insertion"]
    # made with an inserted C, always
    assert sum(int(r["bases"]) for r in substitutions if r["reference"] == "-" and r["called"] == "C") > 0.7 * columns[
        "insertion"]
    quality = read_table(out / "quality.tsv")
    assert sum(int(row["bases"]) for row in quality) == summary["mapped_bases"]
    assert sum(int(row["mismatches"]) for row in quality) == columns["mismatch"]
    for name in ("read_start", "read_parts"):
        rows = read_table(out / f"{name}.tsv")
        assert all(float(row["aligned"]) <= 1 for row in rows)
    assert sum(int(row["bases"]) for row in rows) == sum(int(row["length"]) for row in mapped)
    kmers = read_table(out / "kmers.tsv")
    assert len(kmers) == 1024


def test_runs_of_a_true_length_are_right() -> None:
    """3 of 4 runs of length 2 right, one short; a run beyond the longest kept is right when it is not short."""
    tally = Tally()
    tally.runs[0, 2, [1, 2]] = [1, 3]
    tally.runs[1, 15, [12, 15, 20]] = [1, 1, 2]
    rows = {row[:2]: row[2:] for row in tables(Evaluation(tally=tally))["homopolymers"].rows}
    assert rows["A", 2] == (4, 0.75, 0.25, 0.0, 1.75)
    assert rows["all", 2] == rows["A", 2]
    assert rows["C", 15] == (4, 0.75, 0.25, 0.0, 16.75)


def test_worst_kmers_are_those_seen_often() -> None:
    """An error rate of 1 in two sightings is less certain than 0.5 in a thousand."""
    tally = Tally()
    tally.kmers[0] = [500, 500, 0, 0]
    tally.kmers[1] = [0, 2, 0, 0]
    tally.kmers[2] = [900, 0, 50, 100]
    rows = tables(Evaluation(tally=tally))["kmers"].rows
    assert [row[:3] for row in rows] == [("AAAAA", 1000, 0.5), ("AAAAC", 2, 1.0), ("AAAAG", 1000, 0.15)]


def test_identity_steps_hold_every_read_once() -> None:
    evaluation = Evaluation()
    evaluation.identities.extend([0.9, 0.905, 0.91, 0.9999, 1.0])
    rows = tables(evaluation)["identity"].rows
    assert [row for row in rows if row[2]] == [(0.9, 0.905, 1), (0.905, 0.91, 1), (0.91, 0.915, 1), (0.995, 1.0, 2)]


def test_observed_q() -> None:
    np.testing.assert_allclose(observed_q([9999, 999999], [99.5, 999.5]), [20.0, 30.0], atol=1e-9)
    assert np.isfinite(observed_q(10, 0))


def test_calibration_error_is_the_mean_gap_over_bases() -> None:
    bases, errors = np.zeros(40), np.zeros(40)
    bases[10], errors[10] = 1e6, 1e5  # true
    bases[20], errors[20] = 3e6, 3e5  # claims 20, is 10
    bases[30], errors[30] = 9e9, 9e9  # beyond the range that is judged
    assert calibration_error(bases, errors) == pytest.approx(7.5, abs=1e-3)
    assert calibration_error(np.zeros(40), errors) is None


@pytest.mark.parametrize("which", ["calls", "reference"])
def test_a_missing_file_is_one_sentence(
    simulated: tuple[Path, Path], capsys: pytest.CaptureFixture[str], which: str
) -> None:
    calls, reference = ("none.fastq", simulated[1]) if which == "calls" else (simulated[0], "none.fa")
    assert main(["evaluate", str(calls), "--reference", str(reference), "--threads", "1"]) == 2
    assert re.fullmatch(r"basecaller evaluate: none\.f\w+: no such .*file.*\n", capsys.readouterr().err)


def test_nothing_mapped_is_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "ref.fa").write_text(">r\n" + "".join(rng.choice(list("ACGT"), 3000)) + "\n")
    (tmp_path / "calls.fa").write_text(">c\n" + "".join(rng.choice(list("ACGT"), 500)) + "\n")
    arguments = ["evaluate", str(tmp_path / "calls.fa"), "--reference", str(tmp_path / "ref.fa"), "--threads", "1"]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out) == {"reads": 1, "mapped": 0}
