"""Which jobs the pipeline plans, after a real run of a model that calls nonsense."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import time
from pathlib import Path

import jsonschema
import pysam
import pytest
import yaml

from .conftest import CHECKOUT, Snakemake, run_snakemake, write_model, write_raw

MINE = ("--configfile", "mine.yaml")


def planned(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from a dry run's table (printed twice: before and after the jobs)."""
    table = output.rpartition("Job stats:")[2]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the pipeline is through with two raw files, in two batches."""
    folder = tmp_path_factory.mktemp("through")
    write_raw(folder / "run", "a", seed=1)
    write_raw(folder / "run/deep/er", "b", seed=2)
    write_model(folder / "model")
    (folder / "mine.yaml").write_text(
        "reads: [run]\nsegment: {batches: 2}\nbasecall: {model: model, device: cpu}\nassemble: {threads: 1}\n")
    run_snakemake(folder, *MINE)
    return folder


@pytest.fixture
def finished(through: Path, tmp_path: Path) -> Path:
    """A copy of `through` that a test may spoil."""
    shutil.copytree(through, tmp_path, dirs_exist_ok=True)
    return tmp_path


def dry(snakemake: Snakemake, *options: str) -> dict[str, int]:
    return planned(snakemake("-n", *MINE, *options).stdout)


def called(folder: Path) -> list[str]:
    """Names of the joined reads, in order."""
    with pysam.AlignmentFile(str(folder / "results/calls.bam"), check_sq=False) as bam:
        return [str(record.query_name) for record in bam]


def test_default_simulates_first(snakemake: Snakemake) -> None:
    jobs = planned(snakemake("-n").stdout)
    assert jobs["simulate"] == 1
    assert jobs["basecall"] == yaml.safe_load((CHECKOUT / "config/config.yaml").read_text())["segment"]["batches"]
    assert jobs["report"] == jobs["assemble"] == jobs["segment"] == 1


def test_every_read_once_and_every_file_there(through: Path) -> None:
    names = called(through)
    assert len(names) == len(set(names)) == 6
    results = through / "results"
    with (results / "sequencing_summary.tsv").open() as table:
        assert [row["read_id"] for row in csv.DictReader(table, delimiter="\t")] == names
    assert (results / "quarantine.tsv").read_text() == "path\tread_id\treason\n"
    assert yaml.safe_load((results / "config.yaml").read_text())["segment"] == {"batches": 2}
    for name in ("report.html", "assembly/contigs.fasta", "assembly/assembly.gfa", "logs/basecall/0-0001.log"):
        assert (results / name).exists(), name
    for job in ("segment/0", "basecall/0-0000", "basecall/0-0001", "collect", "assemble", "report"):
        assert json.loads((results / f"benchmarks/{job}.jsonl").read_text())["s"] > 0


def test_nothing_left_to_do(finished: Path, snakemake: Snakemake) -> None:
    assert "Nothing to be done" in snakemake("-n", *MINE).stdout


def test_added_files_are_called_alone(finished: Path, snakemake: Snakemake) -> None:
    """New files are a group with batches as their size asks for; the old batches are left as they are."""
    before = called(finished)
    old = {path: path.stat().st_mtime_ns for path in (finished / "results/batches").rglob("*.bam")}
    write_raw(finished / "run", "0_comes_first", seed=3, reads=2)
    (finished / "run/broken.fast5").write_bytes(b"nothing")
    assert dry(snakemake)["basecall"] == 1
    snakemake(*MINE)
    assert len(called(finished)) == 8
    assert called(finished)[:6] == before
    assert {path: path.stat().st_mtime_ns for path in old} == old
    assert "run/broken.fast5\t" in (finished / "results/quarantine.tsv").read_text()
    assert "Nothing to be done" in snakemake("-n", *MINE).stdout


def test_changed_file_redoes_its_group(finished: Path, snakemake: Snakemake) -> None:
    later = time.time() + 10
    os.utime(finished / "run/a_0.pod5", (later, later))
    jobs = dry(snakemake)
    assert (jobs["segment"], jobs["basecall"]) == (1, 2)


def test_removed_file_redoes_its_group(finished: Path, snakemake: Snakemake) -> None:
    (finished / "run/a_0.pod5").unlink()
    jobs = dry(snakemake)
    assert (jobs["segment"], jobs["basecall"]) == (1, 2)


def test_batch_that_failed_alone_is_redone(finished: Path, snakemake: Snakemake) -> None:
    for name in ("batches/0-0001/calls.bam", "calls.bam", "assembly/contigs.fasta", "report.html"):
        (finished / "results" / name).unlink()
    jobs = dry(snakemake)
    assert jobs["basecall"] == 1
    assert "segment" not in jobs


def test_another_assembler_calls_nothing_again(finished: Path, snakemake: Snakemake, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("minimap2", "miniasm", "racon"):
        (tmp_path / "bin" / program).parent.mkdir(exist_ok=True)
        (tmp_path / "bin" / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    jobs = dry(snakemake, "--config", "assemble={assembler: miniasm}")
    assert "basecall" not in jobs
    assert jobs["miniasm"] == jobs["assemble"] == jobs["report"] == 1


def test_polishing_is_a_stage_of_its_own(finished: Path, snakemake: Snakemake) -> None:
    """auto polishes the user's reads, and a simulated run not; turned off, nothing is called again."""
    assert (finished / "results/draft/contigs.fasta").exists()
    assert (finished / "results/assembly/metrics.json").exists()
    off = dry(snakemake, "--config", "assemble={polish: off}")
    assert "polish" not in off and "basecall" not in off
    assert off["assemble"] == off["report"] == 1
    assert "polish" not in planned(snakemake("-n").stdout)
    assert planned(snakemake("-n", "--config", "assemble={polish: on}").stdout)["polish"] == 1


def test_missing_assembler_is_named(snakemake: Snakemake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("bash", "which"):  # what snakemake itself looks for
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    monkeypatch.setenv("PATH", str(tmp_path))
    done = snakemake("-n", "--config", "assemble={assembler: flye}", status=1)
    assert "flye needs flye on the PATH" in done.stdout + done.stderr


def test_mistyped_setting_is_refused(snakemake: Snakemake) -> None:
    done = snakemake("-n", "--config", "raeds=[]", status=1)
    assert "raeds" in done.stdout + done.stderr


@pytest.mark.parametrize(("stage", "name", "value"), [
    ("basecall", "modle", "x"), ("basecall", "device", "gpu"), ("segment", "batches", 0),
    ("assemble", "assembler", "canu"), ("assemble", "polish", "much"), ("simulate", "coverage", "much"),
])
def test_schema_refuses(stage: str, name: str, value: object) -> None:
    settings = yaml.safe_load((CHECKOUT / "config/config.yaml").read_text())
    schema = json.loads((CHECKOUT / "config/config.schema.json").read_text())
    jsonschema.validate(settings, schema)
    settings[stage][name] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(settings, schema)


def test_mistyped_path_is_named(tmp_path: Path, snakemake: Snakemake) -> None:
    (tmp_path / "run").mkdir()
    done = snakemake("-n", "--config", 'reads=["rnu"]', status=1)
    assert "did you mean run" in done.stdout + done.stderr


def test_folder_without_raw_files_is_named(tmp_path: Path, snakemake: Snakemake) -> None:
    (tmp_path / "run").mkdir()
    done = snakemake("-n", "--config", 'reads=["run"]', status=1)
    assert "no FAST5, POD5 or SLOW5 file in run" in done.stdout + done.stderr


def test_schema_knows_every_setting() -> None:
    """The commented defaults and the schema name the same settings, and nothing else is let through."""
    def check(settings: dict[str, object], schema: dict[str, object]) -> None:
        assert schema["additionalProperties"] is False
        assert set(settings) == set(schema["properties"]) == set(schema["required"])
        for name, value in settings.items():
            if isinstance(value, dict):
                check(value, schema["properties"][name])

    check(yaml.safe_load((CHECKOUT / "config/config.yaml").read_text()),
          json.loads((CHECKOUT / "config/config.schema.json").read_text()))


def test_lint_is_clean(snakemake: Snakemake) -> None:
    done = snakemake("--lint")
    assert "good condition" in done.stdout + done.stderr


def test_five_thousand_batches_resolve(tmp_path: Path, snakemake: Snakemake) -> None:
    """A cluster's run is planned in seconds; one that grew with the square of the batches would not end here."""
    (tmp_path / "big.yaml").write_text("segment: {batches: 5000}")
    assert snakemake("--dag", "--configfile", "big.yaml").stdout.count('label = "basecall') == 5000
