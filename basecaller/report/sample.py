"""A fair part of a run's reads, small enough to be mapped in a minute whatever the size of the run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from basecaller.called import CalledRead, read_calls
from basecaller.errors import ReadError
from basecaller.report.folder import RunFolder
from basecaller.report.reads import ReadTable

SAMPLE_BASES = 20_000_000


@dataclass(frozen=True, eq=False)
class Sample:
    """Every `step`-th read of a run."""

    reads: tuple[CalledRead, ...]
    step: int
    total: int
    """Reads of the whole run."""


def sample_reads(run: RunFolder, table: ReadTable, most_bases: int = SAMPLE_BASES) -> Sample:
    """Every n-th read of the run in stored order, n chosen so that about `most_bases` bases are taken."""
    step = max(1, math.ceil(table.bases / most_bases))
    reads = chain.from_iterable(_until_damage(run.calls[i]) for i in range(len(run.calls)))
    return Sample(tuple(islice(reads, 0, None, step)), step, len(table))


def _until_damage(path: object) -> Iterator[CalledRead]:
    try:
        yield from read_calls(str(path))
    except ReadError:
        return  # a file that is still being written; reads.py names it
