"""One made-up run for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_run import Truth, make_run


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_run(tmp_path_factory.mktemp("runs") / "phage", reads=250)


@pytest.fixture(scope="session")
def reference(truth: Truth) -> Path:
    return truth.folder / "genome.fasta"
