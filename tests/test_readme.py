"""The Python examples of README and docs run as printed, where the README's first command leaves a simulated run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import basecaller

CHECKOUT = Path(__file__).resolve().parents[1]
READS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    simulate = "from basecaller.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", simulate, "simulate", "--genome-length", "3000", "--reads", str(READS),
                    "--read-length", "1500", "-o", str(folder / "results/simulated/run")], check=True)
    call = "from basecaller.cli.basecall import entry; import sys; sys.exit(entry(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", call, str(folder / "results/simulated/run"), "-o",
                    str(folder / "results/calls.bam")], check=True)
    return folder


def run_examples(page: str, folder: Path) -> str:
    """All Python blocks of a page, one after another in one interpreter; what they print."""
    text = (CHECKOUT / page).read_text()
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme(folder: Path) -> None:
    assert len(re.findall(r"^\S+ \d+ Q[\d.]+$", run_examples("README.md", folder), re.MULTILINE)) == READS


def test_python_page(folder: Path) -> None:
    printed = run_examples("docs/python.md", folder)
    assert f"{READS} reads, 0 set aside" in printed
    assert re.search(r"^contig_1 \d+ (circular|linear) \d+x$", printed, re.MULTILINE)
    assert "edits by the signal" in printed
    assert "edits by the signal" in (folder / "my_assembly" / "contigs.tsv").read_text()
    fasta = (folder / "my_assembly" / "contigs.fasta").read_text().splitlines()
    metrics = json.loads((folder / "my_assembly" / "metrics.json").read_text())
    assert metrics["assembled_bases"] == sum(len(line) for line in fasta if not line.startswith(">"))
    assert "did you mean r9.4.1?" in printed
    assert (folder / "few.fastq.gz").stat().st_size > 0


def test_python_page_knows_every_public_name() -> None:
    text = (CHECKOUT / "docs/python.md").read_text()
    assert [name for name in basecaller.__all__ if not re.search(rf"\b{name}\b", text)] == []
