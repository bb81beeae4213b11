"""What people run next: NanoPlot and pycoQC must take our summary and reads as they are.

They are large programs with pins of their own, so that no environment of this package installs them; each test runs
where the environment variable NANOPLOT or PYCOQC names the program (.ci/run installs them so) or it is on the PATH
(NanoPlot 1.4x; pycoQC 2.5.2, which needs `pandas<2 numpy<2 scipy<1.14 setuptools<81`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from basecaller.decode.call import Call
from basecaller.output import OutputHeader, SummaryWriter, open_writer

MakeCall = Callable[..., Call]


def program(name: str) -> str:
    found = shutil.which(os.environ.get(name.upper(), name))
    if found is None:
        pytest.skip(f"{name} is not installed (neither {name.upper()} names it nor is it on the PATH)")
    return found


@pytest.fixture
def calls(make_call: MakeCall) -> list[Call]:
    lengths = np.random.default_rng(2).gamma(2.0, 800.0, 300).astype(int) + 200
    return [make_call(n, length=int(length)) for n, length in enumerate(lengths)]


@pytest.fixture
def outputs(tmp_path: Path, calls: list[Call]) -> Path:
    with (
        SummaryWriter(tmp_path / "sequencing_summary.tsv", min_qscore=8.0) as summary,
        open_writer(tmp_path / "calls.bam", header=OutputHeader()) as bam,
        open_writer(tmp_path / "calls.fastq.gz", header=OutputHeader()) as fastq,
    ):
        for call in calls:
            for writer in (summary, bam, fastq):
                writer.write(call)
    return tmp_path


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--summary", "sequencing_summary.tsv"],
        ["--ubam", "calls.bam"],
        ["--fastq", "calls.fastq.gz"],
    ],
)
def test_nanoplot_counts_our_reads_and_bases(outputs: Path, calls: list[Call], arguments: list[str]) -> None:
    option, name = arguments
    run(program("NanoPlot"), option, str(outputs / name), "-o", str(outputs / "plots"), "--tsv_stats", "--no_static")
    text = (outputs / "plots" / "NanoStats.txt").read_text()
    values = dict(re.findall(r"^(\S+)\t(\S+)", text, re.MULTILINE))
    assert float(values["number_of_reads"]) == len(calls)
    assert float(values["number_of_bases"]) == sum(len(call.sequence) for call in calls)
    assert float(values["mean_qual"]) == pytest.approx(np.mean([call.mean_qscore for call in calls]), abs=1.0)


def test_pycoqc_counts_our_reads(outputs: Path, calls: list[Call]) -> None:
    report = outputs / "report.json"
    run(program("pycoQC"), "-f", str(outputs / "sequencing_summary.tsv"), "-o", str(outputs / "report.html"),
        "-j", str(report), "--min_pass_qual", "8")
    basecall = json.loads(report.read_text())["All Reads"]["basecall"]
    assert basecall["reads_number"] == len(calls)
    assert basecall["bases_number"] == sum(len(call.sequence) for call in calls)
