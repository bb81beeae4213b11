"""The split into train and held-out parts: no base of the reference on both sides."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basecaller.errors import UsageError
from basecaller.training.split import Placed, Split, split


def covered(reads: tuple[Placed, ...]) -> set[tuple[str, int]]:
    """Places of the reference, in steps of 10 bases."""
    return {(read.contig, place) for read in reads for place in range(read.start // 10, -(-read.end // 10))}


def bases(reads: tuple[Placed, ...] | list[Placed]) -> int:
    return sum(read.end - read.start for read in reads)


def check(found: Split, reads: list[Placed]) -> None:
    """What must hold of every split."""
    assert sorted([*found.train, *found.held_out, *found.apart], key=reads.index) == reads
    assert found.train
    assert found.held_out
    assert not covered(found.train) & covered(found.held_out)
    for locus in found.loci:
        assert not any(r.contig == locus.contig and r.start < locus.end and locus.start < r.end for r in found.train)
    for read in found.held_out:
        assert any(read.contig == locus.contig and locus.start <= read.start and read.end <= locus.end
                   for locus in found.loci)


def reads_of(rng: np.random.Generator, count: int, genome: int, length: int, contig: str = "c") -> list[Placed]:
    """Reads on a grid of 10 bases."""
    starts = 10 * rng.integers(0, (genome - length) // 10, count)
    sizes = 10 * rng.integers(length // 20, length // 10, count)
    return [Placed(f"{contig}{i}", contig, int(starts[i]), int(starts[i] + sizes[i])) for i in range(count)]


@given(st.integers(0, 10**6), st.integers(20, 200), st.sampled_from([500, 3000, 20000]), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_no_place_is_on_both_sides(seed: int, count: int, length: int, contigs: int) -> None:
    rng = np.random.default_rng(seed)
    reads = [read for n in range(contigs) for read in reads_of(rng, count, 100_000, length, f"c{n}")]
    check(split(reads, seed=seed), reads)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.4])
def test_scattered_reads_are_all_used(fraction: float) -> None:
    """Reads of a large genome hardly overlap: none need be lost, and the share is right."""
    reads = reads_of(np.random.default_rng(1), 300, 10**8, 8000)
    found = split(reads, fraction=fraction)
    check(found, reads)
    assert not found.apart
    assert bases(found.held_out) / bases(reads) == pytest.approx(fraction, rel=0.26)


def test_a_deeply_covered_genome_is_cut_once() -> None:
    reads = reads_of(np.random.default_rng(2), 2000, 1_000_000, 8000)
    found = split(reads, fraction=0.2)
    check(found, reads)
    assert len(found.loci) == 1
    assert bases(found.held_out) / bases(reads) == pytest.approx(0.2, rel=0.1)
    assert bases(found.apart) / bases(reads) < 0.03


def test_a_small_genome_keeps_most_of_its_reads_for_training() -> None:
    """A phage of 48 kb, 50 reads of up to 8 kb: the window lies where it cuts through few."""
    reads = reads_of(np.random.default_rng(3), 50, 48_500, 8000)
    found = split(reads, fraction=0.2)
    check(found, reads)
    assert bases(found.train) / bases(reads) > 0.4
    assert bases(found.held_out) / bases(reads) > 0.14


def test_two_covered_loci_are_not_cut() -> None:
    """The smaller of two places where all reads lie is held out whole."""
    rng = np.random.default_rng(4)
    small = reads_of(rng, 20, 20_000, 6000, "a")
    large = [Placed(r.read_id + "b", "a", r.start + 500_000, r.end + 500_000) for r in reads_of(rng, 80, 20_000, 6000)]
    for seed in range(4):
        found = split(small + large, fraction=0.2, seed=seed)
        check(found, small + large)
        assert set(found.held_out) == set(small)
        assert not found.apart


def test_the_order_of_the_reads_does_not_matter() -> None:
    reads = reads_of(np.random.default_rng(5), 200, 300_000, 9000)
    mixed = reads.copy()
    random.Random(1).shuffle(mixed)
    first, second = split(reads, seed=3), split(mixed, seed=3)
    assert first.loci == second.loci
    assert set(first.held_out) == set(second.held_out)


def test_the_seed_chooses_the_loci() -> None:
    reads = reads_of(np.random.default_rng(6), 300, 10**8, 8000)
    assert split(reads, seed=1).loci == split(reads, seed=1).loci
    assert split(reads, seed=1).loci != split(reads, seed=2).loci


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_reads_are_an_error(count: int) -> None:
    with pytest.raises(UsageError, match="too few"):
        split([Placed("r", "c", 0, 1000)] * count)


def test_reads_that_all_cover_the_same_place_cannot_be_split() -> None:
    with pytest.raises(UsageError, match="too few"):
        split([Placed(f"r{i}", "c", i, 10_000 - i) for i in range(20)])


def test_real_reads(shared_data: Path) -> None:
    with (shared_data / "labels" / "labels.tsv").open() as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    for dataset, share in (("ecoli_r94", 0.1), ("kpneumoniae_r94", 0.14)):
        reads = [Placed(r["read_id"], r["contig"], int(r["ref_start"]), int(r["ref_end"])) for r in rows
                 if r["dataset"] == dataset]
        for seed in range(4):
            found = split(reads, seed=seed)
            assert sorted([*found.train, *found.held_out, *found.apart], key=reads.index) == reads
            assert share < bases(found.held_out) / bases(reads) < 0.3
            assert bases(found.train) / bases(reads) > 0.5
