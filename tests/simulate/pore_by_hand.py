"""A small pore model made by hand, whose signal can be worked out on paper."""

from __future__ import annotations

import dataclasses

import numpy as np

from basecaller.bases import Codes
from basecaller.simulate.events import AlignedRead
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.squiggle import Traits, simulate_signal

DWELL = np.quantile(np.random.default_rng(0).gamma(4.0, 1 / 4, 100_000), np.linspace(0, 1, 1001)).astype(np.float32)
"""Quantiles of dwell times as uneven as real ones."""
TRAITS = Traits(speed=80.0, noise=1.0, flicker=1.0, skip=1.0, creep=1.0, shift=90.0, scale=13.0, group=0)
"""Of a slow read, as its pore says in all else."""


def plain_pore(k: int = 3, **changes: object) -> PoreModel:
    """A pore without noise in which every base takes exactly 4000 / speed samples."""
    rng = np.random.default_rng(k)
    levels = rng.standard_normal(4**k)
    zero = np.zeros(4**k, np.float32)
    model = PoreModel(
        k=k,
        sampling_rate=4000.0,
        levels=((levels - levels.mean()) / levels.std()).astype(np.float32),
        groups=np.zeros((1, 4**k), np.float32),
        pairs=np.zeros((0, 2), np.int64),
        pair_levels=np.zeros((0, 16), np.float32),
        spread=zero,
        noise=zero,
        noise_factor=np.ones(2, np.float32),
        noise_kernel=np.ones(1, np.float32),
        drift_sd=np.zeros(1, np.float32),
        drift_samples=np.full(1, 100.0, np.float32),
        dwell=np.ones(2, np.float32),
        motor=np.zeros((1, 4), np.float32),
        motor_offset=4,
        speed=np.array([np.log(400.0), 0.0], np.float32),
        speed_drift=np.array([0.0, 100.0], np.float32),
        stall=np.array([0.0, 5.0, 0.0], np.float32),
        flicker=np.zeros(2, np.float32),
        flicker_samples=3.0,
        held=0.0,
        flicker_motor=np.zeros((1, 4), np.float32),
        flicker_spread=0.0,
        read_flicker=0.0,
        creep=np.zeros((2, 4**k), np.float32),
        read_creep=0.0,
        skip=np.zeros(3, np.float32),
        read_shift=np.array([90.0, 0.0], np.float32),
        read_scale=np.array([13.0, 0.0], np.float32),
        read_noise=0.0,
        leader=np.zeros((0, 5), np.float32),
    )
    return dataclasses.replace(model, **changes)


def aligned(pore: PoreModel, codes: Codes, seed: int, traits: Traits = TRAITS) -> AlignedRead:
    """A simulated read laid on its bases as they are known to lie."""
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(seed), traits)
    first, last = pore.centre, len(codes) - (pore.k - 1 - pore.centre)
    bounds = np.append(starts[first:last], starts[last])
    return AlignedRead("a", "run", signal, codes, bounds, np.ones(len(bounds) - 1, bool), 90.0, 13.0,
                       np.zeros(0, np.float32))
