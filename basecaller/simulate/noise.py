"""Noise out of aligned reads: its colour within events, how slow the rest is, how much events differ.

Signal at a k-mer is taken as its level, plus an offset of the event, plus coloured noise, plus slow drift. What the
noise's colour is, the variogram within events says (half the mean squared difference of samples some lag apart: no
mean has to be known); how slow the rest is, the covariance of events some bases apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from basecaller.simulate.events import MARGIN, AlignedRead, Doubles, Events

LAGS = 24
"""Samples over which the noise within an event is followed."""
CALM = 0.5
"""A sample farther than this from the mean of its event is more than noise."""
CALM_DWELL, LONG_DWELL = 14, 80
"""Samples of an event whose noise is followed: at least, and fewer than."""
DRIFT_SAMPLES = (50.0, 200.0, 1000.0, 4000.0, 16000.0)
"""Correlation times of slow drift, samples."""


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


def minimum_phase(autocovariance: Doubles, size: int = 512) -> Doubles:
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


def offset_variance(events: Events, residual: Doubles, autocovariance: Doubles) -> float:
    """Variance of events' means that noise within events does not explain, from long events."""
    inner = events.dwell - 2 * MARGIN
    use = (inner >= 10) & (inner <= 30) & np.isfinite(residual)
    lags = np.arange(len(autocovariance))
    explained = {}
    for n in range(10, 31):
        weights = np.where(lags == 0, 1.0, 2.0) * np.maximum(n - lags, 0) / n**2
        explained[n] = float((weights * autocovariance).sum())
    return float(np.mean(residual[use] ** 2) - np.mean([explained[n] for n in inner[use].tolist()]))
