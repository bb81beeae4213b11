"""A read becomes what the network sees; what cannot be used says why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from basecaller.errors import ReadError
from basecaller.model.config import SignalConfig
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.signal.prepare import prepare

CALIBRATION = Calibration(offset=10.0, range=1400.0, digitisation=8192.0)


def read(signal: np.ndarray, calibration: Calibration = CALIBRATION, rate: float = 4000.0) -> Read:
    return Read(ReadInfo("r1", calibration, rate, signal.size, path="a.fast5"), signal)


def strand() -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.repeat(rng.integers(350, 700, 2_000), 9).astype(np.int16)


def test_what_the_network_sees_can_be_turned_back_into_current() -> None:
    raw = read(np.concatenate([np.full(1_000, 500, np.int16), strand()]))
    for method in ("med_mad", "quantile"):
        prepared = prepare(raw, SignalConfig(scaling=method))
        assert abs(prepared.trimmed - 1_000) <= 80
        assert prepared.signal.dtype == np.float32
        assert prepared.info is raw.info
        current = prepared.signal * prepared.scaling.scale + prepared.scaling.shift
        np.testing.assert_allclose(current, raw.picoamperes()[prepared.trimmed :], rtol=1e-4)
        assert prepared.scaling.method == method


def test_the_waiting_stretch_does_not_bend_the_scaling() -> None:
    alone = prepare(read(strand()), SignalConfig()).scaling
    after = prepare(read(np.concatenate([np.full(9_000, 500, np.int16), strand()])), SignalConfig()).scaling
    assert after.scale == pytest.approx(alone.scale, rel=0.02)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (read(np.zeros(0, np.int16)), "no samples"),
        (read(strand(), dataclasses.replace(CALIBRATION, offset=float("nan"))), "calibration"),
        (read(strand(), dataclasses.replace(CALIBRATION, range=float("inf"))), "calibration"),
        (read(strand(), dataclasses.replace(CALIBRATION, range=0.0)), "calibration"),
        (read(strand(), rate=0.0), "sampling rate"),
        (read(strand(), rate=float("nan")), "sampling rate"),
    ],
)
def test_what_cannot_be_used_is_named(bad: Read, why: str) -> None:
    with pytest.raises(ReadError, match=why) as caught:
        prepare(bad, SignalConfig())
    assert (caught.value.path, caught.value.read_id) == ("a.fast5", "r1")
