"""The numbers of a pore model out of reads aligned to their sequence.

Signal at a k-mer is taken as its level, plus an offset of the event, plus coloured noise, plus slow drift. What the
noise's colour is, the variogram within events says (half the mean squared difference of samples some lag apart: no
mean has to be known); how slow the rest is, the covariance of events some bases apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.simulate.genome import Codes
from basecaller.simulate.pore import Floats, PoreModel, kmers

Doubles = npt.NDArray[np.float64]

LAGS = 24
"""Samples over which the noise within an event is followed."""
MARGIN = 2
"""Samples at either end of an event that may belong to its neighbour."""
CALM = 0.5
"""A sample farther than this from the mean of its event is more than noise."""
CALM_DWELL, LONG_DWELL = 14, 80
"""Samples of an event whose noise is followed: at least, and fewer than."""
DRIFT_SAMPLES = (50.0, 200.0, 1000.0, 4000.0, 16000.0)
"""Correlation times of slow drift, samples."""
SHRINKAGE = 5.0
"""Events of evidence that the table before a round of learning is worth."""
GROUP_SHRINKAGE = 20.0
"""Events of evidence against a group of reads differing from the others in a k-mer's level."""
OUTER_OFFSETS = (-2, -1, 6, 7, 9, 10)
"""Bases outside a 6-mer that are seen to shift its level, from its first base."""
PAIRS = (*((outer, inner) for outer in OUTER_OFFSETS for inner in range(6)), (-2, -1), (6, 7), (9, 10))
"""Pairs of bases whose joint effect on the level is learnt."""
QUANTILES = 1001
"""Points at which distributions are kept."""
MOTOR_OFFSETS = tuple(range(6, 14))
"""Bases inside the motor while one is read, from the base in the centre of the k-mer."""
FAR = 0.6
"""An event farther than this from its level is an error of alignment."""
STALL_DWELLS = 6.0
"""A base that stands longer than this many times its read's mean is a stall, not a dwell."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedRead:
    """A read laid on its sequence."""

    read_id: str
    group: str
    """Reads of one group share flow cell and sample."""
    signal: Floats
    """(S,) in the pore's units."""
    codes: Codes
    """(L,) the bases aligned, 0..3."""
    bounds: npt.NDArray[np.int64]
    """(L - k + 2,) first sample of each k-mer, and the end of the last."""
    good: npt.NDArray[np.bool_]
    """(L - k + 1,) k-mers around which signal and sequence agree."""
    shift: float
    """pA."""
    scale: float
    """pA per unit."""
    leader: Floats
    """What stands before the strand, in the pore's units."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The k-mers of all reads that agree with their signal, one row each."""

    kmer: npt.NDArray[np.int64]
    read: npt.NDArray[np.int64]
    dwell: npt.NDArray[np.int64]
    mean: Doubles
    """Of the samples without the margins; NaN where none are left."""
    roughness: Doubles
    """Half the mean squared difference of neighbouring samples; NaN where there are none."""
    position: npt.NDArray[np.int64]
    """Of the k-mer in its read."""


def events_of(reads: Sequence[AlignedRead], k: int) -> Events:
    """The good k-mers of all reads."""
    parts = []
    for number, read in enumerate(reads):
        begin, end = read.bounds[:-1], read.bounds[1:]
        dwell = end - begin
        inner_begin, inner = begin + MARGIN, np.maximum(dwell - 2 * MARGIN, 0)
        sums = np.concatenate([[0.0], np.cumsum(read.signal, dtype=np.float64)])
        squares = np.concatenate([[0.0, 0.0], np.cumsum(np.diff(read.signal.astype(np.float64)) ** 2)])
        stop = np.minimum(inner_begin + inner, len(read.signal))
        start = np.minimum(inner_begin, stop)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (sums[stop] - sums[start]) / inner
            # squares[i] sums the steps up to the one from sample i - 1 to i
            rough = (squares[stop] - squares[np.minimum(start + 1, stop)]) / (2.0 * np.maximum(inner - 1, 0))
        mean[inner == 0] = np.nan
        rough[inner < 2] = np.nan
        good = np.flatnonzero(read.good)
        kmer = kmers(read.codes, k)[good]
        parts.append((kmer, np.full(len(good), number), dwell[good], mean[good], rough[good], good))
    return Events(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def level_table(events: Events, k: int, before: Doubles) -> tuple[Doubles, Doubles]:
    """(4**k,) robust mean level of every k-mer and the deviation of its events; `before` stands in for the unseen."""
    use = np.isfinite(events.mean) & (np.abs(events.mean - before[events.kmer]) < 1.0)
    order = np.argsort(events.kmer[use], kind="stable")
    means, cuts = events.mean[use][order], np.searchsorted(events.kmer[use][order], np.arange(4**k + 1))
    level, spread = before.astype(np.float64).copy(), np.full(4**k, np.nan)
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
    spread[np.isnan(spread)] = np.nanmedian(spread)
    return level, spread


def estimate(reads: Sequence[AlignedRead], k: int, levels: Doubles, sampling_rate: float) -> PoreModel:
    """The pore model of reads whose signal is in units of `levels` (4**k,)."""
    events = events_of(reads, k)
    residual = events.mean - levels[events.kmer]
    residual[~(np.abs(residual) < FAR)] = np.nan
    groups = group_levels(events, residual, [read.group for read in reads], 4**k)
    names = sorted({read.group for read in reads})
    group = np.array([names.index(read.group) for read in reads])[events.read]
    residual = residual - groups[group, events.kmer]
    pair_levels, residual = _effects(reads, events, residual, PAIRS)

    variogram = noise_variogram(reads)
    total = variogram[-6:].mean()
    autocovariance = np.maximum(total - variogram, 0.0)
    roughness = _by_kmer(events.kmer, events.roughness, 4**k) / np.nanmedian(events.roughness)
    drift = drift_deviations(events, residual)
    offset = _offset_variance(events, residual, autocovariance) - (drift**2).sum()

    mean = np.array([mean_dwell(read) for read in reads])
    log_dwell = np.log(np.clip(events.dwell / mean[events.read], 0.1, 5.0))
    motor, _ = _effects(reads, events, log_dwell - log_dwell.mean(), [(offset + k // 2,) for offset in MOTOR_OFFSETS])
    relative, stall = dwell_distribution(events, mean)
    return PoreModel(
        k=k,
        sampling_rate=sampling_rate,
        levels=levels.astype(np.float32),
        groups=groups.astype(np.float32),
        pairs=np.array(PAIRS, np.int64),
        pair_levels=pair_levels.astype(np.float32),
        spread=np.full(4**k, np.sqrt(max(offset, 1e-4)), np.float32),
        noise=np.sqrt(total * np.clip(roughness, 0.25, 4.0)).astype(np.float32),
        noise_factor=np.ones(QUANTILES, np.float32),
        noise_kernel=_minimum_phase(autocovariance).astype(np.float32),
        drift_sd=drift.astype(np.float32),
        drift_samples=np.array(DRIFT_SAMPLES, np.float32),
        dwell=relative.astype(np.float32),
        motor=motor.astype(np.float32),
        motor_offset=MOTOR_OFFSETS[0],
        speed=_mean_and_deviation(np.log(sampling_rate / mean)),
        speed_drift=speed_drift(reads).astype(np.float32),
        stall=stall.astype(np.float32),
        read_shift=_mean_and_deviation(np.array([read.shift for read in reads])),
        read_scale=_mean_and_deviation(np.array([read.scale for read in reads])),
        read_noise=_noise_deviation(events, len(reads)),
        leader=leader_plateaus(reads).astype(np.float32),
    )


def group_levels(events: Events, residual: Doubles, groups: Sequence[str], count: int) -> Doubles:
    """(G, count) mean residual of each k-mer in each group of reads, groups in sorted order."""
    names = sorted(set(groups))
    of_read = np.array([names.index(group) for group in groups])
    table = np.zeros((len(names), count))
    for i in range(len(names)):
        use = np.isfinite(residual) & (of_read[events.read] == i)
        number = np.bincount(events.kmer[use], minlength=count)
        table[i] = np.bincount(events.kmer[use], residual[use], count) / (number + GROUP_SHRINKAGE)
    return table


def bases_around(
    reads: Sequence[AlignedRead], events: Events, places: Sequence[Sequence[int]]
) -> dict[int, npt.NDArray[np.uint8]]:
    """For each offset in `places` the base (E,) that far from the first of each event's k-mer; 4 beyond the ends."""
    lengths = np.array([len(read.codes) for read in reads])
    codes, first = np.concatenate([read.codes for read in reads]), np.cumsum(lengths) - lengths
    bases = {}
    for offset in sorted({offset for place in places for offset in place}):
        place = events.position + offset
        inside = (place >= 0) & (place < lengths[events.read])
        found = codes[np.where(inside, first[events.read] + place, 0)]
        bases[offset] = np.where(inside, found, 4).astype(np.uint8)
    return bases


def joint(bases: dict[int, npt.NDArray[np.uint8]], place: Sequence[int]) -> npt.NDArray[np.int64]:
    """(E,) index of the n bases at a place; 4**n where one of them lies beyond the ends."""
    index = np.zeros(len(bases[place[0]]), np.int64)
    for offset in place:
        index = index * 4 + bases[offset]
    index[np.any([bases[offset] == 4 for offset in place], axis=0)] = 4 ** len(place)
    return index


def _effects(
    reads: Sequence[AlignedRead], events: Events, values: Doubles, places: Sequence[Sequence[int]]
) -> tuple[Doubles, Doubles]:
    """What the n bases at each place add to `values`, (P, 4**n), and what that leaves of the values.

    Mean deviations, taken in turns (backfitting). Values that are NaN teach nothing.
    """
    rest = values.copy()
    size = 4 ** len(places[0])
    effects = np.zeros((len(places), size))
    use = np.isfinite(rest)
    bases = bases_around(reads, events, places)
    for _ in range(3):
        for i, place in enumerate(places):
            index = joint(bases, place)
            number = np.bincount(index[use], minlength=size + 1)[:size]
            mean = np.bincount(index[use], rest[use], size + 1)[:size] / np.maximum(number, 1)
            mean -= (mean * number).sum() / max(number.sum(), 1)
            rest -= np.append(mean, 0.0)[index]
            effects[i] += mean
    return effects, rest


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


def noise_variogram(reads: Sequence[AlignedRead]) -> Doubles:
    """(LAGS,) half the mean squared difference of samples 0, 1, 2, ... apart within one calm event."""
    total, count = np.zeros(LAGS), np.zeros(LAGS)
    for read in reads:
        label = np.full(len(read.signal), -1, np.int64)
        for i in calm_events(read).tolist():
            label[read.bounds[i] + MARGIN : read.bounds[i + 1] - MARGIN] = i
        for lag in range(1, LAGS):
            same = (label[lag:] == label[:-lag]) & (label[lag:] >= 0)
            total[lag] += ((read.signal[lag:] - read.signal[:-lag])[same].astype(np.float64) ** 2).sum() / 2
            count[lag] += same.sum()
    return total / np.maximum(count, 1)


def calm_events(read: AlignedRead) -> npt.NDArray[np.int64]:
    """Long good k-mers none of whose samples lies far from their mean: nothing but noise happens in them.

    (Where alignment has taken two levels for one, what lies between them would pass for slow noise.)
    """
    dwell = np.diff(read.bounds)
    long = np.flatnonzero(read.good & (dwell >= CALM_DWELL) & (dwell < LONG_DWELL))
    if len(long) == 0:
        return long
    first, last = read.bounds[long] + MARGIN, read.bounds[long + 1] - MARGIN
    sums = np.concatenate([[0.0], np.cumsum(read.signal, dtype=np.float64)])
    mean = (sums[last] - sums[first]) / (last - first)
    size = last - first
    inside = np.repeat(first - np.concatenate([[0], np.cumsum(size)[:-1]]), size) + np.arange(size.sum())
    far = np.abs(read.signal[inside] - np.repeat(mean, size))
    worst = np.maximum.reduceat(far, np.concatenate([[0], np.cumsum(size)[:-1]]))
    return np.asarray(long[worst < CALM])


def _minimum_phase(autocovariance: Doubles, size: int = 512) -> Doubles:
    """The causal filter whose output of white noise has this autocovariance, normalised to squares summing to 1.

    Spectral factorisation through the cepstrum (Kolmogorov; Oppenheim and Schafer, Discrete-Time Signal Processing).
    """
    lags = len(autocovariance)
    taper = 0.5 * (1 + np.cos(np.pi * np.arange(lags) / lags))
    padded = np.zeros(size)
    padded[:lags] = autocovariance * taper
    padded[-lags + 1 :] = padded[1:lags][::-1]
    power = np.fft.fft(padded).real
    cepstrum = np.fft.ifft(np.log(np.maximum(power, power.max() * 1e-3))).real / 2
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    kernel = np.fft.ifft(np.exp(np.fft.fft(cepstrum))).real[:lags]
    return np.asarray(kernel / np.sqrt((kernel**2).sum()))


def drift_deviations(events: Events, residual: Doubles) -> Doubles:
    """(D,) deviations of the slow components, from the covariance of events the same number of samples apart."""
    mean_dwell = float(events.dwell.mean())
    lags = np.unique(np.rint(np.geomspace(2, 3000, 40)).astype(int))
    covariance, weight = np.zeros(len(lags)), np.zeros(len(lags))
    for i, lag in enumerate(lags.tolist()):
        near = (events.read[lag:] == events.read[:-lag]) & (events.position[lag:] - events.position[:-lag] == lag)
        product = (residual[lag:] * residual[:-lag])[near]
        product = product[np.isfinite(product)]
        if len(product) > 100:
            covariance[i], weight[i] = product.mean(), 1.0
    # `_wander`'s straight lines between knots one time apart: correlation falls to 0 within two times
    apart = lags[:, None] * mean_dwell / np.array(DRIFT_SAMPLES)
    shape = np.maximum(1 - apart / 1.5, 0.0)
    return np.sqrt(_non_negative_fit(shape * weight[:, None], covariance * weight))


def _non_negative_fit(matrix: Doubles, target: Doubles) -> Doubles:
    """Least squares with no negative coefficient, by projected gradient (a handful of unknowns)."""
    solution = np.zeros(matrix.shape[1])
    step = 1.0 / np.linalg.norm(matrix, 2) ** 2
    for _ in range(20000):
        solution = np.maximum(solution - step * matrix.T @ (matrix @ solution - target), 0.0)
    return np.asarray(solution)


def _offset_variance(events: Events, residual: Doubles, autocovariance: Doubles) -> float:
    """Variance of events' means that noise within events does not explain, from long events."""
    inner = events.dwell - 2 * MARGIN
    use = (inner >= 10) & (inner <= 30) & np.isfinite(residual)
    lags = np.arange(len(autocovariance))
    explained = {}
    for n in range(10, 31):
        weights = np.where(lags == 0, 1.0, 2.0) * np.maximum(n - lags, 0) / n**2
        explained[n] = float((weights * autocovariance).sum())
    return float(np.mean(residual[use] ** 2) - np.mean([explained[n] for n in inner[use].tolist()]))


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
    dwell = np.diff(read.bounds)[read.good]
    return float(dwell[dwell < 200].mean())


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
