"""Bring a pore model nearer to the reads it was learnt from, by what alignment makes of its own simulated reads.

Alignment blurs what it measures: it takes short dwells for none, and samples at the edges for noise. The same blur
befalls simulated reads, whose truth is known; so where the two measurements differ, the model is moved by the
difference (indirect inference: Gourieroux, Monfort and Renault 1993).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from basecaller.simulate.compare import twins
from basecaller.simulate.estimate import (
    FAR,
    AlignedRead,
    Doubles,
    Events,
    drift_deviations,
    events_of,
    mean_dwell,
    noise_variogram,
)
from basecaller.simulate.pore import PoreModel
from basecaller.training.levels import KmerLevels

ROUNDS = 3
READS = 40
"""Reads that are simulated anew in each round."""
LONGEST = 12000
"""Bases of the longest of them."""
LONG_EVENT = 16
"""Samples of an event whose noise can be told from its neighbours'."""


def refine(pore: PoreModel, reads: Sequence[AlignedRead], levels: KmerLevels, seed: int = 0) -> PoreModel:
    """The model with noise, spread and dwell times such that its reads measure as the real ones do."""
    rng = np.random.default_rng(seed)
    short = [read for read in reads if len(read.codes) <= LONGEST] or list(reads)
    chosen = [short[i] for i in rng.permutation(len(short))[:READS]]
    for _ in range(ROUNDS):
        pore = _nearer(pore, chosen, twins(chosen, pore, levels, rng))
    return pore


def _nearer(pore: PoreModel, real: Sequence[AlignedRead], simulated: Sequence[AlignedRead]) -> PoreModel:
    levels = pore.levels.astype(np.float64)
    ours, theirs = events_of(simulated, pore.k), events_of(real, pore.k)
    variogram = [noise_variogram(reads, pore.k, levels)[1:9].mean() for reads in (real, simulated)]
    variation = [_variation(events, pore) for events in (theirs, ours)]
    offsets = [_offset(events, levels) for events in (theirs, ours)]
    drift = [drift_deviations(events, _residual(events, levels)) ** 2 for events in (theirs, ours)]
    dwell = pore.dwell * _dwell_ratio(_relative_dwell(theirs, real), _relative_dwell(ours, simulated), len(pore.dwell))
    dwell = np.maximum.accumulate(dwell)
    noise_variation = np.sqrt(max(pore.noise_variation**2 + (variation[0] - variation[1]) / 4, 0.0))
    # a log-normal factor raises the mean square of the noise; take that out again
    ratio = variogram[0] / variogram[1] * np.exp(2 * (pore.noise_variation**2 - noise_variation**2))
    spread = np.sqrt(np.maximum(pore.spread**2 + (offsets[0] - offsets[1]), 1e-4))
    return dataclasses.replace(
        pore,
        drift_sd=np.sqrt(np.maximum(pore.drift_sd**2 + drift[0] - drift[1], 0.0)).astype(np.float32),
        noise=(pore.noise * np.sqrt(ratio)).astype(np.float32),
        noise_variation=float(noise_variation),
        spread=spread.astype(np.float32),
        dwell=(dwell / dwell.mean()).astype(np.float32),
    )


def _variation(events: Events, pore: PoreModel) -> float:
    """Variance (robust) of the log roughness of long events about that of their k-mer."""
    use = np.isfinite(events.roughness) & (events.dwell >= LONG_EVENT) & (events.roughness > 0)
    log = np.log(events.roughness[use]) - 2 * np.log(pore.noise[events.kmer[use]])
    low, high = np.quantile(log, (0.16, 0.84))
    return float(((high - low) / 2) ** 2)


def _offset(events: Events, levels: Doubles) -> float:
    """Variance (robust) of long events' means about their levels."""
    residual = _residual(events, levels)[events.dwell >= LONG_EVENT]
    return float((1.4826 * np.nanmedian(np.abs(residual))) ** 2)


def _residual(events: Events, levels: Doubles) -> Doubles:
    """Events' means less their levels; NaN where there is none or alignment erred."""
    residual = events.mean - levels[events.kmer]
    residual[~(np.abs(residual) < FAR)] = np.nan
    return np.asarray(residual)


def _relative_dwell(events: Events, reads: Sequence[AlignedRead]) -> Doubles:
    mean = np.array([mean_dwell(read) for read in reads])
    blurred = events.dwell + np.random.default_rng(0).uniform(-0.5, 0.5, len(events.dwell))
    return np.asarray(np.maximum(blurred, 0.05) / mean[events.read])


def _dwell_ratio(real: Doubles, simulated: Doubles, count: int) -> Doubles:
    """(count,) by what each quantile of the dwell times has to grow; damped, and 1 in the far tail."""
    at = np.linspace(0, 1, count)
    ratio = np.quantile(real, at) / np.quantile(simulated, at)
    ratio = np.convolve(np.pad(ratio, 10, "edge"), np.full(21, 1 / 21), "valid")
    ratio[at > 0.995] = ratio[at <= 0.995][-1]
    return np.asarray(np.clip(ratio, 0.5, 2.0) ** 0.8)
