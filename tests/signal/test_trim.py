"""Where the strand starts: on hand-made starts whose truth is known, and on real reads."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from basecaller.signal.trim import find_start

RATE = 4000.0
Signal = npt.NDArray[np.float32]


def strand(seed: int = 0, samples: int = 20_000, dwell: float = 9) -> Signal:
    rng = np.random.default_rng(seed)
    dwells = 1 + rng.geometric(1 / (dwell - 1), samples)
    levels = np.repeat(np.clip(rng.normal(88, 15, samples), 50, 115), dwells)[:samples]
    return (levels + rng.normal(0, 1.8, samples)).astype(np.float32)


def level(current: float, samples: int, noise: float = 1.0) -> Signal:
    return (current + np.random.default_rng(9).normal(0, noise, samples)).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("open_pore", [0, 30, 200])
@pytest.mark.parametrize("waiting", [100, 900, 5_000, 20_000])
def test_open_pore_waiting_complex_and_leader_are_cut(seed: int, open_pore: int, waiting: int) -> None:
    start = np.concatenate([level(220, open_pore, 3), level(88, waiting), level(138, 90, 3)])
    signal = np.concatenate([start, strand(seed, samples=60_000)])
    assert abs(find_start(signal, RATE) - start.size) <= 80


@pytest.mark.parametrize("seed", range(5))
def test_waiting_without_a_leader_is_cut(seed: int) -> None:
    signal = np.concatenate([level(88, 3_000), strand(seed)])
    assert abs(find_start(signal, RATE) - 3_000) <= 80


@pytest.mark.parametrize("seed", range(20))
def test_a_read_that_begins_in_its_strand_is_left_alone(seed: int) -> None:
    assert find_start(strand(seed), RATE) <= 120


@pytest.mark.parametrize("seed", range(5))
def test_a_pause_within_the_strand_is_not_a_start(seed: int) -> None:
    signal = np.concatenate([strand(seed, 3_000), level(90, 2_000), strand(seed + 50)])
    assert find_start(signal, RATE) <= 120


def test_the_rule_is_in_seconds_not_samples() -> None:
    signal = np.concatenate([level(88, 1_000), level(138, 90), strand(3)])
    twice = np.repeat(signal, 2)
    assert find_start(twice, 2 * RATE) == 2 * find_start(signal, RATE)


@pytest.mark.parametrize("samples", [0, 1, 10, 39, 79, 80, 500])
def test_short_and_constant_reads(samples: int) -> None:
    assert find_start(np.full(samples, 90, np.float32), RATE) == 0
    assert 0 <= find_start(strand(1, samples), RATE) <= samples // 2


def test_never_more_than_half() -> None:
    signal = np.concatenate([level(88, 9_000), strand(1, 1_000)])
    assert find_start(signal, RATE) <= 5_000


def test_real_reads_begin_to_move_where_they_are_cut(shared_data: Path) -> None:
    """Before the cut little moves but the leader's peak; right after it the signal spans the strand's range."""
    paths = sorted((shared_data / "ecoli_r94").glob("*.fast5"))[:40]
    assert len(paths) == 40
    lively = waiting = 0
    for path in paths:
        with h5py.File(path) as handle:
            raw = next(iter(handle["Raw/Reads"].values()))["Signal"][:]
            channel = handle["UniqueGlobalKey/channel_id"].attrs
            current = ((raw + channel["offset"]) * (channel["range"] / channel["digitisation"])).astype(np.float32)
        start = find_start(current, RATE)
        spread = current[current.size // 2 :].std()
        lively += current[start : start + 400].std() > 0.5 * spread
        waiting += start < 400 or current[80 : start - 240].std() < 0.5 * spread
    assert lively == 40
    assert waiting >= 37
