"""Edits of a contig, of any length: which of them to make, what comes of it, and which to try together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.assembly.edit import APART, written

LONGEST = 48
"""Bases that an edit takes out or puts in at most."""
TOGETHER = 8
"""Bases between two edits that are tried at once, at most."""
PAIRED = 0.25
"""Edits that are paired, for each base of a contig, the best: real ones have 0.06 at first and fewer later, such as two
reads lie over that agree in nothing more than one, and a thousand times as many pairs."""
Codes = npt.NDArray[np.uint8]


class Edit(NamedTuple):
    """Bases `first` to `last` (excluded) give way to `new`."""

    first: int
    last: int
    new: Codes
    score: float = 0.0
    """By how much the contig with it is likelier (natural logarithm)."""

    @property
    def key(self) -> tuple[int, int, bytes]:
        """What tells it from others."""
        return self.first, self.last, self.new.tobytes()

    @property
    def end(self) -> int:
        """`last`, or one base more where bases are only put in."""
        return max(self.last, self.first + 1)

    def moved(self, by: int) -> Edit:
        """The same, so many bases further on."""
        return self._replace(first=self.first + by, last=self.last + by)


def written_out(codes: Codes, i: int, column: int, score: float) -> Edit:
    """The edit that a column of assembly/edit.py means at base i."""
    last, new = written(codes, i, column, np.empty(2, np.uint8))
    return Edit(i, last, new, score)


def apart(edits: list[Edit], length: int) -> list[Edit]:
    """Those of the edits of a contig of `length` bases that stand apart, best first; sorted by place."""
    taken = np.zeros(length, np.bool_)
    chosen = []
    for edit in sorted(edits, key=lambda edit: (-edit.score, *edit.key)):
        if not taken[max(0, edit.first - APART) : edit.end + APART].any():
            taken[edit.first : edit.end] = True
            chosen.append(edit)
    return sorted(chosen, key=lambda edit: edit.first)


def applied(codes: Codes, edits: list[Edit], others: list[Edit]) -> tuple[Codes, npt.NDArray[np.int64], list[Edit]]:
    """The bases after edits (sorted, apart), which old base each of them was (-1: none), and those of the other edits
    that touch none of these, by their new places."""
    parts, origins, at = [], [], 0
    for edit in edits:
        parts += [codes[at : edit.first], edit.new]
        origins += [np.arange(at, edit.first), np.full(len(edit.new), -1)]
        at = edit.last
    new = np.concatenate([*parts, codes[at:]]).astype(np.uint8)
    origin = np.concatenate([*origins, np.arange(at, len(codes))])
    firsts, ends = [edit.first for edit in edits], [edit.end for edit in edits]
    grown = np.cumsum([0, *(len(edit.new) - edit.last + edit.first for edit in edits)])
    kept = []
    for other in others:
        before = int(np.searchsorted(firsts, other.end + APART))
        if before == 0 or ends[before - 1] + APART <= other.first:
            kept.append(other.moved(int(grown[before])))
    return new, origin, kept


def pairs(codes: Codes, edits: list[Edit]) -> list[Edit]:
    """The edits, two at a time where they lie close together: where a contig has two errors, either edit alone may
    look worse than none."""
    best = sorted(edits, key=lambda edit: (-edit.score, *edit.key))[: max(2, int(PAIRED * len(codes)))]
    edits = sorted(best, key=lambda edit: edit.key)
    found = {}
    for a, one in enumerate(edits):
        for other in edits[a + 1 :]:
            if other.first > one.last + TOGETHER:
                break
            both = Edit(one.first, other.last, np.concatenate([one.new, codes[one.last : other.first], other.new]))
            if other.first >= one.end and both.last - both.first <= LONGEST and len(both.new) <= LONGEST:
                found[both.key] = both
    return list(found.values())
