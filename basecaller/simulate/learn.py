"""Learn a pore model from reads whose sequence is known: align, take the levels anew, align again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes, kmers
from basecaller.errors import ReadError, UsageError
from basecaller.labels.label import align_read, trusted
from basecaller.labels.levels import KmerLevels
from basecaller.model.config import SignalConfig
from basecaller.reads.read import Read
from basecaller.signal.prepare import prepare
from basecaller.simulate.estimate import FAR, estimate, level_table
from basecaller.simulate.events import MARGIN, AlignedRead, Doubles, Events, events_of
from basecaller.simulate.parts import levels_from_parts
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.reach import Reach, reach_of

ROUNDS = 2
"""Times that levels are taken from the alignment and the reads aligned again."""
GOOD_SHARE = 0.6
"""Share of a read's k-mers that must agree with the signal for the read to teach anything."""
FEW_EVENTS = 5
"""Events per k-mer below which the levels of k-mers not seen are put together from those of their parts."""
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
    sampling_rate: float
    """Samples per second."""


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
            scaling.apply(read.picoamperes()[: prepared.trimmed]), read.info.sampling_rate,
        ))
    return found


def _events_and_base(aligned: list[AlignedRead], levels: KmerLevels) -> tuple[Events, int, Doubles]:
    """The events of reads, the length of their k-mers, and the levels (4**k,) that stand in for k-mers not seen: those
    before, or what the k-mers' parts make likely where the k-mers are too many to be seen."""
    events, k, before = events_of(aligned, levels.k), levels.k, levels.mean.astype(np.float64)
    use = np.isfinite(events.mean) & (np.abs(events.mean - before[events.kmer]) < FAR)
    if use.sum() < FEW_EVENTS * 4**k:
        before = levels_from_parts(events.kmer[use], events.mean[use], k)
    return events, k, before


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
    reads: list[KnownRead], start: KmerLevels, reach: Reach | None = None
) -> tuple[PoreModel, list[AlignedRead]]:
    """A pore model from reads of known sequence, with levels to start from, and the alignment that it came from.

    `reach` is by default that of a pore with k-mers as long as those of `start`. `UsageError` when too few reads fit
    their sequence, or not all have one sampling rate.
    """
    levels, reach = start, reach or reach_of(start.k)
    rates = sorted({read.sampling_rate for read in reads})
    if len(rates) > 1:
        raise UsageError(f"the reads have different sampling rates ({', '.join(f'{rate:g}' for rate in rates)} per "
                         "second); a pore model is learnt from reads of one rate")
    for _ in range(ROUNDS):
        aligned = align_known(reads, levels)
        if len(aligned) < 5:
            raise UsageError(f"only {len(aligned)} of {len(reads)} reads fit their known sequence; it takes 5 or more")
        mean, spread = level_table(*_events_and_base(aligned, levels))
        centre, width = mean.mean(), mean.std()
        levels = KmerLevels(
            levels.k, ((mean - centre) / width).astype(np.float32),
            np.maximum(2 * spread / width, LEAST_SPREAD).astype(np.float32),
        )
    aligned = align_known(reads, levels)
    return estimate(aligned, reach, levels.mean.astype(np.float64), rates[0]), aligned
