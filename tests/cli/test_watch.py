"""Files of a growing folder: each once, when it is whole, until none comes any more."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from basecaller.cli import watch
from basecaller.cli.basecall import entry
from basecaller.errors import UsageError
from basecaller.reads.source import open_reads


def test_a_file_is_given_once_and_not_while_it_grows(tmp_path: Path) -> None:
    (tmp_path / "old.fast5").write_bytes(b"x")
    os.utime(tmp_path / "old.fast5", (1e9, 1e9))
    growing, seen_at_size = tmp_path / "sub" / "growing.fast5", []
    growing.parent.mkdir()

    def sequencer() -> None:
        for _ in range(12):
            with growing.open("ab") as handle:
                handle.write(b"y")
            time.sleep(0.05)

    writer = threading.Thread(target=sequencer)
    writer.start()
    given = []
    for files in watch.finished_files(tmp_path, timeout=0.5, poll=0.02, settled=0.3):
        given += files
        seen_at_size += [path.stat().st_size for path in files if path == growing]
    writer.join()
    assert given == [tmp_path / "old.fast5", growing]
    assert seen_at_size == [12]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        next(watch.finished_files(tmp_path / "nowhere", None))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = watch.finished_files
    monkeypatch.setattr(watch, "finished_files",
                        lambda folder, timeout: original(folder, timeout, poll=0.02, settled=0.1))
    return


def test_what_comes_is_called_and_a_restart_does_not_repeat(
    quick: None, random_model: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted((shared_data / "ecoli_r94").glob("*.fast5"), key=lambda path: path.stat().st_size)[:4]
    folder, output = tmp_path / "run", tmp_path / "calls.fastq"
    folder.mkdir()
    command = ["--watch", str(folder), "--watch-timeout", "0.6", "--model", str(random_model), "--device", "cpu",
               "--threads", "1", "-o", str(output)]
    shutil.copy(paths[0], folder)
    shutil.copy(paths[1], folder)
    late = threading.Timer(0.5, shutil.copy, (paths[2], folder))
    late.start()
    assert entry(command) == 0
    late.join()
    ids = [next(iter(open_reads(path))).read_id for path in paths]

    def called() -> list[str]:
        return [line[1:].split()[0] for line in output.read_text().splitlines()[::4]]

    assert sorted(called()) == sorted(ids[:3])
    shutil.copy(paths[3], folder)
    capsys.readouterr()
    assert entry([*command, "--resume"]) == 0
    assert "1 reads called" in capsys.readouterr().err
    assert called()[3:] == ids[3:]


def test_nothing_ever_comes(quick: None, random_model: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert entry(["--watch", str(tmp_path / "run"), "--watch-timeout", "0.1", "--model", str(random_model),
                  "--device", "cpu", "-o", str(tmp_path / "calls.bam")]) == 0
    assert (tmp_path / "calls.bam").exists()
