"""Counting errors along alignments: plain arrays of counts, one numba loop per question, merged by adding.

Every loop walks the columns of one `Alignment` (see alignment.py): codes 0..3 for A, C, G, T, 4 for an unknown base,
5 for a gap. A column of two unknown bases says nothing and is counted nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt

from basecaller.bases import GAP, UNKNOWN, Codes
from basecaller.evaluation.alignment import Alignment

Counts = npt.NDArray[np.int64]

MATCH, MISMATCH, INSERTION, DELETION = 0, 1, 2, 3

KMER = 5
LONGEST_RUN = 15
"""Homopolymers of this length and longer are counted together."""
MAX_Q = 93
LONGEST_ERROR = 50
"""A longer insertion is taken for a difference between sample and reference, and is no test of a Q score."""
START_BASES, START_BIN = 1000, 20
"""The first bases of a read, looked at in steps of `START_BIN` bases."""
PARTS = 50
"""Equal parts that the whole length of a read is looked at in."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts over any number of alignments; all int64, so that the order of adding does not matter."""

    columns: Counts = field(default_factory=lambda: np.zeros(4, np.int64))
    """Matches, mismatches, inserted bases, deleted bases."""
    substitutions: Counts = field(default_factory=lambda: np.zeros((6, 6), np.int64))
    """[reference code, called code]; a gap in either place is code 5."""
    runs: Counts = field(default_factory=lambda: np.zeros((4, LONGEST_RUN + 1, 2 * LONGEST_RUN + 1), np.int64))
    """[base, length in the reference, length as called] of homopolymers (a lone base has length 1)."""
    kmers: Counts = field(default_factory=lambda: np.zeros((4**KMER, 4), np.int64))
    """[k-mer of the reference, what became of its middle base]; an insertion, of however many bases, counts once,
    for the k-mer whose middle base stands before it."""
    quality: Counts = field(default_factory=lambda: np.zeros((MAX_Q + 1, 4), np.int64))
    """[Q]: aligned bases with this Q, mismatches, inserted bases, and half-errors charged (see `base_errors`); bases
    in an insertion of more than `LONGEST_ERROR` bases are left out."""
    start: Counts = field(default_factory=lambda: np.zeros((START_BASES // START_BIN, 5), np.int64))
    """[step from the read's start]: bases, then matches, mismatches, insertions and deletions (which count where
    the base before them stands); bases that are in no column were clipped by the mapper."""
    parts: Counts = field(default_factory=lambda: np.zeros((PARTS, 5), np.int64))
    """The same over equal parts of each read's length."""

    def add(self, alignment: Alignment) -> Counts:
        """Count one alignment; returns its own (4,) columns."""
        reference, called = alignment.reference, alignment.called
        columns: Counts = count_columns(reference, called)
        self.columns[:] += columns
        _add_substitutions(reference, called, self.substitutions)
        _add_runs(reference, called, self.runs)
        _add_kmers(reference, called, self.kmers)
        if alignment.qualities is not None:
            _add_quality(reference, called, alignment.qualities, base_errors(reference, called), self.quality)
        _add_positions(reference, called, alignment.start, alignment.length, self.start, self.parts)
        return columns

    def merge(self, other: Tally) -> None:
        """Add another tally's counts to this one."""
        for name in self.__slots__:
            getattr(self, name)[:] += getattr(other, name)


@numba.njit(cache=True)
def _kind(reference: int, called: int) -> int:
    """What a column is; -1 for two unknown bases."""
    if reference == GAP:
        return INSERTION
    if called == GAP:
        return DELETION
    if reference != called:
        return MISMATCH
    return -1 if reference == UNKNOWN else MATCH


@numba.njit(cache=True)
def count_columns(reference: Codes, called: Codes) -> Counts:
    """(4,) matches, mismatches, inserted and deleted bases."""
    counts = np.zeros(4, dtype=np.int64)
    for column in range(len(reference)):
        kind = _kind(reference[column], called[column])
        if kind >= 0:
            counts[kind] += 1
    return counts


@numba.njit(cache=True)
def base_errors(reference: Codes, called: Codes) -> Codes:
    """(L,) half-errors charged to each called base, 0, 1 or 2: what its Q score should have foreseen.

    A mismatched or inserted base is one error. A deleted base has no Q score of its own: it charges half an error to
    the called base before it and half to the one after it. No base is charged more than one error.
    """
    charged = np.zeros(np.sum(called != GAP), dtype=np.uint8)
    base = 0
    for column in range(len(reference)):
        kind = _kind(reference[column], called[column])
        if kind == DELETION:
            if base > 0:
                charged[base - 1] = min(2, charged[base - 1] + 1)
            if base < len(charged):
                charged[base] = min(2, charged[base] + 1)
        else:
            if kind in (MISMATCH, INSERTION):
                charged[base] = 2
            base += 1
    return charged


@numba.njit(cache=True)
def _add_substitutions(reference: Codes, called: Codes, table: Counts) -> None:
    for column in range(len(reference)):
        table[reference[column], called[column]] += 1


@numba.njit(cache=True)
def _add_runs(reference: Codes, called: Codes, table: Counts) -> None:
    """Length as called of every homopolymer of the reference: how many bases of its kind the read has between the
    columns of the two bases beside it. The first and last run are cut by the alignment's ends and left out."""
    longest, longest_called = table.shape[1] - 1, table.shape[2] - 1
    inserted = np.zeros(UNKNOWN + 1, dtype=np.int64)  # since the last column with a reference base
    base, length, found, first = -1, 0, 0, True
    for column in range(len(reference)):
        r, c = reference[column], called[column]
        if r == GAP:
            inserted[c] += 1
            continue
        if r != base:
            if base >= 0:
                if not first and base != UNKNOWN:
                    found += inserted[base]
                    table[base, min(length, longest), min(found, longest_called)] += 1
                first = False
            base, length, found = r, 0, 0
        length += 1
        found += inserted[r]
        if c == r:
            found += 1
        inserted[:] = 0


@numba.njit(cache=True)
def _add_kmers(reference: Codes, called: Codes, table: Counts) -> None:
    """Middle bases of all k-mers of the reference that are wholly inside the alignment and free of unknown bases."""
    bases = np.empty(len(reference), dtype=np.uint8)
    kinds = np.empty(len(reference), dtype=np.uint8)
    inserted = np.zeros(len(reference), dtype=np.uint8)
    count = 0
    for column in range(len(reference)):
        if reference[column] == GAP:
            if count > 0:
                inserted[count - 1] = 1
            continue
        bases[count] = reference[column]
        kinds[count] = max(0, _kind(reference[column], called[column]))
        count += 1
    kmer, known = 0, 0
    for last in range(count):
        known = known + 1 if bases[last] != UNKNOWN else 0
        kmer = (kmer * 4 + bases[last]) % len(table)
        if known >= KMER:
            middle = last - KMER // 2
            table[kmer, kinds[middle]] += 1
            table[kmer, INSERTION] += inserted[middle]


@numba.njit(cache=True)
def _add_quality(reference: Codes, called: Codes, qualities: Codes, charged: Codes, table: Counts) -> None:
    base = column = 0
    while column < len(reference):
        end = column + 1
        if reference[column] == GAP:
            while end < len(reference) and reference[end] == GAP:
                end += 1
            if end - column > LONGEST_ERROR:
                base += end - column
                column = end
                continue
        for inside in range(column, end):
            kind = _kind(reference[inside], called[inside])
            if kind != DELETION:
                q = min(qualities[base], len(table) - 1)
                table[q, 0] += 1
                if kind in (MISMATCH, INSERTION):
                    table[q, kind] += 1
                table[q, 3] += charged[base]
                base += 1
        column = end


@numba.njit(cache=True)
def _add_positions(reference: Codes, called: Codes, start: int, length: int, steps: Counts, parts: Counts) -> None:
    step_size, count = START_BASES // len(steps), len(parts)
    for base in range(length):
        if base < START_BASES:
            steps[base // step_size, 0] += 1
        parts[base * count // length, 0] += 1
    base = start - 1
    for column in range(len(reference)):
        kind = _kind(reference[column], called[column])
        if kind != DELETION:
            base += 1
        if kind < 0:
            continue
        if base < START_BASES:
            steps[max(base, 0) // step_size, 1 + kind] += 1
        parts[max(base, 0) * count // length, 1 + kind] += 1
