"""Forced alignment: which samples belong to which base of a known sequence.

A left-to-right hidden Markov model over the k-mers of the sequence (one state each: stay, move, skip one), scored
sample by sample as the log-likelihood ratio of the k-mer's level against a broad background, so that what stands
before and after the sequence in the signal costs nothing. The best path is found by the Viterbi recursion within a
band that follows the best state (adaptive banding: Suzuki and Kasahara 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BAND = 600
"""k-mers in the band."""
MEAN_DWELL = 9.0
"""Expected samples per base: sets the prior of staying and moving."""
SKIP_PENALTY = 5.0
"""Log-odds against a k-mer that leaves no sample."""
WORST = -5.0
"""Floor of a sample's log-likelihood ratio, so that a spike cannot break a path."""


@dataclass(frozen=True, slots=True, eq=False)
class SignalAlignment:
    """The path of a signal through the k-mers of a sequence."""

    starts: npt.NDArray[np.int32]
    """(K,) first sample of each k-mer; a skipped k-mer has the start of the next one."""
    end: int
    """One past the last sample of the last k-mer."""
    scores: Floats
    """(K,) mean log-likelihood ratio per sample of each k-mer, 0 where it was skipped."""


def align_signal(signal: Floats, levels: Floats, spreads: Floats, band: int = BAND) -> SignalAlignment | None:
    """Align a normalised signal (S,) to the expected levels (K,) and their standard deviations (K,).

    The whole sequence is placed; samples before its start and after its end are free. None when it does not fit
    (fewer samples than k-mers, or the end of the sequence is never reached).
    """
    kmers = len(levels)
    if kmers < 2 or len(signal) < kmers:
        return None
    band = min(band, kmers)
    trace, lows, last_sample = _viterbi(
        np.ascontiguousarray(signal, np.float32), levels.astype(np.float32), spreads.astype(np.float32),
        band, np.float32(np.log(1 / MEAN_DWELL)), np.float32(np.log(1 - 1 / MEAN_DWELL)), np.float32(SKIP_PENALTY),
        np.float32(WORST),
    )
    if last_sample < 0:
        return None
    starts = _trace_back(trace, lows, kmers, last_sample)
    scores = _kmer_scores(signal.astype(np.float32), levels.astype(np.float32), spreads.astype(np.float32),
                          starts, last_sample + 1, np.float32(WORST))
    return SignalAlignment(starts, int(last_sample) + 1, scores)


def event_means(
    signal: Floats, bounds: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Mean signal (K,) of the events between bounds (K + 1,), and which (K,) of them are of a length to be trusted."""
    dwell = np.diff(bounds)
    sums = np.add.reduceat(np.append(signal[: bounds[-1]], 0.0), bounds[:-1])
    return sums / np.maximum(dwell, 1), (dwell >= 3) & (dwell < 100)


def fit_scaling(signal: Floats, alignment: SignalAlignment, levels: Floats) -> tuple[float, float]:
    """Shift and scale that bring a signal nearest to the levels it was aligned to: (signal - shift) / scale.

    Least squares of the k-mers' median-like means on their levels, skipped k-mers left out, outliers trimmed once.
    """
    means, used = event_means(signal, np.append(alignment.starts, alignment.end))
    means, expected = means[used], levels[used]
    scale, shift = np.polyfit(expected, means, 1)
    residual = np.abs(means - (scale * expected + shift))
    keep = residual <= 3 * np.median(residual) / 0.6745
    scale, shift = np.polyfit(expected[keep], means[keep], 1)
    return float(shift), float(scale)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _viterbi(signal, levels, spreads, band, move, stay, skip, worst):  # type: ignore[no-untyped-def]
    samples, kmers = len(signal), len(levels)
    trace = np.zeros((samples, band), np.uint8)
    lows = np.zeros(samples, np.int32)
    minus = np.float32(-1e30)
    inverse = (1.0 / spreads).astype(np.float32)
    log_spread = np.log(spreads).astype(np.float32)
    old = np.full(band + 2, minus, np.float32)  # old[j + 2] is the score of k-mer low + j; two cells of margin
    new = np.full(band + 2, minus, np.float32)
    low = 0
    best_end, best_end_sample = minus, -1
    half = np.float32(0.5)
    for t in range(samples):
        x = signal[t]
        background = half * x * x
        lows[t] = low
        for j in range(band):
            k = low + j
            z = (x - levels[k]) * inverse[k]
            emission = max(background - half * z * z - log_spread[k], worst)
            keep, step, jump = old[j + 2] + stay, old[j + 1] + move, old[j] + move - skip
            best, code = keep, np.uint8(0)
            if step > best:
                best, code = step, np.uint8(1)
            if jump > best:
                best, code = jump, np.uint8(2)
            if k == 0 and best < 0:
                best, code = np.float32(0.0), np.uint8(3)
            new[j + 2] = best + emission
            trace[t, j] = code
        if low + band == kmers and new[band + 1] > best_end:
            best_end, best_end_sample = new[band + 1], t
        shift = 0
        if t % 8 == 7 and low + band < kmers:
            top, where = minus, 0
            for j in range(band):
                if new[j + 2] > top:
                    top, where = new[j + 2], j
            shift = min(max(where - band // 2, 0), kmers - band - low)
        if shift:
            for j in range(band):
                old[j + 2] = new[j + 2 + shift] if j + shift < band else minus
            old[1] = new[1 + shift]
            old[0] = new[shift]
            low += shift
        else:
            old, new = new, old
            old[0] = minus
            old[1] = minus
    return trace, lows, best_end_sample


@numba.njit(cache=True, nogil=True)
def _trace_back(trace, lows, kmers, last_sample):  # type: ignore[no-untyped-def]
    starts = np.zeros(kmers, np.int32)
    k = kmers - 1
    t = last_sample
    while t >= 0:
        code = trace[t, k - lows[t]]
        if code == 0:
            t -= 1
            continue
        starts[k] = t
        if code == 3:
            break
        if code == 2:
            starts[k - 1] = t
        k -= code
        t -= 1
    return starts


@numba.njit(cache=True, nogil=True)
def _kmer_scores(signal, levels, spreads, starts, end, worst):  # type: ignore[no-untyped-def]
    kmers = len(levels)
    scores = np.zeros(kmers, np.float32)
    for k in range(kmers):
        stop = starts[k + 1] if k + 1 < kmers else end
        total = np.float32(0.0)
        for t in range(starts[k], stop):
            z = (signal[t] - levels[k]) / spreads[k]
            total += max(np.float32(0.5) * (signal[t] * signal[t] - z * z) - np.log(spreads[k]), worst)
        if stop > starts[k]:
            scores[k] = total / (stop - starts[k])
    return scores
