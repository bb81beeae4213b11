"""Contigs whose ends are alike: circles where reads run across, repeats where none does."""

from __future__ import annotations

import numpy as np
from genomes import random_genome, sample_reads

from basecaller.assembly.contig import Contig
from basecaller.assembly.junction import close_where_read, without_circles
from basecaller.assembly.layout import Link


def test_a_repeat_at_both_ends_is_no_circle() -> None:
    repeat, left, right = random_genome(3000, 1), random_genome(9000, 2), random_genome(9000, 3)
    genome = np.concatenate([repeat, left, repeat, right])
    between = Contig("c", np.concatenate([repeat, left, repeat]), False)
    for mean in (1500, 5000):  # no read spans the repeat; many do
        contig = close_where_read([between], sample_reads(genome, 20, mean, 0.05, 4))[0]
        assert not contig.circular and len(contig.codes) == 15_000
        assert "no read runs across" in contig.note


def test_a_circle_is_closed_where_reads_run_across() -> None:
    genome = random_genome(12_000, 5)
    contig = Contig("c", np.resize(genome, 15_000), False)
    closed = close_where_read([contig], sample_reads(genome, 6, 5000, 0.05, 6))[0]
    assert closed.circular and len(closed.codes) == 12_000
    linear = sample_reads(genome, 20, 5000, 0.05, 6, circular=False)
    assert not close_where_read([contig], linear)[0].circular


def test_several_turns_need_no_witness() -> None:
    genome = random_genome(2000, 7)
    contig = Contig("c", np.resize(genome, 9000), False)
    assert close_where_read([contig], sample_reads(genome, 2, 900, 0.0, 8))[0].circular


def test_links_into_a_circle_go() -> None:
    contigs = [Contig("a", random_genome(1000, 1), True), Contig("b", random_genome(1000, 2), False),
               Contig("c", random_genome(1000, 3), False)]
    links = [Link(0, False, 1, False, 500), Link(1, False, 2, True, 500)]
    assert without_circles(links, contigs) == links[1:]
