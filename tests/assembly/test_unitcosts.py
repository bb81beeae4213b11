"""Alignments at unit costs, against edlib and by hand."""

from __future__ import annotations

import edlib
import numpy as np
import pytest

from basecaller.assembly.unitcosts import fill_costs, partners
from basecaller.bases import decode, encode


@pytest.mark.parametrize("seed", range(5))
def test_costs_are_edit_distances(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t, x = rng.integers(0, 4, 30).astype(np.uint8), rng.integers(0, 4, 20 + 5 * seed).astype(np.uint8)
    table = np.empty((len(t) + 1, len(x) + 1), np.int32)
    fill_costs(t, x, table.reshape(-1))
    for i, j in ((30, len(x)), (10, 7), (1, len(x)), (30, 1)):
        assert table[i, j] == edlib.align(decode(t[:i]), decode(x[:j]))["editDistance"]


def test_bases_and_the_ones_that_they_are_aligned_to() -> None:
    t = encode("GATTACAGGCTC")
    assert list(partners(t, t)) == list(range(12))
    assert list(partners(t, encode("GATTCCCCCCCACAGGCTC"))) == [0, 1, 2, 3, *range(11, 19)]
    found = partners(t, encode("GATCTC"))
    assert list(found[:2]) == [0, 1] and list(found[-2:]) == [4, 5] and (np.diff(found) >= 0).all()
    assert list(partners(t, encode("CAGGCTC")))[5:] == list(range(7))
    assert set(partners(t, encode("CAGGCTC"))[:5]) == {0}
