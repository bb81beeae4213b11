"""Scaling against numpy's own definitions and the properties a scaling must have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.model.config import ScalingMethod
from basecaller.signal.scale import METHODS, MIN_SCALE, WINDOW, Scaling, level_table, med_mad, quantile
from basecaller.simulate.genome import random_genome
from basecaller.simulate.pore import load_pore
from basecaller.simulate.squiggle import draw_traits, simulate_signal

levels = METHODS["r9.4.1_levels"]


@pytest.mark.parametrize("method", [med_mad, levels])
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3), st.floats(-40, 80))
def test_normalised_signal_does_not_depend_on_gain_and_offset(
    method: Callable[[npt.NDArray[np.float32]], Scaling], seed: int, gain: float, offset: float
) -> None:
    signal = np.random.default_rng(seed).normal(90, 14, 501).astype(np.float32)
    other = signal * np.float32(gain) + np.float32(offset)
    np.testing.assert_allclose(method(signal).apply(signal), method(other).apply(other), atol=2e-3)


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


def test_levels_knows_better_than_med_mad_where_the_levels_are() -> None:
    """On reads of all compositions, which it was not made from."""
    pore, rng = load_pore("r9.4.1"), np.random.default_rng(99)
    off: dict[ScalingMethod, list[tuple[float, float]]] = {"med_mad": [], "r9.4.1_levels": []}
    for _ in range(240):
        traits = draw_traits(pore, rng)
        codes = random_genome(int(rng.integers(500, 4000)), rng, rng.uniform(0.3, 0.7))
        current = traits.current(simulate_signal(pore, codes, rng, traits)[0])
        for name, found in off.items():
            scaling = METHODS[name](current)
            found.append(((scaling.shift - traits.shift) / traits.scale, np.log(scaling.scale / traits.scale)))
    rough, exact = (np.std(found, axis=0) for found in off.values())
    assert exact[0] < 0.9 * rough[0] and exact[1] < 0.7 * rough[1]
    middle, width = level_table("r9.4.1_levels").typical  # where the scaled signal has the levels
    assert np.mean(off["r9.4.1_levels"], axis=0) == pytest.approx([-middle / width, -np.log(width)], abs=0.02)


def test_levels_does_not_care_about_stalls_nor_about_odd_windows() -> None:
    pore, rng = load_pore("r9.4.1"), np.random.default_rng(5)
    signal = simulate_signal(pore, random_genome(6000, rng), rng)[0] * np.float32(14) + np.float32(90)
    assert len(signal) > 5 * WINDOW
    stalled = np.concatenate([signal[:30_000], np.full(WINDOW, 61, np.float32), signal[30_000:],
                              np.full(WINDOW // 2, 230, np.float32)])
    assert levels(stalled).shift == pytest.approx(levels(signal).shift, abs=1)
    assert levels(stalled).scale == pytest.approx(levels(signal).scale, rel=0.05)
    assert med_mad(stalled).scale > 1.2 * med_mad(signal).scale
    wild = np.random.default_rng(1).choice([40.0, 41.0, 200.0], 5000).astype(np.float32)
    table, rough = level_table("r9.4.1_levels"), med_mad(wild)
    assert abs(levels(wild).scale / rough.scale - 1) <= table.furthest[1] + 1e-6


@pytest.mark.parametrize("method", [med_mad, quantile, levels])
def test_a_constant_signal_stays_finite(method: Callable[[npt.NDArray[np.float32]], Scaling]) -> None:
    scaling = method(np.full(50, 73, np.float32))
    assert scaling.scale == MIN_SCALE
    assert np.isfinite(scaling.apply(np.full(50, 73, np.float32))).all()
