"""Signal out of sequence, against what can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pore_by_hand import plain_pore

from basecaller.simulate.pore import load_pore
from basecaller.simulate.squiggle import Traits, draw_traits, simulate_signal

TRAITS = Traits(speed=400.0, noise=1.0, flicker=1.0, skip=1.0, creep=1.0, shift=90.0, scale=13.0, group=0)


def inner_levels(pore, codes):  # type: ignore[no-untyped-def]
    """Level of each base whose k-mer lies inside the sequence, looked up one by one; None elsewhere."""
    found = []
    for i in range(len(codes)):
        kmer = codes[i - pore.centre : i - pore.centre + pore.k]
        known = i >= pore.centre and len(kmer) == pore.k
        found.append(float(pore.levels[int("".join(map(str, kmer)), 4)]) if known else None)
    return found


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=60), st.integers(0, 1000))
def test_each_base_stands_ten_samples_at_the_level_of_its_kmer(bases: list[int], seed: int) -> None:
    pore = plain_pore()
    signal, starts = simulate_signal(pore, np.array(bases, np.uint8), np.random.default_rng(seed), TRAITS)
    assert starts.tolist() == list(range(0, 10 * len(bases), 10))
    assert signal.shape == (10 * len(bases),)
    for i, level in enumerate(inner_levels(pore, bases)):
        if level is not None:
            assert signal[10 * i : 10 * i + 10] == pytest.approx(level, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(300, 4500), st.integers(0, 1000))
@example(474.75, 52)
def test_a_sample_is_the_mean_of_the_levels_in_its_time(speed: float, seed: int) -> None:
    pore = plain_pore()
    codes = np.random.default_rng(seed).integers(0, 4, 50, dtype=np.uint8)
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(seed), dataclasses.replace(TRAITS, speed=speed))
    width = 4000 / speed
    levels = inner_levels(pore, codes.tolist())
    assert len(signal) == int(50 * width)
    for sample, value in enumerate(signal.tolist()):
        first, last = int(sample // width), min(int((sample + 1) / width), 49)
        if any(levels[i] is None for i in range(first, last + 1)):
            continue
        by_hand = sum(
            levels[i] * max(0.0, min(sample + 1, (i + 1) * width) - max(sample, i * width))
            for i in range(first, last + 1)
        )
        assert value == pytest.approx(by_hand, abs=1e-4)
    # the last base starts within the signal, however short it is
    assert np.abs(starts - np.minimum(np.arange(50) * width, len(signal) - 1)).max() <= 1.0


def test_pairs_of_bases_and_the_motor_count_where_they_stand() -> None:
    codes = np.random.default_rng(0).integers(0, 4, 400, dtype=np.uint8)
    plain, _ = simulate_signal(plain_pore(), codes, np.random.default_rng(5), TRAITS)
    additions = np.zeros((1, 16), np.float32)
    additions[0, 2 * 4 + 1] = 1.0  # a G there with a C here
    paired = plain_pore(pairs=np.array([[5, -2]]), pair_levels=additions)
    shifted, _ = simulate_signal(paired, codes, np.random.default_rng(5), TRAITS)
    added = (shifted - plain).reshape(400, 10)
    # base i is read in the k-mer that begins at i - 1, so the bases that count are i - 1 + 5 and i - 1 - 2
    for i in range(3, 400 - 5):
        assert added[i] == pytest.approx(float(codes[i + 4] == 2 and codes[i - 3] == 1), abs=1e-5)

    motor = plain_pore(motor=np.array([[np.log(2.0), 0.0, 0.0, 0.0]], np.float32), motor_offset=7)
    _, starts = simulate_signal(motor, codes, np.random.default_rng(5), TRAITS)
    for i in range(400 - 8):
        assert starts[i + 1] - starts[i] == (20 if codes[i + 7] == 0 else 10)


def test_groups_differ_in_their_levels() -> None:
    groups = np.zeros((2, 64), np.float32)
    groups[1] = 0.5
    codes = np.random.default_rng(0).integers(0, 4, 50, dtype=np.uint8)
    one, other = (
        simulate_signal(plain_pore(groups=groups), codes, np.random.default_rng(1),
                        dataclasses.replace(TRAITS, group=group))[0]
        for group in (0, 1)
    )
    assert other - one == pytest.approx(0.5, abs=1e-5)


def test_noise_has_the_size_and_colour_asked_for() -> None:
    kernel = np.array([0.8, 0.6], np.float32)
    pore = plain_pore(noise=np.full(64, 0.3, np.float32), noise_kernel=kernel)
    codes = np.random.default_rng(0).integers(0, 4, 20_000, dtype=np.uint8)
    noisy, _ = simulate_signal(pore, codes, np.random.default_rng(1), dataclasses.replace(TRAITS, noise=2.0))
    clean, _ = simulate_signal(plain_pore(), codes, np.random.default_rng(1), TRAITS)
    rest = (noisy - clean)[100:-100]
    assert rest.std() == pytest.approx(0.6, rel=0.02)
    assert np.corrcoef(rest[1:], rest[:-1])[0, 1] == pytest.approx(0.48, abs=0.02)
    assert np.corrcoef(rest[2:], rest[:-2])[0, 1] == pytest.approx(0.0, abs=0.02)


def test_drift_is_slow_and_has_the_size_asked_for() -> None:
    pore = plain_pore(drift_sd=np.array([0.2], np.float32), drift_samples=np.array([500.0], np.float32))
    codes = np.random.default_rng(0).integers(0, 4, 60_000, dtype=np.uint8)
    drifting, _ = simulate_signal(pore, codes, np.random.default_rng(1), TRAITS)
    clean, _ = simulate_signal(plain_pore(), codes, np.random.default_rng(1), TRAITS)
    drift = (drifting - clean)[100:-100]
    assert drift.std() == pytest.approx(0.2, rel=0.1)
    assert np.abs(np.diff(drift)).max() < 0.01
    assert abs(np.corrcoef(drift[1500:], drift[:-1500])[0, 1]) < 0.15


def test_reads_of_the_shipped_pore_are_as_it_says() -> None:
    pore = load_pore()
    rng = np.random.default_rng(2)
    speeds = np.log([draw_traits(pore, rng).speed for _ in range(4000)])
    assert speeds.mean() == pytest.approx(float(pore.speed[0]), abs=0.01)
    assert speeds.std() == pytest.approx(float(pore.speed[1]), rel=0.1)
    codes = rng.integers(0, 4, 30_000, dtype=np.uint8)
    signal, starts = simulate_signal(pore, codes, rng, dataclasses.replace(TRAITS, speed=450.0))
    assert (np.diff(starts) >= 0).all()
    assert starts[0] == 0
    assert starts[-1] < len(signal)
    assert len(signal) / len(codes) == pytest.approx(4000 / 450, rel=0.12)
    assert np.isfinite(signal).all()


def test_the_same_seed_gives_the_same_signal() -> None:
    pore, codes = load_pore(), np.random.default_rng(0).integers(0, 4, 500, dtype=np.uint8)
    first = simulate_signal(pore, codes, np.random.default_rng(9))
    again = simulate_signal(pore, codes, np.random.default_rng(9))
    other = simulate_signal(pore, codes, np.random.default_rng(10))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0][:1000], other[0][:1000])


def test_a_share_of_bases_passes_within_a_sample_some_of_them_in_a_row() -> None:
    pore = plain_pore(skip=np.array([0.04, 0.0, 0.3], np.float32))
    codes = np.random.default_rng(0).integers(0, 4, 40_000, dtype=np.uint8)
    _, starts = simulate_signal(pore, codes, np.random.default_rng(1), TRAITS)
    skipped = np.diff(starts) <= 2
    assert np.diff(starts)[~skipped].min() >= 9
    assert skipped.mean() == pytest.approx(0.04, rel=0.1)
    assert skipped[1:][skipped[:-1]].mean() == pytest.approx(0.3, abs=0.06)
    calm = dataclasses.replace(TRAITS, skip=0.0)
    _, starts = simulate_signal(pore, codes, np.random.default_rng(1), calm)
    assert (np.diff(starts) == 10).all()
