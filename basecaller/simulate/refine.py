"""Bring a pore model nearer to the reads it was learnt from, by what alignment makes of its own simulated reads.

Alignment blurs what it measures: it takes short dwells for none, and samples at the edges for noise. The same blur
befalls simulated reads, whose truth is known; so where the two measurements differ, the model is moved by the
difference (indirect inference: Gourieroux, Monfort and Renault 1993).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from basecaller.labels.levels import KmerLevels
from basecaller.simulate.compare import twins
from basecaller.simulate.creep import creep_of
from basecaller.simulate.estimate import FAR
from basecaller.simulate.events import AlignedRead, Doubles, Events, bases_around, events_of, joint
from basecaller.simulate.flicker import dispersion, excursions, motor_effects, neighbours
from basecaller.simulate.noise import drift_deviations
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.reach import reach_of_pore
from basecaller.simulate.timing import STALL_DWELLS, mean_dwell

ROUNDS = 5
READS = 40
"""Reads that are simulated anew in each round."""
LONGEST = 12000
"""Bases of the longest of them."""
TAIL = 0.97
"""Share of the values before the tail of a distribution."""
LONG_EVENT = 14
"""Samples of an event whose noise can be told from its neighbours'."""
FLAT = 0.5
"""An event whose neighbours' levels lie no farther than this from its own shows its own offset, and no flicker."""
LEAST_DWELL = 0.32
"""No base is passed faster than in this part of the mean time. Alignment finds shorter ones in real reads, more than a
network does that has learnt from real reads: simulated signal without them changes it least (docs/simulator.md)."""
SKIP = (0.01, 0.8, 0.3)
"""The share of skipped bases, its deviation over reads, and the share of them followed by another. Alignment finds a
base of a sample or less between clear steps in 2.5 % of the events of most reads and 7 % of those of poor ones, and
four times as often after another such base. Some are errors of its own: a third of them changes the said network
least."""
MOST_UNEVEN = 1.2
"""Largest deviation over events of the log of the rate of excursions."""
CLEAR = 0.8
"""An event both of whose neighbours' levels lie farther than this from its own begins and ends where alignment says."""


def refine(pore: PoreModel, reads: Sequence[AlignedRead], levels: KmerLevels, seed: int = 0) -> PoreModel:
    """The model with noise, spread and dwell times such that its reads measure as the real ones do."""
    rng = np.random.default_rng(seed)
    short = [read for read in reads if len(read.codes) <= LONGEST] or list(reads)
    chosen = [short[i] for i in rng.permutation(len(short))[:READS]]
    groups = sorted({read.group for read in reads})
    pore = _with_motor(pore, reads, groups)
    for _ in range(ROUNDS):
        pore = _nearer(pore, chosen, twins(chosen, pore, levels, rng, groups), groups)
    return pore


def _with_motor(pore: PoreModel, reads: Sequence[AlignedRead], groups: Sequence[str]) -> PoreModel:
    """The model with what needs no twins: what the motor's bases say of excursions, how much reads differ in them, and
    skipped bases."""
    events = events_of(reads, pore.k)
    found = excursions(reads, events, _expected(events, reads, pore, groups))
    effects = motor_effects(reads, events, found.before, reach_of_pore(pore).motor_places)
    return dataclasses.replace(pore, flicker_motor=effects.astype(np.float32), read_flicker=found.deviation,
                               skip=np.array(SKIP, np.float32))


def _nearer(
    pore: PoreModel, real: Sequence[AlignedRead], simulated: Sequence[AlignedRead], groups: Sequence[str]
) -> PoreModel:
    ours, theirs = events_of(simulated, pore.k), events_of(real, pore.k)
    expected = [_expected(events, reads, pore, groups) for events, reads in ((theirs, real), (ours, simulated))]
    measured = list(zip((theirs, ours), expected, strict=True))
    residuals = [_residual(events, levels) for events, levels in measured]
    offsets = [_offset(*pair, residual) for pair, residual in zip(measured, residuals, strict=True)]
    drift = [drift_deviations(events, residual) ** 2 for (events, _), residual in zip(measured, residuals, strict=True)]
    flicker = [excursions(reads, *pair) for reads, pair in zip((real, simulated), measured, strict=True)]
    places = reach_of_pore(pore).motor_places
    uneven = [dispersion(reads, events, found.before, places, pore.flicker_motor)
              for reads, events, found in zip((real, simulated), (theirs, ours), flicker, strict=True)]
    variance = pore.flicker_spread**2 + np.log1p(max(uneven[0], 0.0)) - np.log1p(max(uneven[1], 0.0))
    longer = float(np.clip(flicker[0].length / flicker[1].length, 0.5, 2.0)) if pore.flicker.any() else 1.0
    times = [_relative_dwell(*pair, reads) for pair, reads in zip(measured, (real, simulated), strict=True)]
    dwell = pore.dwell * _ratio(times[0], times[1], len(pore.dwell))
    dwell = np.maximum(np.maximum.accumulate(dwell / dwell.mean()), LEAST_DWELL)
    noise = [_relative_noise(events, pore) for events in (theirs, ours)]
    factor = pore.noise_factor * _ratio(noise[0], noise[1], len(pore.noise_factor))
    spread = np.sqrt(np.maximum(pore.spread**2 + (offsets[0] - offsets[1]), 1e-4))
    creep = [creep_of(reads, *pair, pore.creep) for reads, pair in zip((real, simulated), measured, strict=True)]
    more = float(np.clip(creep[0].share / max(creep[1].share, 1e-9), 0.5, 2.0))
    uneven_creep = pore.read_creep**2 + creep[0].deviation ** 2 - creep[1].deviation ** 2
    return dataclasses.replace(
        pore,
        creep=pore.creep * np.float32(more),
        read_creep=float(np.sqrt(max(uneven_creep, 0.0))),
        noise_factor=np.maximum.accumulate(factor).astype(np.float32),
        spread=spread.astype(np.float32),
        drift_sd=np.sqrt(np.maximum(pore.drift_sd**2 + drift[0] - drift[1], 0.0)).astype(np.float32),
        dwell=(dwell / dwell.mean()).astype(np.float32),
        flicker=np.maximum(pore.flicker + flicker[0].rate - flicker[1].rate, 0.0).astype(np.float32),
        flicker_samples=pore.flicker_samples * longer,
        flicker_spread=float(np.sqrt(np.clip(variance, 0.0, MOST_UNEVEN**2))),
    )


def _relative_noise(events: Events, pore: PoreModel) -> Doubles:
    """Noise of long events over that of their k-mer."""
    use = np.isfinite(events.roughness) & (events.dwell >= LONG_EVENT)
    return np.asarray(np.sqrt(events.roughness[use] + 1e-6) / pore.noise[events.kmer[use]])


def _offset(events: Events, expected: Doubles, residual: Doubles) -> float:
    """Variance (robust) of long events' means about their levels, where neither neighbour is far."""
    flat = np.all([np.abs(levels - expected) < FLAT for levels in neighbours(events, expected)], axis=0)
    return float((1.4826 * np.nanmedian(np.abs(residual[flat & (events.dwell >= LONG_EVENT)]))) ** 2)


def _residual(events: Events, expected: Doubles) -> Doubles:
    """Events' means less their levels; NaN where there is none or alignment erred."""
    residual = events.mean - expected
    residual[~(np.abs(residual) < FAR)] = np.nan
    return np.asarray(residual)


def _expected(events: Events, reads: Sequence[AlignedRead], pore: PoreModel, groups: Sequence[str]) -> Doubles:
    """All that the bases and the group of each event say of its level."""
    group = np.array([groups.index(read.group) for read in reads])[events.read]
    bases = bases_around(reads, events, pore.pairs.tolist())
    expected = pore.levels[events.kmer].astype(np.float64) + pore.groups[group, events.kmer]
    for pair, additions in zip(pore.pairs.tolist(), pore.pair_levels, strict=True):
        expected += np.append(additions, 0.0)[joint(bases, pair)]
    return np.asarray(expected)


def _relative_dwell(events: Events, expected: Doubles, reads: Sequence[AlignedRead]) -> Doubles:
    """Dwell over the read's mean of events between clear steps.

    Where a step is small alignment gives samples of one base to the next as noise has it, and more so in real signal
    than in simulated, which would make up for that with short dwells of its own.
    """
    mean = np.array([mean_dwell(read) for read in reads])
    clear = np.all([np.abs(levels - expected) > CLEAR for levels in neighbours(events, expected)], axis=0)
    blurred = events.dwell + np.random.default_rng(0).uniform(-0.5, 0.5, len(events.dwell))
    relative = (np.maximum(blurred, 0.05) / mean[events.read])[clear]
    return np.asarray(relative[relative < STALL_DWELLS])


def _ratio(real: Doubles, simulated: Doubles, count: int) -> Doubles:
    """(count,) by what each quantile has to grow for the simulated values to be as the real ones; damped."""
    at = np.linspace(0, 1, count)
    ratio = np.quantile(real, at) / np.quantile(simulated, at)
    smooth = np.convolve(np.pad(ratio, 10, "edge"), np.full(21, 1 / 21), "valid")
    smooth[at > TAIL] = ratio[at > TAIL]  # the tail is steep: not to be mixed with what comes before
    return np.asarray(np.clip(smooth, 0.5, 2.0) ** 0.8)
