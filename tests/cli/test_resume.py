"""A run that was killed, cut off or interrupted goes on, and ends with the records of an unbroken one."""

from __future__ import annotations

import dataclasses
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pysam
import pytest
import torch

from basecaller.cli.basecall import entry
from basecaller.model.store import load_model, save_model

COMMAND = [sys.executable, "-c", "import sys; from basecaller.cli.basecall import entry; sys.exit(entry())"]
SIDE, ASIDE = "calls.sequencing_summary.tsv", "calls.quarantine.tsv"


@pytest.fixture(scope="module")
def reads(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reads")
    for path in sorted((shared_data / "ecoli_r94").glob("*.fast5"), key=lambda path: path.stat().st_size)[:12]:
        shutil.copy(path, folder)
    (folder / "broken.fast5").write_bytes(b"\x89HDF\r\n\x1a\n cut short")
    return folder


@pytest.fixture(scope="module")
def options(random_model: Path, reads: Path) -> list[str]:
    return [str(reads), "--model", str(random_model), "--device", "cpu", "--threads", "1"]


def contents(path: Path) -> object:
    if path.suffix in (".bam", ".sam"):
        with pysam.AlignmentFile(str(path), check_sq=False) as handle:
            header = handle.header.to_dict()
            return header["RG"], [record.to_string() for record in handle.fetch(until_eof=True)]
    return path.read_bytes() if path.suffix != ".gz" else subprocess.check_output(["gzip", "-dc", path])


@pytest.fixture(scope="module")
def whole(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an unbroken run gives, in every format."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz"):
        assert entry([*options, "-q", "-o", str(folder / name)]) == 3
    return folder


def same(folder: Path, whole: Path, name: str) -> None:
    for file in (name, SIDE, ASIDE):
        assert contents(folder / file) == contents(whole / file), file
    assert {path.name for path in folder.iterdir()} == {name, SIDE, ASIDE}


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz"])
@pytest.mark.parametrize("seed", range(4))
def test_output_cut_anywhere(name: str, seed: int, whole: Path, options: list[str], tmp_path: Path) -> None:
    """The partial output ends at any byte, its summary at any other."""
    rng = random.Random(f"{name}{seed}")
    for file in (name, SIDE):
        data = (whole / file).read_bytes()
        (tmp_path / f"{file}.partial").write_bytes(data[: rng.randrange(len(data))])
    assert entry([*options, "-q", "-o", str(tmp_path / name), "--resume"]) == 3
    same(tmp_path, whole, name)


def test_a_finished_run_is_not_called_again(
    whole: Path, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("calls.bam", SIDE):
        shutil.copy(whole / file, tmp_path)
    assert entry([*options, "--resume", str(tmp_path / "calls.bam")]) == 3
    same(tmp_path, whole, "calls.bam")
    assert "0 reads called" in (err := capsys.readouterr().err)
    assert "12 more were there" in err


def test_without_resume_it_starts_afresh(whole: Path, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "calls.fastq.partial").write_bytes(b"@strange\nACGT\n+\n!!!!\n")
    assert entry([*options, "-q", "-o", str(tmp_path / "calls.fastq")]) == 3
    same(tmp_path, whole, "calls.fastq")


def test_pass_and_fail_and_folders_go_on_too(whole: Path, options: list[str], tmp_path: Path) -> None:
    header, *rows = [line.split("\t") for line in (whole / SIDE).read_text().splitlines()]
    middle = sorted(row[header.index("mean_qscore_template")] for row in rows)[len(rows) // 2]
    split = [*options, "-q", "--min-qscore", middle]
    for more in ([], ["--output-dir"]):
        unbroken, broken = tmp_path / f"a{len(more)}", tmp_path / f"b{len(more)}"
        for folder in (unbroken, broken):
            folder.mkdir()
            target = [*more, str(folder)] if more else ["-o", str(folder / "calls.bam")]
            limit = ["--max-reads", "5"] if folder == broken else []
            assert entry([*split, *target, *limit]) in (0, 3)
        assert entry([*split, *target, "--resume"]) == 3
        files = sorted(path.relative_to(unbroken) for path in unbroken.rglob("*") if path.is_file())
        assert sorted(path.relative_to(broken) for path in broken.rglob("*") if path.is_file()) == files
        assert len(files) == 4
        for file in files:
            assert contents(broken / file) == contents(unbroken / file)


def resumed_with(options: list[str], more: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said when a finished output is resumed with more options."""
    assert entry([*options, *more, "--resume"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", ["calls.bam", "calls.fastq"])
def test_only_the_same_model_and_options_go_on(
    name: str, options: list[str], random_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / name
    arguments = [*options, "-o", str(output)]
    assert entry([*arguments, "-q", "--max-reads", "3"]) in (0, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for more, said in (
        (["--no-trim"], "trim=adapters (now no)"),
        (["--precision", "bfloat16"], "precision=float32 (now bfloat16)"),
        (["--min-qscore", "7"], "min_qscore=no (now 7)"),
    ):
        assert said in resumed_with(arguments, more, capsys)
    # of the same name, but trained further
    other = tmp_path.parent / f"{tmp_path.name}-model"
    model = load_model(random_model)
    with torch.no_grad():
        next(iter(model.network.parameters()))[0] += 1e-3
    save_model(other, model.network, model.config)
    said = resumed_with(arguments, ["--model", str(other)], capsys)
    assert re.search(r"with model_digest=[0-9a-f]{12} \(now [0-9a-f]{12}\); --resume needs the same model", said)
    renamed = dataclasses.replace(model.config, name="accurate one")
    save_model(other, load_model(random_model).network, renamed)
    assert "with model=random (now accurate_one);" in resumed_with(arguments, ["--model", str(other)], capsys)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert entry([*arguments, "-q", "--resume", "--threads", "2", "--batch-size", "32"]) == 3


def test_the_header_says_what_the_reads_were_called_with(options: list[str], tmp_path: Path) -> None:
    assert entry([*options, "-q", "-o", str(tmp_path / "calls.sam"), "--max-reads", "1"]) in (0, 3)
    with pysam.AlignmentFile(str(tmp_path / "calls.sam"), check_sq=False) as handle:
        [program] = handle.header.to_dict()["PG"]
    assert re.fullmatch(r"device=cpu model=random model_digest=[0-9a-f]{12} precision=float32 trim=adapters",
                        program["DS"])


def start_endless(arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """The command on a watched folder: however slow this machine is, it has not ended before it is stopped."""
    return start(["--watch", *arguments], folder)


def start(arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, and with Ctrl-C at work also where the tests run in the background and ignore it."""
    return subprocess.Popen([*COMMAND, *arguments], cwd=folder, stderr=subprocess.PIPE, start_new_session=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def wait_for_size(path: Path, size: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not (path.exists() and path.stat().st_size >= size):
        time.sleep(0.005)


@pytest.fixture(scope="module")
def long_run(shared_data: Path, random_model: Path) -> list[str]:
    """Enough reads that a run is mostly stopped among them."""
    return [str(shared_data / "ecoli_r94"), "--model", str(random_model), "--device", "cpu", "--threads", "1"]


@pytest.fixture(scope="module")
def long_whole(long_run: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an unbroken long run gives."""
    folder = tmp_path_factory.mktemp("long")
    for name in ("calls.bam", "calls.fastq"):
        assert entry([*long_run, "-q", "-o", str(folder / name)]) == 0
    return folder


@pytest.mark.parametrize(("name", "parts"), [("calls.fastq", (0.4,)), ("calls.bam", (0.1, 0.7))])
def test_kill_9_again_and_again(
    name: str, parts: tuple[float, ...], long_whole: Path, long_run: list[str], tmp_path: Path
) -> None:
    rng = random.Random(name)
    arguments = [*long_run, "-o", name, "--resume"]
    growing = tmp_path / f"{SIDE}.partial"
    for part in parts:
        process = start_endless(arguments, tmp_path)
        wait_for_size(growing, int(part * (long_whole / SIDE).stat().st_size), process)
        time.sleep(rng.random() / 20)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / name).exists()
    process = start(arguments, tmp_path)
    _, err = process.communicate()
    assert process.returncode == 0, err.decode()
    if name == "calls.fastq":  # BAM reaches the disk in blocks, of which so small a run has but one
        assert b"more were there" in err
    same(tmp_path, long_whole, name)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_how_to_go_on(
    how: signal.Signals, long_run: list[str], long_whole: Path, tmp_path: Path
) -> None:
    process = start_endless([*long_run, "-o", "calls.fastq"], tmp_path)
    wait_for_size(tmp_path / "calls.fastq.partial", 5_000, process)
    os.killpg(process.pid, how)
    _, err = process.communicate()
    assert process.returncode == 130
    said = err.decode().splitlines()
    assert len(said) == 1
    assert "--resume" in said[0] and "interrupted" in said[0]
    assert not (tmp_path / "calls.fastq").exists()
    assert not (tmp_path / ASIDE).exists()
    assert entry([*long_run, "-q", "-o", str(tmp_path / "calls.fastq"), "--resume"]) == 0
    same(tmp_path, long_whole, "calls.fastq")
