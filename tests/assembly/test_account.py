"""Depths and the table of reads that reached no contig, on placements written by hand and on real mappings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from genomes import random_genome, sample_reads

from basecaller.assembly.account import depths, merged, placed_share, unplaced
from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import make_grid
from basecaller.assembly.mapping import Placements, map_reads
from basecaller.assembly.overlap import find_overlaps
from basecaller.assembly.readset import LeftOut, join, pack


def test_copies_of_a_circle_shorter_than_its_reads() -> None:
    chromosome, plasmid = random_genome(40_000, 1), random_genome(2000, 2)
    reads = join(sample_reads(chromosome, 10, 8000, 0.06, 3), sample_reads(plasmid, 200, 12_000, 0.06, 4))
    contigs = [Contig("a", chromosome, True), Contig("b", plasmid, True)]
    placements, _ = map_reads(reads, contigs, make_grid(contigs, 220))
    once, many = depths(contigs, placements, reads)
    assert once == pytest.approx(10, rel=0.1)
    assert many == pytest.approx(200, rel=0.1)
    heavy = replace(reads, weights=np.full(len(reads), 3.0, np.float32))
    assert depths(contigs, placements, heavy) == pytest.approx([3 * once, 3 * many])


def test_every_read_that_is_left_has_one_reason() -> None:
    codes = random_genome(5000, 5)
    none = np.full(1000, 20, np.uint8)
    reads = pack([(name, codes[start : start + 1000], none)
                  for name, start in (("used", 0), ("dropped", 0), ("alone", 3000), ("half", 0), ("few", 0))])
    overlaps = find_overlaps(reads)
    rows = np.array([[0, 0, 0, 1000], [1, 1, 0, 900], [3, 0, 0, 300]])
    contigs = [Contig("a", codes[:1000], False), Contig("b", codes[:1000], False)]
    false = np.zeros(3, np.bool_)
    placements = Placements(rows[:, 0], false, rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 2], rows[:, 3])
    np.testing.assert_allclose(placed_share(contigs, placements, reads), [1, 0.9, 0, 0.3, 0])
    groups = {group.example: group for group in unplaced(overlaps, contigs, placements, [True, False], reads)}
    assert set(groups) == {"dropped", "alone", "half", "few"}
    assert all(group.reads == 1 and group.bases == 1000 for group in groups.values())
    assert "too shallow" in groups["dropped"].reason and "no other read" in groups["alone"].reason
    assert "less than half" in groups["half"].reason and "too few" in groups["few"].reason


def test_groups_of_one_reason_are_one() -> None:
    groups = [LeftOut("a", 1, 10, "x"), LeftOut("b", 0, 0, ""), LeftOut("a", 2, 30, "y")]
    assert merged(groups) == [LeftOut("a", 3, 40, "x")]
