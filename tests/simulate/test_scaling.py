"""The table by which reads are scaled: learnt from simulated reads, and the shipped one with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from basecaller.cli.main import main
from basecaller.signal.scale import level_table
from basecaller.simulate.pore import load_pore
from basecaller.simulate.scaling import as_json, learn_scaling


def test_the_shipped_table_is_what_learning_gives() -> None:
    shipped = level_table("r9.4.1_levels")
    table = learn_scaling(load_pore("r9.4.1"), np.random.default_rng(8), reads=600)
    np.testing.assert_array_equal(table.at, shipped.at)
    np.testing.assert_allclose(table.typical, shipped.typical, atol=0.02)
    np.testing.assert_allclose(table.furthest, shipped.furthest, rtol=0.2)
    shapes = np.random.default_rng(2).normal(size=(50, 4000))
    quantiles = np.quantile(shapes, table.at, axis=1)
    for ours, theirs in ((table.shift, shipped.shift), (table.scale, shipped.scale)):
        np.testing.assert_allclose(ours[0] + ours[1:] @ quantiles, theirs[0] + theirs[1:] @ quantiles, atol=0.1)


def test_a_table_is_written_as_it_is_read() -> None:
    shipped = level_table("r9.4.1_levels")
    values = json.loads(as_json(shipped))
    assert values["shift"] == shipped.shift.tolist() and tuple(values["furthest"]) == shipped.furthest


def test_a_table_of_an_unknown_pore_is_not_written(tmp_path: Path) -> None:
    assert main(["simulate", "scaling", "--pore", "none", "-o", str(tmp_path / "t.json")]) != 0
    assert not (tmp_path / "t.json").exists()
