"""Expected current levels of a sequence: what forced alignment compares a signal with."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.bases import kmers
from basecaller.errors import UsageError
from basecaller.packed import open_unpacked


@dataclass(frozen=True, slots=True, eq=False)
class KmerLevels:
    """Mean and standard deviation of the normalised current of every k-mer, standardised over the k-mers."""

    k: int
    mean: npt.NDArray[np.float32]
    """(4**k,), k-mers in lexicographic order."""
    spread: npt.NDArray[np.float32]
    """(4**k,)."""

    @property
    def centre(self) -> int:
        """The base of a k-mer that a change of level is attributed to (0-based)."""
        return self.k // 2

    def of(self, bases: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Levels and spreads (L - k + 1,) of a sequence (L,) of 0..3."""
        index = kmers(bases, self.k)
        return self.mean[index], self.spread[index]


TABLE_SPREAD = 0.25
"""Deviation of the current around a published level, over the deviation of the levels (within-read noise)."""


def read_levels(path: str | Path) -> KmerLevels:
    """Read a k-mer table (TSV, gzipped or not; columns `kmer` and `level_mean`, in any units) to start from.

    `UsageError` when the file is not such a table or misses k-mers.
    """
    path = Path(path)
    try:
        with open_unpacked(path) as handle:
            lines = [line.split("\t") for line in handle.read().decode().splitlines() if line[:1] not in "#"]
        kmer, level = lines[0].index("kmer"), lines[0].index("level_mean")
        table = {row[kmer]: float(row[level]) for row in lines[1:]}
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise UsageError(f"{path}: not a table of k-mer levels with columns kmer and level_mean ({error})") from None
    k = len(next(iter(table), ""))
    if len(table) != 4**k or any(len(name) != k for name in table):
        raise UsageError(f"{path}: holds {len(table)} k-mers of length {k}, not all {4**k}")
    mean = np.array([table[name] for name in sorted(table)])
    mean = (mean - mean.mean()) / mean.std()
    return KmerLevels(k, mean.astype(np.float32), np.full(4**k, TABLE_SPREAD, np.float32))
