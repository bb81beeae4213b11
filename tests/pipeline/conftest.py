"""How the tests run the pipeline: in a folder of their own, from this checkout's Snakefile."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("snakemake", reason="the pipeline needs Python 3.11 and snakemake")

CHECKOUT = Path(__file__).resolve().parents[2]

Snakemake = Callable[..., "subprocess.CompletedProcess[str]"]


def run_snakemake(folder: Path, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run this checkout's Snakefile in `folder`; fails the test on a wrong exit status."""
    command = [sys.executable, "-m", "snakemake", "-s", str(CHECKOUT / "Snakefile"), "-d", str(folder),
               "--cores", "2", "--nocolor", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture
def snakemake(tmp_path: Path) -> Snakemake:
    """`snakemake(*options)` in the test's folder."""
    return functools.partial(run_snakemake, tmp_path)
