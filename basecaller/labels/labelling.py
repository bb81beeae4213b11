"""From reads and their known sequences to a label file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from basecaller.errors import ReadError
from basecaller.labels.dataset import LabelWriter
from basecaller.labels.label import stretches
from basecaller.labels.levels import KmerLevels
from basecaller.labels.truth import Truth
from basecaller.model.config import SignalConfig
from basecaller.reads.source import ReadSource
from basecaller.signal.prepare import prepare


@dataclass(slots=True)
class LabelCount:
    """What went into a label file."""

    reads: int = 0
    stretches: int = 0
    bases: int = 0
    samples: int = 0
    without_truth: int = 0


def label_reads(
    source: ReadSource, truth: dict[str, Truth], levels: KmerLevels, config: SignalConfig, path: str | Path
) -> LabelCount:
    """Label every read of `source` whose truth is known; reads that do not fit it go to the source's quarantine."""
    count = LabelCount()
    with LabelWriter(path, scaling=config.scaling) as writer:
        for read in source:
            known = truth.get(read.read_id)
            if known is None:
                count.without_truth += 1
                continue
            try:
                prepared = prepare(read, config)
            except ReadError as error:
                source.quarantine.add_error(error)
                continue
            found = stretches(read.read_id, prepared.signal, known.bases, levels)
            if not found:
                source.quarantine.add(read.info.path, read.read_id, "its signal does not fit its known sequence")
                continue
            count.reads += 1
            for stretch in found:
                writer.add(stretch, known.origin)
                count.stretches += 1
                count.bases += len(stretch.bases)
                count.samples += len(stretch.signal)
    return count
