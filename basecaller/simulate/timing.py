"""Time out of aligned reads: how long bases stand, how speed wanders, how often a strand stalls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from basecaller.simulate.events import AlignedRead, Doubles, Events

QUANTILES = 1001
"""Points at which distributions are kept."""
LONGEST_DWELL = 200
"""Samples of a base that count towards the mean of its read, at most."""
STALL_DWELLS = 6.0
"""A base that stands longer than this many times its read's mean is a stall, not a dwell."""


def dwell_distribution(events: Events, mean: Doubles) -> tuple[Doubles, Doubles]:
    """Quantiles (Q,) of dwell over its read's mean, and (rate, log mean, log deviation) of stalls."""
    rng = np.random.default_rng(0)
    # Whole samples are spread over their width; what lasts one sample or none may be anything up to two: alignment
    # gives a base that it cannot see as little as it can.
    exact = events.dwell + rng.uniform(-0.5, 0.5, len(events.dwell))
    short = events.dwell <= 1
    exact[short] = rng.uniform(0.5, 2.5, int(short.sum()))
    relative = exact / mean[events.read]
    stalled = relative > STALL_DWELLS
    quantiles = np.quantile(relative[~stalled], np.linspace(0, 1, QUANTILES))
    lengths = np.log(exact[stalled]) if stalled.sum() > 10 else np.array([5.5, 6.5])
    stall = np.array([stalled.mean(), lengths.mean(), lengths.std()])
    return quantiles / relative[~stalled].mean(), stall


def mean_dwell(read: AlignedRead) -> float:
    """Mean samples of a good base of a read, stalls left out."""
    dwell = np.diff(read.bounds)[read.good]
    return float(dwell[dwell < LONGEST_DWELL].mean())


def speed_drift(reads: Sequence[AlignedRead], block: int = 50) -> Doubles:
    """Deviation of log speed within a read and the bases over which it persists, from means over blocks of bases."""
    lags = np.array([1, 2, 4, 8, 16, 32])
    covariance, count = np.zeros(len(lags)), np.zeros(len(lags))
    for read in reads:
        dwell = np.minimum(np.diff(read.bounds), 100).astype(np.float64)
        blocks = np.log(dwell[: len(dwell) // block * block].reshape(-1, block).mean(axis=1) + 0.1)
        blocks -= blocks.mean() if len(blocks) else 0.0
        for i, lag in enumerate(lags.tolist()):
            if lag < len(blocks):
                covariance[i] += (blocks[lag:] * blocks[:-lag]).sum()
                count[i] += len(blocks) - lag
    covariance /= np.maximum(count, 1)
    variance = max(float(covariance[:3].mean()), 0.0)
    below = np.flatnonzero(covariance < variance / 2)
    return np.array([np.sqrt(variance), block * lags[below[0] if len(below) else -1]])
