"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real signal beside the checkout; skips where it is absent (a user's machine)."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real reads in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA
