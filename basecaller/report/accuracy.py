"""How right the reads are, against a reference: identity, kinds of errors, homopolymers, and whether Q comes true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from basecaller.decode.quality import mean_qscore
from basecaller.evaluation.alignment import Mapper
from basecaller.evaluation.tally import Tally
from basecaller.report.sample import Sample

Floats = npt.NDArray[np.float64]
MIN_LENGTH = 200
"""Shorter reads are not scored."""


@dataclass(frozen=True, eq=False)
class Accuracy:
    """The reads of a sample against a reference."""

    reads: int
    """Reads that were long enough to be scored."""
    step: int
    """Every `step`-th read of the run was scored."""
    names: tuple[str, ...]
    """Of the mapped reads, as are the columns below."""
    identity: Floats
    quality: Floats
    """Mean Phred score that the read claims; NaN without qualities."""
    length: Floats
    tally: Tally

    @property
    def mapped(self) -> int:
        return len(self.identity)


class Scored(Protocol):
    """Whatever has a name and may have been scored: a run, or a file of calls."""

    @property
    def name(self) -> str: ...

    @property
    def accuracy(self) -> Accuracy | None: ...


def score(sample: Sample, reference: str | Path) -> Accuracy:
    """Map the sample to a FASTA file and count; a reference that cannot be used is a `UsageError`."""
    mapper, tally = Mapper(reference), Tally()
    rows: list[tuple[str, float, float, float]] = []
    reads = 0
    for read in sample.reads:
        if len(read.sequence) < MIN_LENGTH:
            continue
        reads += 1
        hit = mapper.align(read)
        if hit is not None:
            columns = tally.add(hit)
            quality = float("nan") if read.qualities is None else mean_qscore(read.qualities)
            rows.append((read.name, float(columns[0] / columns.sum()), quality, float(hit.length)))
    numbers = np.array([row[1:] for row in rows], np.float64).reshape(-1, 3)
    return Accuracy(reads, sample.step, tuple(row[0] for row in rows),
                    numbers[:, 0], numbers[:, 1], numbers[:, 2], tally)
