"""Files of a growing folder: each once, when it is whole, until none comes any more."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from basecaller.cli import watch
from basecaller.cli.basecall import entry
from basecaller.errors import UsageError
from basecaller.reads.source import open_reads


class Clock:
    """Stands for the module `time`: it goes on only in `sleep`, which is when the sequencer works, if there is one."""

    def __init__(self, sequencer: Iterator[None] | None = None) -> None:
        self.start, self.seconds, self.sequencer = time.time(), 0.0, sequencer or iter(())

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return self.start + self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        next(self.sequencer, None)


def test_a_file_is_given_once_and_not_while_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.fast5").write_bytes(b"x")
    os.utime(tmp_path / "old.fast5", (1e9, 1e9))
    growing, seen_at_size = tmp_path / "sub" / "growing.fast5", []
    growing.parent.mkdir()

    def sequencer() -> Iterator[None]:
        for _ in range(12):
            with growing.open("ab") as handle:
                handle.write(b"y")
            os.utime(growing, (clock.time(), clock.time()))
            yield

    clock = Clock(sequencer())
    monkeypatch.setattr(watch, "time", clock)
    given = []
    for files in watch.finished_files(tmp_path, timeout=60.0):
        given += files
        seen_at_size += [path.stat().st_size for path in files if path == growing]
    assert given == [tmp_path / "old.fast5", growing]
    assert seen_at_size == [12]
    assert 12 * watch.POLL_S + watch.SETTLED_S + 60 <= clock.seconds <= 12 * watch.POLL_S + watch.SETTLED_S + 70


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        next(watch.finished_files(tmp_path / "nowhere", None))


def test_what_comes_is_called_and_a_restart_does_not_repeat(
    random_model: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = sorted((shared_data / "ecoli_r94").glob("*.fast5"), key=lambda path: path.stat().st_size)[:4]
    folder, output = tmp_path / "run", tmp_path / "calls.fastq"
    folder.mkdir()
    command = ["--watch", str(folder), "--watch-timeout", "60", "--model", str(random_model), "--device", "cpu",
               "--threads", "1", "-o", str(output)]
    shutil.copy(paths[0], folder)
    shutil.copy(paths[1], folder)

    def sequencer() -> Iterator[None]:
        yield from [None] * 4
        shutil.copy(paths[2], folder)

    monkeypatch.setattr(watch, "time", Clock(sequencer()))
    assert entry(command) == 0
    ids = [next(iter(open_reads(path))).read_id for path in paths]

    def called() -> list[str]:
        return [line[1:].split()[0] for line in output.read_text().splitlines()[::4]]

    assert sorted(called()) == sorted(ids[:3])
    shutil.copy(paths[3], folder)
    monkeypatch.setattr(watch, "time", Clock())
    capsys.readouterr()
    assert entry([*command, "--resume"]) == 0
    assert "1 reads called" in capsys.readouterr().err
    assert called()[3:] == ids[3:]


def test_files_without_a_read_come_first(
    random_model: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = tmp_path / "run", tmp_path / "calls.fastq"
    folder.mkdir()
    (folder / "broken.fast5").write_bytes(b"\x89HDF\r\n\x1a\n cut short")

    def sequencer() -> Iterator[None]:
        yield from [None] * 10
        shutil.copy(min((shared_data / "ecoli_r94").glob("*.fast5"), key=lambda path: path.stat().st_size), folder)

    monkeypatch.setattr(watch, "time", Clock(sequencer()))
    assert entry(["--watch", str(folder), "--watch-timeout", "60", "--device", "cpu", "--threads", "1",
                  "-o", str(output)]) == 3
    assert output.read_text().count("\n") == 4


def test_nothing_ever_comes(random_model: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert entry(["--watch", str(tmp_path / "run"), "--watch-timeout", "0.1", "--model", str(random_model),
                  "--device", "cpu", "-o", str(tmp_path / "calls.bam")]) == 0
    assert (tmp_path / "calls.bam").exists()
