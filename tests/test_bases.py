"""The table of base codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.bases import GAP, UNKNOWN, decode, encode, n50, reverse_complement


def test_letters_of_either_case_unknown_ones_and_gaps() -> None:
    assert encode("ACGTUacgtu-NRé").tolist() == [0, 1, 2, 3, 3, 0, 1, 2, 3, 3, GAP, UNKNOWN, UNKNOWN, UNKNOWN]


@given(st.text("ACGTN-", max_size=60))
def test_there_and_back(sequence: str) -> None:
    assert decode(encode(sequence)) == sequence
    assert reverse_complement(reverse_complement(encode(sequence))).tolist() == encode(sequence).tolist()
    assert reverse_complement(encode(sequence)).flags.c_contiguous


@pytest.mark.parametrize(("lengths", "half"), [([], 0), ([7], 7), ([5, 5], 5), ([4, 1, 1, 2], 4), ([4, 1, 1, 3], 3)])
def test_n50(lengths: list[int], half: int) -> None:
    assert n50(lengths) == half
