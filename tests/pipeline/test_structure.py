"""Which jobs the pipeline plans: nothing here runs one."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from .conftest import CHECKOUT, Snakemake, run_snakemake

TABLES = ("calls.bam", "sequencing_summary.tsv", "quarantine.tsv")
RUN = ("--config", 'reads=["run"]')


def planned(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from a dry run's table (printed twice: before and after the jobs)."""
    table = output.rpartition("Job stats:")[2]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the pipeline is through with two raw files, by hand, with 3 batches."""
    folder = tmp_path_factory.mktemp("through")
    for name in ("a.pod5", "deep/er/b.fast5"):
        write(folder / "run" / name, "x" * 1000)
    write(folder / "mine.yaml", "segment: {batches: 3}")
    outputs = ["config.yaml", "segments/0.tsv",
               *(f"batches/0-000{batch}/{name}" for batch in range(3) for name in TABLES), *TABLES,
               "segments.tsv", "assembly/contigs.fasta", "assembly/assembly.gfa", "report.html"]
    for name in outputs:
        write(folder / "results" / name)
    write(folder / "results/segments/0.files", "run/a.pod5\nrun/deep/er/b.fast5\n")
    run_snakemake(folder, "--touch", "--configfile", "mine.yaml", *RUN)
    return folder


@pytest.fixture
def finished(through: Path, tmp_path: Path) -> Path:
    """A copy of `through` that a test may spoil."""
    shutil.copytree(through, tmp_path, dirs_exist_ok=True)
    return tmp_path


def dry(snakemake: Snakemake, *options: str) -> dict[str, int]:
    return planned(snakemake("-n", "--configfile", "mine.yaml", *options).stdout)


def test_default_simulates_first(snakemake: Snakemake) -> None:
    jobs = planned(snakemake("-n").stdout)
    assert jobs["simulate"] == 1
    assert jobs["basecall"] == yaml.safe_load((CHECKOUT / "config/config.yaml").read_text())["segment"]["batches"]
    assert jobs["report"] == jobs["assemble"] == jobs["segment"] == 1


def test_nothing_left_to_do(finished: Path, snakemake: Snakemake) -> None:
    assert "Nothing to be done" in snakemake("-n", "--configfile", "mine.yaml", *RUN).stdout


def test_added_files_are_a_group_of_their_own(finished: Path, snakemake: Snakemake) -> None:
    """New files get batches as their size asks for (1000 of 2000 bytes: 2 of 3); what is called stays as it is."""
    write(finished / "run" / "new.blow5", "x" * 1000)
    jobs = dry(snakemake, *RUN)
    assert jobs == {"segment": 1, "basecall": 2, "collect": 1, "assemble": 1, "report": 1, "all": 1, "total": 7}


def test_changed_file_redoes_its_group(finished: Path, snakemake: Snakemake) -> None:
    later = time.time() + 10
    os.utime(finished / "run/a.pod5", (later, later))
    assert dry(snakemake, *RUN)["basecall"] == 3


def test_batch_that_failed_alone_is_redone(finished: Path, snakemake: Snakemake) -> None:
    for name in ("batches/0-0001/calls.bam", "calls.bam", "assembly/contigs.fasta", "report.html"):
        (finished / "results" / name).unlink()
    jobs = dry(snakemake, *RUN)
    assert jobs["basecall"] == 1
    assert "segment" not in jobs


def test_mistyped_setting_is_refused(snakemake: Snakemake) -> None:
    done = snakemake("-n", "--config", "raeds=[]", status=1)
    assert "raeds" in done.stdout + done.stderr


@pytest.mark.parametrize(("stage", "name", "value"), [
    ("basecall", "modle", "x"), ("basecall", "device", "gpu"), ("segment", "batches", 0),
    ("assemble", "assembler", "canu"), ("simulate", "coverage", "much"),
])
def test_schema_refuses(stage: str, name: str, value: object) -> None:
    settings = yaml.safe_load((CHECKOUT / "config/config.yaml").read_text())
    schema = json.loads((CHECKOUT / "config/config.schema.json").read_text())
    jsonschema.validate(settings, schema)
    settings[stage][name] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(settings, schema)


def test_mistyped_path_is_named(finished: Path, snakemake: Snakemake) -> None:
    done = snakemake("-n", "--config", 'reads=["rnu"]', status=1)
    assert "did you mean run" in done.stdout + done.stderr


def test_folder_without_raw_files_is_named(tmp_path: Path, snakemake: Snakemake) -> None:
    (tmp_path / "run").mkdir()
    done = snakemake("-n", *RUN, status=1)
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
    write(tmp_path / "big.yaml", "segment: {batches: 5000}")
    assert snakemake("--dag", "--configfile", "big.yaml").stdout.count('label = "basecall') == 5000
