"""Which bases besides the k-mer a pore feels: those that shift its level, and those that its motor holds, and for how
long it holds on before a step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from basecaller.simulate.pore import PoreModel


@dataclass(frozen=True, slots=True)
class Reach:
    """The places around a k-mer that bear on its signal."""

    k: int
    pairs: tuple[tuple[int, int], ...]
    """Pairs of bases whose joint effect on the level is learnt, as offsets from the k-mer's first base."""
    motor: range
    """Bases inside the motor while the k-mer is read, as offsets from the base in its centre."""
    held: float = 0.0
    """See `PoreModel.held`."""

    @property
    def motor_places(self) -> list[tuple[int]]:
        """The bases inside the motor, as offsets from the k-mer's first base."""
        return [(offset + self.k // 2,) for offset in self.motor]

    @classmethod
    def beyond(cls, k: int, outer: tuple[int, ...], motor: range, held: float = 0.0) -> Reach:
        """With each pair of an `outer` base and one of the k-mer, and pairs of neighbours among the outer ones."""
        mixed = ((place, inner) for place in outer for inner in range(k))
        neighbours = ((a, b) for a, b in pairwise(outer) if b == a + 1)
        return cls(k, (*mixed, *neighbours), motor, held)


KNOWN = {
    6: Reach.beyond(6, (-2, -1, 6, 7, 9, 10), range(6, 14), held=8.0),  # R9.4.1
    9: Reach.beyond(9, (-2, -1, 9, 10), range(8, 17)),  # R10.4.1
}
"""By length of k-mer, what effects of single bases on levels and dwell times of real reads showed, and when strands
slipped."""


def reach_of(k: int) -> Reach:
    """The reach of a pore of which only the length of its k-mers is known: two bases on either side, no motor known
    but for where the enzyme sits above the pore."""
    return KNOWN.get(k) or Reach.beyond(k, (-2, -1, k, k + 1), range(8, 16))


def reach_of_pore(pore: PoreModel) -> Reach:
    """The reach that a pore model was learnt with."""
    pairs = tuple((first, second) for first, second in pore.pairs.tolist())
    return Reach(pore.k, pairs, range(pore.motor_offset, pore.motor_offset + len(pore.motor)), pore.held)
