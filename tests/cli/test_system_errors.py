"""What the system refuses is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from basecaller.cli.main import main


@pytest.mark.parametrize("command", [
    "simulate --genome-length 2000 --reads 1 -o {file}",
    "simulate --genome-length 2000 --reads 1 -o {file}/run",
    "train --config config/models/r9.4.1_fast.toml --simulated 1 --steps 1 -o {file}",
    "evaluate {reads} --reference {reads} -o {file}",
])
def test_a_file_where_a_folder_should_be(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, reads = tmp_path / "taken", tmp_path / "reads.fasta"
    file.write_text("here already")
    reads.write_text(">a\n" + "ACGTTGCAAC" * 60 + "\n")
    assert main(command.format(file=file, reads=reads).split()) in (1, 2)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(file) in said
    assert said.startswith(f"basecaller {command.split()[0]}: ")
    assert file.read_text() == "here already"
