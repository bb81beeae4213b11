"""The public interface."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import basecaller


def test_every_public_name_is_there_and_what_it_says() -> None:
    assert set(basecaller.__all__) == set(basecaller._ROOMS) <= set(dir(basecaller))
    for name in basecaller.__all__:
        assert getattr(basecaller, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Basecaler'"):
        basecaller.__getattr__("Basecaler")


def test_importing_the_package_alone_does_not_import_torch() -> None:
    code = "import sys, basecaller; assert not {'torch', 'numba', 'h5py'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numba_gets_a_cache_where_neither_package_nor_home_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(os, "access", lambda *_: True)
    basecaller._give_numba_a_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(os, "access", lambda *_: False)
    basecaller._give_numba_a_cache()
    assert os.environ["NUMBA_CACHE_DIR"].endswith(f"basecaller-numba-{os.getuid()}")
    monkeypatch.delenv("NUMBA_CACHE_DIR")

    def nobody() -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)  # a container's user without a name and HOME
    basecaller._give_numba_a_cache()
    assert os.environ["NUMBA_CACHE_DIR"].endswith(f"basecaller-numba-{os.getuid()}")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/mine")
    basecaller._give_numba_a_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/mine"
