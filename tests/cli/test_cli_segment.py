"""`basecaller segment` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from basecaller.cli.main import main


def test_exit_status_and_closing_line(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reads = str(shared_data / "human_rfc1_r941")
    table = tmp_path / "segments.tsv"
    assert main(["segment", reads, "-o", str(table), "--batches", "3"]) == 0
    assert "35 reads" in capsys.readouterr().err
    assert len(table.read_text().splitlines()) == 36
    (tmp_path / "empty.fast5").touch()
    assert main(["segment", reads, str(tmp_path / "empty.fast5"), "-o", str(table)]) == 3
    assert "1 set aside" in capsys.readouterr().err


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", str(tmp_path / "nothing"), "-o", str(tmp_path / "t.tsv")]) == 2
    assert main(["segment", str(tmp_path), "-o", str(tmp_path / "t.tsv"), "--batches", "0"]) == 2
    assert "--batches" in capsys.readouterr().err
