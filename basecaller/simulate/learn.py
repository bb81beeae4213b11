"""Learn a pore model from reads whose sequence is known: align, take the levels anew, align again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes
from basecaller.errors import ReadError, UsageError
from basecaller.labels.label import align_read, trusted
from basecaller.labels.levels import KmerLevels
from basecaller.model.config import SignalConfig
from basecaller.reads.read import Read
from basecaller.signal.prepare import prepare
from basecaller.simulate.estimate import estimate, level_table
from basecaller.simulate.events import MARGIN, AlignedRead, events_of
from basecaller.simulate.pore import Floats, PoreModel, kmers

ROUNDS = 2
"""Times that levels are taken from the alignment and the reads aligned again."""
GOOD_SHARE = 0.6
"""Share of a read's k-mers that must agree with the signal for the read to teach anything."""
LEAST_SPREAD = np.float32(0.2)
"""Least deviation around a level that alignment expects, so that no k-mer is too strict."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownRead:
    """A read and the bases that went through the pore."""

    read_id: str
    group: str
    """Reads of one group share flow cell and sample (the run id)."""
    signal: Floats
    """(S,) scaled by median and MAD, the start trimmed."""
    shift: float
    """pA."""
    scale: float
    """pA."""
    codes: Codes
    """(L,) 0..3."""
    leader: Floats
    """What was trimmed from the start, scaled likewise."""


def known_reads(reads: Iterable[Read], truth: Mapping[str, Codes]) -> list[KnownRead]:
    """The reads whose sequence `truth` holds by read id; those that cannot be used are passed over."""
    found = []
    for read in reads:
        codes = truth.get(read.read_id)
        if codes is None or len(codes) < 100 or codes.max() > 3:
            continue
        try:
            prepared = prepare(read, SignalConfig(scaling="med_mad"))
        except ReadError:
            continue
        scaling = prepared.scaling
        found.append(KnownRead(
            read.read_id, read.info.run.run_id, prepared.signal, scaling.shift, scaling.scale, codes,
            scaling.apply(read.picoamperes()[: prepared.trimmed]),
        ))
    return found


def expected_levels(pore: PoreModel) -> KmerLevels:
    """What alignment expects of a signal from this pore."""
    return KmerLevels(pore.k, pore.levels, np.maximum(pore.deviation, LEAST_SPREAD))


def align_known(reads: Iterable[KnownRead], levels: KmerLevels) -> list[AlignedRead]:
    """The reads laid on their sequences; those that do not fit are left out."""
    aligned = []
    for read in reads:
        result = align_read(read.signal, read.codes, levels)
        if result is None:
            continue
        alignment, (shift, scale) = result
        good = trusted(alignment)
        if good.mean() < GOOD_SHARE:
            continue
        signal = _scaled(read.signal, shift, scale)
        bounds = np.append(alignment.starts, alignment.end).astype(np.int64)
        middle, width = _match(signal, bounds, good, levels.mean[kmers(read.codes, levels.k)])
        shift, scale = shift + scale * middle, scale * width
        aligned.append(AlignedRead(
            read.read_id, read.group, _scaled(read.signal, shift, scale), read.codes, bounds, good,
            shift=read.shift + read.scale * shift, scale=read.scale * scale,
            leader=_scaled(read.leader, shift, scale),
        ))
    return aligned


def _scaled(signal: Floats, shift: float, scale: float) -> Floats:
    return np.asarray((signal - np.float32(shift)) / np.float32(scale), np.float32)


def _match(
    signal: Floats, bounds: npt.NDArray[np.int64], good: npt.NDArray[np.bool_], expected: Floats
) -> tuple[float, float]:
    """Shift and scale by which a read's events have the mean and deviation of their levels, neither shrunk.

    (Regression of noisy means on levels that were fitted to the same means would draw the scale to 1 in each round.)
    """
    first, last = bounds[:-1] + MARGIN, bounds[1:] - MARGIN
    sums = np.concatenate([[0.0], np.cumsum(signal, dtype=np.float64)])
    use = good & (last - first >= 2)
    means = (sums[last[use]] - sums[first[use]]) / (last - first)[use]
    level = expected[use].astype(np.float64)
    near = np.abs(means - level) < 0.6
    covariance = np.cov(means[near], level[near])
    width = 0.5 * (covariance[0, 1] / covariance[1, 1] + covariance[0, 0] / covariance[0, 1])
    return float(means[near].mean() - width * level[near].mean()), float(width)


def learn(
    reads: list[KnownRead], start: KmerLevels, sampling_rate: float = 4000.0
) -> tuple[PoreModel, list[AlignedRead]]:
    """A pore model from reads of known sequence, with levels to start from, and the alignment that it came from.

    `UsageError` when too few reads fit their sequence.
    """
    levels = start
    for _ in range(ROUNDS):
        aligned = align_known(reads, levels)
        if len(aligned) < 5:
            raise UsageError(f"only {len(aligned)} of {len(reads)} reads fit their known sequence; it takes 5 or more")
        mean, spread = level_table(events_of(aligned, levels.k), levels.k, levels.mean.astype(np.float64))
        centre, width = mean.mean(), mean.std()
        levels = KmerLevels(
            levels.k, ((mean - centre) / width).astype(np.float32),
            np.maximum(2 * spread / width, LEAST_SPREAD).astype(np.float32),
        )
    aligned = align_known(reads, levels)
    return estimate(aligned, levels.k, levels.mean.astype(np.float64), sampling_rate), aligned
