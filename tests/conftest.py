"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# The networks of the tests are tiny: one thread is faster than several that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow or busy machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None,
                                     suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real signal beside the checkout; skips where it is absent (a user's machine)."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real reads in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA
