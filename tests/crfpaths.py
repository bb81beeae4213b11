"""The paths of a CTC-CRF by the definition, for tests to enumerate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

Walk = list[tuple[int, int]]


def step(kmer: tuple[int, ...], second: bool, new: int, flip_flop: bool) -> tuple[tuple[int, ...], bool, int]:
    """The k-mer after a base, whether it is a run's second state, and the transition."""
    in_run = kmer == (new,) * len(kmer)
    return (*kmer[1:], new), flip_flop and in_run and not second, 1 + kmer[0]


def number(kmer: tuple[int, ...], second: bool) -> int:
    """Of a state."""
    return 4 ** len(kmer) + kmer[0] if second else int("".join(map(str, kmer)), 4)


def all_paths(k: int, steps: int, flip_flop: bool = False
              ) -> Iterator[tuple[tuple[int, ...], tuple[int | None, ...], Walk]]:
    """(first k-mer, the base or None of each step, the state and transition of each step) of every path."""
    for start in itertools.product(range(4), repeat=k):
        for choice in itertools.product([None, 0, 1, 2, 3], repeat=steps):
            kmer, second, walk = start, False, []
            for new in choice:
                slot = 0
                if new is not None:
                    kmer, second, slot = step(kmer, second, new, flip_flop)
                walk.append((number(kmer, second), slot))
            yield start, choice, walk


def states(k: int, flip_flop: bool) -> int:
    """How many there are."""
    return 4**k + 4 * flip_flop
