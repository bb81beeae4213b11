"""Contigs cut into windows, at places where an alignment cannot slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.kernel import kernel

Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """The borders of contig c are `borders[first[c]:first[c + 1]]`, from 0 to its length."""

    borders: Int
    first: Int

    @property
    def number(self) -> int:
        """Windows of all contigs."""
        return len(self.borders) - len(self.first) + 1

    def windows(self, contig: int) -> range:
        """Flat numbers of a contig's windows."""
        return range(int(self.first[contig]) - contig, int(self.first[contig + 1]) - contig - 1)

    def span(self, contig: int, window: int) -> tuple[int, int]:
        """Start and end of a window, by flat number."""
        at = window + contig
        return int(self.borders[at]), int(self.borders[at + 1])

    def of(self, contig: int) -> Int:
        """The borders of one contig."""
        return self.borders[self.first[contig] : self.first[contig + 1]]


def make_grid(contigs: Sequence[Contig], size: int) -> Grid:
    """Borders about every `size` bases."""
    wishes = []
    for contig in contigs:
        number = max(1, round(len(contig.codes) / size))
        wishes.append(np.arange(1, number) * len(contig.codes) // number)
    return grid_near(contigs, wishes, size)


def grid_near(contigs: Sequence[Contig], wishes: Sequence[Int], size: int) -> Grid:
    """Borders near the wished-for places (rising, within the contig), each where the bases around repeat least."""
    parts, first = [np.zeros(0, np.int64)], [0]
    for contig, wished in zip(contigs, wishes, strict=True):
        inner = _settle(contig.codes, wished.astype(np.int64), size // 4)
        parts.append(np.unique(np.concatenate([[0], inner, [len(contig.codes)]])))
        first.append(first[-1] + len(parts[-1]))
    return Grid(np.concatenate(parts).astype(np.int64), np.array(first, np.int64))


@kernel
def _settle(codes: Any, wishes: Any, reach: int) -> Any:
    length = len(codes)
    out = np.empty(len(wishes), np.int64)
    for i in range(len(wishes)):
        middle = wishes[i]
        best, best_cost = middle, 1 << 30
        for b in range(max(9, middle - reach), min(length - 9, middle + reach)):
            cost = abs(b - middle) // 16
            for x in range(b - 6, b + 6):
                for period in range(1, 4):
                    if codes[x] == codes[x - period]:
                        cost += 8 // period
            if cost < best_cost:
                best, best_cost = b, cost
        out[i] = best
    return out
