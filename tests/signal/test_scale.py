"""Scaling against numpy's own definitions and the properties a scaling must have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.signal.scale import MIN_SCALE, Scaling, med_mad, quantile


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3), st.floats(-40, 80))
def test_normalised_signal_does_not_depend_on_gain_and_offset(seed: int, gain: float, offset: float) -> None:
    signal = np.random.default_rng(seed).normal(90, 14, 501).astype(np.float32)
    other = signal * np.float32(gain) + np.float32(offset)
    np.testing.assert_allclose(med_mad(signal).apply(signal), med_mad(other).apply(other), atol=2e-3)


def test_med_mad_of_normal_data_is_its_mean_and_deviation() -> None:
    signal = np.random.default_rng(1).normal(90, 14, 200_000).astype(np.float32)
    scaling = med_mad(signal)
    assert scaling.shift == pytest.approx(90, abs=0.2)
    assert scaling.scale == pytest.approx(14, abs=0.2)
    assert scaling.method == "med_mad"
    assert scaling.apply(signal).dtype == np.float32


def test_med_mad_does_not_care_about_spikes() -> None:
    signal = np.random.default_rng(1).normal(90, 14, 10_000).astype(np.float32)
    spiked = signal.copy()
    spiked[::100] = 2_000
    assert med_mad(spiked).shift == pytest.approx(med_mad(signal).shift, abs=0.5)
    assert med_mad(spiked).scale == pytest.approx(med_mad(signal).scale, abs=0.5)


def test_quantile_by_hand() -> None:
    scaling = quantile(np.arange(101, dtype=np.float32))  # q20 = 20, q90 = 90
    assert scaling.shift == pytest.approx(0.51 * 110)
    assert scaling.scale == pytest.approx(0.53 * 70)
    assert scaling.method == "quantile"
    assert quantile(np.zeros(10, np.float32)).shift == 10


@pytest.mark.parametrize("method", [med_mad, quantile])
def test_a_constant_signal_stays_finite(method: Callable[[npt.NDArray[np.float32]], Scaling]) -> None:
    scaling = method(np.full(50, 73, np.float32))
    assert scaling.scale == MIN_SCALE
    assert np.isfinite(scaling.apply(np.full(50, 73, np.float32))).all()
