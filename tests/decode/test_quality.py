"""Phred scores and the mean Q rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.decode.quality import MAX_Q, MIN_Q, mean_qscore, phred


def test_phred_of_known_probabilities() -> None:
    assert phred([0.1, 0.01, 0.001, 0.5]).tolist() == [10, 20, 30, 3]
    assert phred([0.1, 0.01], scale=0.5, bias=2.0).tolist() == [7, 12]
    # 1 % that the network does not know of, on top of the 1 % that it does
    assert phred([0.01, 1e-9], ceiling=20.0).tolist() == [17, 20]


def test_phred_stays_within_its_bounds() -> None:
    assert phred([1.0, 0.0, 2.0, 1e-30]).tolist() == [MIN_Q, MAX_Q, MIN_Q, MAX_Q]
    assert phred([0.1], scale=100.0).tolist() == [MAX_Q]
    assert phred([0.1], bias=-100.0).tolist() == [MIN_Q]
    assert phred([]).dtype == np.uint8


def test_mean_q_is_the_mean_of_probabilities_not_of_scores() -> None:
    assert mean_qscore([10, 30]) == pytest.approx(-10 * math.log10((0.1 + 0.001) / 2))
    assert mean_qscore(np.full(100, 17, np.uint8)) == pytest.approx(17)
    assert mean_qscore([]) == MIN_Q


@given(st.lists(st.integers(MIN_Q, MAX_Q), min_size=1, max_size=50))
def test_mean_q_lies_between_the_worst_and_the_plain_mean(qualities: list[int]) -> None:
    value = mean_qscore(np.array(qualities, np.uint8))
    assert min(qualities) - 1e-9 <= value <= np.mean(qualities) + 1e-9
