"""The Python examples of README and docs run as printed, where the README's first command leaves a simulated run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import basecaller

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    simulate = "from basecaller.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", simulate, "simulate", "--genome-length", "3000", "--reads", "3",
                    "--read-length", "1500", "-o", str(folder / "results/simulated/run")], check=True)
    return folder


def run_examples(page: str, folder: Path) -> str:
    """All Python blocks of a page, one after another in one interpreter; what they print."""
    text = (CHECKOUT / page).read_text()
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme(folder: Path) -> None:
    assert len(re.findall(r"^\S+ \d+ Q[\d.]+$", run_examples("README.md", folder), re.MULTILINE)) == 3


def test_python_page(folder: Path) -> None:
    printed = run_examples("docs/python.md", folder)
    assert "3 reads, 0 set aside" in printed
    assert "did you mean r9.4.1?" in printed
    assert (folder / "few.fastq.gz").stat().st_size > 0


def test_python_page_knows_every_public_name() -> None:
    text = (CHECKOUT / "docs/python.md").read_text()
    assert [name for name in basecaller.__all__ if not re.search(rf"\b{name}\b", text)] == []
