"""The numbers of a pore model out of reads aligned to their sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from basecaller.simulate.creep import creep_table
from basecaller.simulate.events import AlignedRead, Doubles, Events, effects, events_of
from basecaller.simulate.noise import (
    DRIFT_SAMPLES,
    drift_deviations,
    minimum_phase,
    noise_variogram,
    offset_variance,
)
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.reach import Reach
from basecaller.simulate.timing import QUANTILES, dwell_distribution, mean_dwell, speed_drift

SHRINKAGE = 5.0
"""Events of evidence that the table before a round of learning is worth."""
GROUP_SHRINKAGE = 20.0
"""Events of evidence against a group of reads differing from the others in a k-mer's level."""
FLICKER_SAMPLES = 3.0
"""Mean length of excursions to begin with."""
FAR = 0.6
"""An event farther than this from its level is an error of alignment."""


def level_table(events: Events, k: int, before: Doubles) -> tuple[Doubles, Doubles]:
    """(4**k,) robust mean level of every k-mer and the deviation of its events; `before` stands in for the unseen."""
    use = np.isfinite(events.mean) & (np.abs(events.mean - before[events.kmer]) < 1.0)
    order = np.argsort(events.kmer[use], kind="stable")
    means, cuts = events.mean[use][order], np.searchsorted(events.kmer[use][order], np.arange(4**k + 1))
    level, spread, number = before.astype(np.float64).copy(), np.full(4**k, np.nan), np.diff(cuts)
    for i, (first, last) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        if last - first < 3:
            continue
        found = means[first:last]
        middle = np.median(found)
        deviation = 1.4826 * np.median(np.abs(found - middle)) + 1e-6
        found = found[np.abs(found - middle) < 3 * deviation]
        weight = len(found) / (len(found) + SHRINKAGE)
        level[i] = weight * found.mean() + (1 - weight) * before[i]
        spread[i] = deviation
    usual = np.nanmedian(spread)
    spread[np.isnan(spread)] = usual
    # a handful of events says little about their spread
    return level, np.sqrt((number * spread**2 + SHRINKAGE * usual**2) / (number + SHRINKAGE))


def estimate(reads: Sequence[AlignedRead], reach: Reach, levels: Doubles, sampling_rate: float) -> PoreModel:
    """The pore model of reads whose signal is in units of `levels` (4**k,)."""
    k = reach.k
    events = events_of(reads, k)
    residual = events.mean - levels[events.kmer]
    residual[~(np.abs(residual) < FAR)] = np.nan
    groups = group_levels(events, residual, [read.group for read in reads], 4**k)
    names = sorted({read.group for read in reads})
    group = np.array([names.index(read.group) for read in reads])[events.read]
    residual = residual - groups[group, events.kmer]
    pair_levels, residual = effects(reads, events, residual, reach.pairs)

    variogram = noise_variogram(reads)
    total = variogram[-6:].mean()
    autocovariance = np.maximum(total - variogram, 0.0)
    roughness = _by_kmer(events.kmer, events.roughness, 4**k) / np.nanmedian(events.roughness)
    drift = drift_deviations(events, residual)
    offset = offset_variance(events, residual, autocovariance) - (drift**2).sum()

    mean = np.array([mean_dwell(read) for read in reads])
    log_dwell = np.log(np.clip(events.dwell / mean[events.read], 0.1, 5.0))
    motor, _ = effects(reads, events, log_dwell - log_dwell.mean(), reach.motor_places)
    relative, stall = dwell_distribution(events, mean)
    return PoreModel(
        k=k,
        sampling_rate=sampling_rate,
        levels=levels.astype(np.float32),
        groups=groups.astype(np.float32),
        pairs=np.array(reach.pairs, np.int64),
        pair_levels=pair_levels.astype(np.float32),
        spread=np.full(4**k, np.sqrt(max(offset, 1e-4)), np.float32),
        noise=np.sqrt(total * np.clip(roughness, 0.25, 4.0)).astype(np.float32),
        noise_factor=np.ones(QUANTILES, np.float32),
        noise_kernel=minimum_phase(autocovariance).astype(np.float32),
        drift_sd=drift.astype(np.float32),
        drift_samples=np.array(DRIFT_SAMPLES, np.float32),
        dwell=relative.astype(np.float32),
        motor=motor.astype(np.float32),
        motor_offset=reach.motor[0],
        speed=_mean_and_deviation(np.log(sampling_rate / mean)),
        speed_drift=speed_drift(reads).astype(np.float32),
        stall=stall.astype(np.float32),
        flicker=np.zeros(2, np.float32),  # not to be told from noise but by `refine`
        flicker_samples=FLICKER_SAMPLES,
        held=reach.held,
        flicker_motor=np.zeros_like(motor, np.float32),
        flicker_spread=0.0,
        read_flicker=0.0,
        creep=creep_table(reads, events, levels[events.kmer], 4**k).astype(np.float32),
        read_creep=0.0,
        skip=np.zeros(3, np.float32),
        read_shift=_mean_and_deviation(np.array([read.shift for read in reads])),
        read_scale=_mean_and_deviation(np.array([read.scale for read in reads])),
        read_noise=_noise_deviation(events, len(reads)),
        leader=leader_plateaus(reads).astype(np.float32),
    )


def group_levels(events: Events, residual: Doubles, groups: Sequence[str], count: int) -> Doubles:
    """(G, count) mean residual of each k-mer in each group of reads, groups in sorted order; 0 where all are one."""
    names = sorted(set(groups))
    if len(names) == 1:
        return np.zeros((1, count))
    of_read = np.array([names.index(group) for group in groups])
    table = np.zeros((len(names), count))
    for i in range(len(names)):
        use = np.isfinite(residual) & (of_read[events.read] == i)
        number = np.bincount(events.kmer[use], minlength=count)
        table[i] = np.bincount(events.kmer[use], residual[use], count) / (number + GROUP_SHRINKAGE)
    return table


def leader_plateaus(reads: Sequence[AlignedRead]) -> Doubles:
    """(P, 5) the plateaus before a strand (open pore, waiting complex, leader's peak); see `PoreModel.leader`."""
    rows: list[list[tuple[float, float, float]]] = [[], [], []]
    for read in reads:
        lead = read.leader.astype(np.float64)
        if len(lead) < 100:
            continue
        waiting = float(np.median(lead))
        tail = lead[-120:]
        peak = float(np.quantile(tail, 0.95))
        opened = int(np.argmax(lead < waiting + 5.0)) if lead[0] > waiting + 5.0 else 0
        if opened:
            rows[0].append((float(lead[:opened].max()), 0.3, float(opened)))
        if peak < waiting + 1.5:
            continue
        high = np.flatnonzero(tail > (waiting + peak) / 2)
        rows[2].append((peak, float(np.std(tail[high])), float(len(high))))
        quiet = lead[opened + 10 : len(lead) - 120 + high[0] - 5]
        if len(quiet) > 20:
            rows[1].append((waiting, 1.4826 * float(np.median(np.abs(quiet - np.median(quiet)))), float(len(quiet))))
    table = []
    for plateau in rows:
        if len(plateau) < 5:
            continue
        level, noise, samples = np.array(plateau).T
        middle = np.median(level)
        table.append((middle, 1.4826 * np.median(np.abs(level - middle)), np.median(noise),
                      np.log(samples).mean(), np.log(samples).std()))
    return np.array(table).reshape(-1, 5)


def _by_kmer(kmer: npt.NDArray[np.int64], values: Doubles, count: int) -> Doubles:
    """(count,) median of the values of each k-mer, drawn to the median of all."""
    use = np.isfinite(values)
    overall = float(np.median(values[use]))
    order = np.argsort(kmer[use], kind="stable")
    sorted_values, cuts = values[use][order], np.searchsorted(kmer[use][order], np.arange(count + 1))
    medians = np.full(count, overall)
    for i, (first, last) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        if last > first:
            weight = (last - first) / (last - first + SHRINKAGE)
            medians[i] = weight * np.median(sorted_values[first:last]) + (1 - weight) * overall
    return medians


def _noise_deviation(events: Events, reads: int) -> float:
    rough = [np.nanmedian(events.roughness[events.read == i]) for i in range(reads)]
    return float(np.nanstd(0.5 * np.log(rough)))


def _mean_and_deviation(values: Doubles) -> Floats:
    return np.array([values.mean(), values.std()], np.float32)
