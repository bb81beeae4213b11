"""Mapping and columns, against minimap2's own difference strings and against reads made with known errors."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import mappy
import numpy as np
import pytest

from basecaller.bases import GAP, UNKNOWN, encode
from basecaller.called import CalledRead
from basecaller.errors import UsageError
from basecaller.evaluation.alignment import Mapper

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def reverse_complement(sequence: str) -> str:
    return sequence.translate(COMPLEMENT)[::-1]


def random_sequence(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list("ACGT"), length))


def with_errors(rng: np.random.Generator, sequence: str, rate: float) -> str:
    """Mismatches, insertions and deletions at a third of `rate` each."""
    made = []
    for base in sequence:
        draw = rng.random() / rate
        if draw < 1 / 3:
            made.append(rng.choice([other for other in "ACGT" if other != base]))
        elif draw < 2 / 3:
            made.append(base + rng.choice(list("ACGT")))
        elif draw >= 1:
            made.append(base)
    return "".join(made)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A reference of two contigs, with lower case letters and a stretch of N as real ones have."""
    rng = np.random.default_rng(5)
    first, second = random_sequence(rng, 12000), random_sequence(rng, 8000)
    contigs = {"one": first[:5000] + "N" * 6 + first[5006:], "two": second}
    path = tmp_path_factory.mktemp("genome") / "reference.fa.gz"
    with gzip.open(path, "wt") as handle:
        handle.write(f">one and more\n{contigs['one']}\n>two\n{contigs['two'].lower()}\n")
    return path, contigs


def letters(codes: np.ndarray) -> str:
    return "".join("ACGTN-"[code] for code in codes)


def columns_from_cs(cs: str, reference: str, reverse: bool) -> tuple[str, str]:
    """Reference and read, gaps as `-`, in the read's direction, from minimap2's short difference string."""
    expected, called, at = [], [], 0
    for operation, value in re.findall(r"([:*+-])([0-9a-z]+)", cs):
        if operation == ":":
            stretch = reference[at : at + int(value)]
            expected.append(stretch)
            called.append(stretch)
            at += int(value)
        elif operation == "*":
            expected.append(value[0].upper())
            called.append(value[1].upper())
            at += 1
        elif operation == "+":
            expected.append("-" * len(value))
            called.append(value.upper())
        else:
            expected.append(value.upper())
            called.append("-" * len(value))
            at += len(value)
    pair = "".join(expected), "".join(called)
    return (pair[0].translate(COMPLEMENT)[::-1], pair[1].translate(COMPLEMENT)[::-1]) if reverse else pair


def test_columns_are_those_of_minimap2_in_the_reads_direction(genome: tuple[Path, dict[str, str]]) -> None:
    path, contigs = genome
    rng = np.random.default_rng(6)
    mapper, oracle = Mapper(path), mappy.Aligner(str(path), preset="map-ont", best_n=1)
    strands = set()
    for number in range(40):
        contig = "one" if number % 2 else "two"
        start = int(rng.integers(0, len(contigs[contig]) - 3000))
        truth = contigs[contig][start : start + 3000].replace("N", "C")
        read = with_errors(rng, truth if number % 4 < 2 else reverse_complement(truth), 0.12)
        qualities = rng.integers(1, 50, len(read)).astype(np.uint8)
        found = mapper.align(CalledRead("r", read, qualities))
        assert found is not None
        hit = next(h for h in oracle.map(read, cs=True) if h.is_primary)
        reference = contigs[hit.ctg][hit.r_st : hit.r_en]
        assert (letters(found.reference), letters(found.called)) == columns_from_cs(hit.cs, reference, hit.strand < 0)
        assert letters(found.called).replace("-", "") == read[found.start : found.end]
        assert found.qualities is not None
        np.testing.assert_array_equal(found.qualities, qualities[found.start : found.end])
        assert found.contig == contig
        assert start - 30 <= found.reference_start < found.reference_end <= start + 3030
        assert found.strand == (1 if number % 4 < 2 else -1)
        assert found.length == len(read)
        strands.add(found.strand)
    assert strands == {1, -1}


def test_a_read_of_noise_maps_nowhere(genome: tuple[Path, dict[str, str]]) -> None:
    assert Mapper(genome[0]).align(CalledRead("r", random_sequence(np.random.default_rng(9), 2000), None)) is None


def test_codes() -> None:
    assert encode("ACGTacgtUuNRx-").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 3, 3, UNKNOWN, UNKNOWN, UNKNOWN, GAP]


def test_a_reference_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.fa"):
        Mapper(tmp_path / "none.fa")
    empty = tmp_path / "empty.fa"
    empty.write_text("")
    with pytest.raises(UsageError, match=r"empty\.fa"):
        Mapper(empty)
