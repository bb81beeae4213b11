"""Deep runs: how deep they are judged to be, what is kept of them, and what that stands for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from genomes import random_genome, sample_reads
from test_assemble import write_fastq

from basecaller.assembly.readset import ReadSet, join, load_reads, pack
from basecaller.assembly.thinning import BEST, DRAWN, estimate_depth, right_bases, thin

GENOME = random_genome(20_000, 1)


@pytest.fixture(scope="module")
def deep() -> ReadSet:
    return sample_reads(GENOME, 400, 4000, 0.06, 2)


def test_depth_of_a_sample(deep: ReadSet) -> None:
    assert estimate_depth(deep) == pytest.approx(400, rel=0.15)
    assert estimate_depth(sample_reads(GENOME, 30, 4000, 0.06, 2)) == 0


def test_shallow_reads_stay_as_they_are() -> None:
    reads = sample_reads(GENOME, 30, 4000, 0.06, 2)
    same, aside = thin(reads)
    assert same is reads and aside.reads == 0


def test_the_best_and_some_of_the_others_are_kept(deep: ReadSet) -> None:
    few, aside = thin(deep)
    assert len(few.codes) == pytest.approx((BEST + DRAWN) * len(GENOME), rel=0.2)
    assert aside.reads == len(deep) - len(few) and aside.bases == len(deep.codes) - len(few.codes)
    assert few.weights is not None
    assert float((few.weights * few.lengths).sum()) == pytest.approx(len(deep.codes), rel=1e-3)
    best = few.weights == 1
    others = set(deep.names) - {name for name, kept in zip(few.names, best, strict=True) if kept}
    longest_other = max(len(deep.read(i)) for i, name in enumerate(deep.names) if name in others)
    assert few.lengths[best].min() >= longest_other
    assert [few.names, few.codes.tobytes()] == [thin(deep)[0].names, thin(deep)[0].codes.tobytes()]
    assert [int(name[1:]) for name in few.names] == sorted(int(name[1:]) for name in few.names)


def test_short_reads_of_a_small_circle_are_not_lost(deep: ReadSet) -> None:
    small = sample_reads(random_genome(1500, 3), 400, 900, 0.06, 4)
    small = replace(small, names=[f"small{i}" for i in range(len(small))])
    few, _ = thin(join(deep, small))
    left = sum(len(few.read(i)) for i, name in enumerate(few.names) if name.startswith("small"))
    assert left > 8 * 1500


def test_right_bases() -> None:
    codes = np.zeros(4, np.uint8)
    reads = pack([("a", codes, np.full(4, 10, np.uint8)), ("b", codes, np.full(4, 255, np.uint8))])
    np.testing.assert_allclose(right_bases(reads), [3.6, 4.0])


def test_thinned_while_they_are_read(deep: ReadSet, tmp_path: Path) -> None:
    write_fastq(deep, tmp_path / "reads.fastq")
    most = 0

    def watched(held: ReadSet) -> tuple[ReadSet, object]:
        nonlocal most
        most = max(most, len(held.codes))
        return thin(held)

    few, left_out = load_reads([tmp_path / "reads.fastq"], 200, watched, room=4_000_000)  # type: ignore[arg-type]
    assert most < 4_200_000 and len(few.codes) <= 4_000_000
    assert sum(group.reads for group in left_out) == len(deep) - len(few)
    last = thin(few)[0]
    assert last.weights is not None
    assert float((last.weights * last.lengths).sum()) == pytest.approx(len(deep.codes), rel=1e-3)
