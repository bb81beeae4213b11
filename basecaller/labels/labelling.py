"""From reads and their known sequences to a label file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from basecaller.called import Moved
from basecaller.errors import ReadError
from basecaller.labels.dataset import LabelWriter, Origin
from basecaller.labels.label import Stretch, stretches
from basecaller.labels.levels import KmerLevels
from basecaller.labels.moves import carried
from basecaller.labels.truth import Truth
from basecaller.model.config import SignalConfig
from basecaller.reads.source import ReadSource
from basecaller.signal.prepare import Prepared, prepare


@dataclass(slots=True)
class LabelCount:
    """What went into a label file."""

    reads: int = 0
    stretches: int = 0
    bases: int = 0
    samples: int = 0
    without_truth: int = 0


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels found for a read."""

    stretches: list[Stretch]
    origin: Origin = field(default_factory=Origin)


Labeller = Callable[[Prepared], Labelled | None]
"""Finds a read's labels; None where nothing is known of the read."""


def by_alignment(
    truth: dict[str, Truth], levels: KmerLevels, settle: Callable[[Stretch], Stretch] | None = None
) -> Labeller:
    """Forced alignment of the signal to the known sequences; `settle` places the bases of a stretch a second time."""

    def label(prepared: Prepared) -> Labelled | None:
        known = truth.get(prepared.info.read_id)
        if known is None:
            return None
        found = stretches(prepared.info.read_id, prepared.signal, known.bases, levels)
        return Labelled([settle(stretch) for stretch in found] if settle else found, known.origin)

    return label


def by_moves(calls: Iterable[Moved], truth: dict[str, Truth] | None, min_qscore: float) -> Labeller:
    """The calls themselves, of reads of at least `min_qscore`, or `truth` in the places that the calls give it."""
    moved = {call.read_id: call for call in calls if truth is not None or call.mean_qscore >= min_qscore}

    def label(prepared: Prepared) -> Labelled | None:
        name = prepared.info.read_id
        if name not in moved or (truth is not None and name not in truth):
            return None
        if truth is None:
            return Labelled(carried(moved[name], prepared, None))
        return Labelled(carried(moved[name], prepared, truth[name].bases), truth[name].origin)

    return label


def label_reads(source: ReadSource, label: Labeller, config: SignalConfig, path: str | Path) -> LabelCount:
    """Label the reads of `source`; those whose signal does not fit what is known go to the source's quarantine."""
    count = LabelCount()
    with LabelWriter(path, scaling=config.scaling) as writer:
        for read in source:
            try:
                prepared = prepare(read, config)
            except ReadError as error:
                source.quarantine.add_error(error)
                continue
            found = label(prepared)
            if found is None:
                count.without_truth += 1
                continue
            if not found.stretches:
                source.quarantine.add(read.info.path, read.read_id, "its signal does not fit its known sequence")
                continue
            count.reads += 1
            for stretch in found.stretches:
                writer.add(stretch, found.origin)
                count.stretches += 1
                count.bases += len(stretch.bases)
                count.samples += len(stretch.signal)
    return count
