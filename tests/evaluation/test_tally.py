"""Counts along alignments laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from basecaller.bases import encode
from basecaller.evaluation.alignment import Alignment
from basecaller.evaluation.tally import KMER, LONGEST_ERROR, LONGEST_RUN, Tally, base_errors, count_columns


def alignment(reference: str, called: str, qualities: list[int] | None = None, *, start: int = 0,
              length: int | None = None) -> Alignment:
    assert len(reference) == len(called)
    bases = len(called.replace("-", ""))
    return Alignment(
        name="r", length=length or start + bases, start=start, end=start + bases, contig="c", reference_start=0,
        reference_end=len(reference.replace("-", "")), strand=1, mapping_quality=60, reference=encode(reference),
        called=encode(called), qualities=None if qualities is None else np.array(qualities, dtype=np.uint8),
    )


def tally(reference: str, called: str, qualities: list[int] | None = None) -> Tally:
    made = Tally()
    made.add(alignment(reference, called, qualities))
    return made


def runs(reference: str, called: str) -> list[tuple[str, int, int]]:
    """(base, length in the reference, length as called) of each homopolymer that was counted."""
    table = tally(reference, called).runs
    return sorted(("ACGT"[b], int(n), int(c)) for b, n, c in np.argwhere(table) for _ in range(table[b, n, c]))


def test_columns_of_each_kind() -> None:
    assert count_columns(encode("ACGT-ACGNN-"), encode("ACTTAA--NAN")).tolist() == [4, 2, 2, 2]


def test_substitutions() -> None:
    table = tally("AACG-T", "ATCGG-").substitutions
    assert {(int(r), int(c)): int(table[r, c]) for r, c in np.argwhere(table)} == {
        (0, 0): 1, (0, 3): 1, (1, 1): 1, (2, 2): 1, (5, 2): 1, (3, 5): 1,
    }


@pytest.mark.parametrize(
    ("reference", "called", "expected"),
    [
        ("CAAAG", "CAAAG", [("A", 3, 3)]),
        ("CAAAG", "C-AAG", [("A", 3, 2)]),
        ("CAAAG", "CAA-G", [("A", 3, 2)]),
        ("C-AAAG", "CAAAAG", [("A", 3, 4)]),
        ("CA-AAG", "CAAAAG", [("A", 3, 4)]),
        ("CAAA-G", "CAAAAG", [("A", 3, 4)]),
        # a foreign base beside or inside the run does not lengthen it, one in its place shortens it
        ("C-AAAG", "CTAAAG", [("A", 3, 3)]),
        ("CAAAG", "CATAG", [("A", 3, 2)]),
        # the whole run lost, with or without its neighbours
        ("CAAAG", "C---G", [("A", 3, 0)]),
        ("TCAAAGT", "T-----T", [("A", 3, 0), ("C", 1, 0), ("G", 1, 0)]),
        # an inserted base between two runs belongs to the run of its own kind
        ("TCC-AAG", "TCCCAAG", [("A", 2, 2), ("C", 2, 3)]),
        ("TCC-AAG", "TCCAAAG", [("A", 2, 3), ("C", 2, 2)]),
        ("TCC--AAG", "TCCCAAAG", [("A", 2, 3), ("C", 2, 3)]),
        # runs at the ends are cut by the alignment, runs of N are none, and end those beside them
        ("AAACCC", "AAACCC", []),
        ("GNNCCT", "GACCCT", [("C", 2, 2)]),
        # a base that lost its neighbour to a mismatch still has its own length
        ("CAAAG", "TAAAT", [("A", 3, 3)]),
    ],
)
def test_homopolymers(reference: str, called: str, expected: list[tuple[str, int, int]]) -> None:
    assert runs(reference, called) == expected


def test_very_long_homopolymers_are_counted_together() -> None:
    assert runs("C" + "A" * 40 + "G", "C" + "A" * 40 + "G") == [("A", LONGEST_RUN, 2 * LONGEST_RUN)]


def test_insertions_and_deletions_of_a_run_mirror_each_other() -> None:
    """Read backwards, or with the roles of read and reference changed, lengths change places."""
    rng = np.random.default_rng(3)
    pairs = [(int(r), int(c)) for r, c in rng.integers(1, 9, (30, 2))]
    reference = called = "T"
    for number, (r, c) in enumerate(pairs):
        longest, base = max(r, c), "ACG"[number % 3]
        reference += (base * r).ljust(longest, "-") + "T"
        called += (base * c).rjust(longest, "-") + "T"
    kept = sorted(("ACG"[n % 3], *pair) for n, pair in enumerate(pairs))
    assert [run for run in runs(reference, called) if run[0] != "T"] == kept
    assert [run for run in runs(reference[::-1], called[::-1]) if run[0] != "T"] == kept
    swapped = sorted((base, c, r) for base, r, c in kept)
    assert [run for run in runs(called, reference) if run[0] != "T"] == swapped


def kmer_row(table: np.ndarray, kmer: str) -> list[int]:
    return table[int("".join(str("ACGT".index(base)) for base in kmer), 4)].tolist()


def test_kmers_are_judged_by_their_middle_base() -> None:
    assert KMER == 5
    table = tally("ACGTACC-AGGT", "ACTTA-CTAGGT").kmers
    assert table[:, [0, 1, 3]].sum() == 11 - 4
    assert kmer_row(table, "ACGTA") == [0, 1, 0, 0]
    assert kmer_row(table, "CGTAC") == [1, 0, 0, 0]
    assert kmer_row(table, "TACCA") == [0, 0, 0, 1]
    assert kmer_row(table, "ACCAG") == [1, 0, 1, 0]
    assert kmer_row(table, "CCAGG") == [1, 0, 0, 0]


def test_an_insertion_of_many_bases_is_one_event_of_its_kmer() -> None:
    assert kmer_row(tally("ACG---TA", "ACGTTTTA").kmers, "ACGTA") == [1, 0, 1, 0]


def test_kmers_with_an_unknown_base_are_left_out() -> None:
    assert tally("ACGTANCCGTA", "ACGTAACCGTA").kmers.sum() == 2


@pytest.mark.parametrize(
    ("reference", "called", "charged"),
    [
        ("ACGT", "ACGT", [0, 0, 0, 0]),
        ("ACGT", "AGGT", [0, 2, 0, 0]),
        ("AC-GT", "ACTGT", [0, 0, 2, 0, 0]),
        ("ACGT", "A-GT", [1, 1, 0]),
        ("ACCGT", "A--GT", [2, 2, 0]),
        ("ACCCCGT", "A----GT", [2, 2, 0]),
        ("ACGTA", "A-G-A", [1, 2, 1]),
        ("ACGT", "-CGT", [1, 0, 0]),
        ("ACGT", "ACG-", [0, 0, 1]),
        ("ACGT", "A-TT", [1, 2, 0]),
        ("ANN", "ANC", [0, 0, 2]),
    ],
)
def test_what_a_base_is_charged(reference: str, called: str, charged: list[int]) -> None:
    assert base_errors(encode(reference), encode(called)).tolist() == charged


def test_quality_table() -> None:
    table = tally("AC-GTTA", "AGCGT-A", [10, 10, 3, 7, 7, 93]).quality
    assert {int(q): table[q].tolist() for q in np.flatnonzero(table.sum(axis=1))} == {
        3: [1, 0, 1, 2], 7: [2, 0, 0, 1], 10: [2, 1, 0, 2], 93: [1, 0, 0, 1],
    }


def test_a_difference_between_sample_and_reference_is_no_test_of_q() -> None:
    for size, bases in ((LONGEST_ERROR, LONGEST_ERROR + 4), (LONGEST_ERROR + 1, 4)):
        table = tally("AC" + "-" * size + "GT", "AC" + "T" * size + "GT", [9] * (size + 4)).quality
        assert table[9].tolist()[0] == bases
        assert table.sum(axis=0)[2] == bases - 4


def test_positions() -> None:
    made = Tally()
    made.add(alignment("ACG-TTA", "ACGCT-G", start=18, length=50))
    #  positions in the read: 18 19 20 21 22, the lost T after 22, then 23
    assert made.start[:3].tolist() == [[20, 2, 0, 0, 0], [20, 2, 1, 1, 1], [10, 0, 0, 0, 0]]
    assert made.parts[:, 0].tolist() == [1] * 50
    assert made.parts[18:24, 1:].tolist() == [
        [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 0],
    ]


def test_merging_is_adding() -> None:
    both, first, second = Tally(), Tally(), Tally()
    for made in (both, first):
        made.add(alignment("ACGTTTACGA", "ACG-TTACGA", [5] * 9))
    for made in (both, second):
        made.add(alignment("TCC-AAGTTC", "TCCAAAGATC", [8] * 10))
    first.merge(second)
    for name in Tally.__slots__:
        np.testing.assert_array_equal(getattr(first, name), getattr(both, name))
    assert both.columns.sum() == 20
