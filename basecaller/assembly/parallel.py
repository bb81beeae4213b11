"""Threads over blocks of reads, for kernels that let go of the interpreter; results keep the order of the blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

BLOCK_BASES = 4_000_000
T = TypeVar("T")


def blocks(lengths: npt.NDArray[np.int64], bases: int = BLOCK_BASES) -> list[tuple[int, int]]:
    """Ranges (first, last) of reads that hold about `bases` bases each; the same for any number of threads."""
    if len(lengths) == 0:
        return []
    ends = np.cumsum(lengths)
    cuts = np.searchsorted(ends, np.arange(bases, int(ends[-1]) + bases, bases)) + 1
    cuts = np.unique(np.minimum(cuts, len(lengths)))
    return list(zip([0, *cuts[:-1].tolist()], cuts.tolist(), strict=True))


def run_blocks(work: Callable[[int, int], T], ranges: Sequence[tuple[int, int]], threads: int) -> list[T]:
    """`work(first, last)` for each range, on `threads` threads; the results in the order of the ranges."""
    if threads <= 1 or len(ranges) <= 1:
        return [work(first, last) for first, last in ranges]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda bounds: work(*bounds), ranges))
