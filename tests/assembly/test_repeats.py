"""Repeats in contigs, and contigs that a guess joined across them."""

from __future__ import annotations

import numpy as np
from genomes import Codes, random_genome, sample_reads

from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import make_grid
from basecaller.assembly.layout import Link
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.readset import ReadSet
from basecaller.assembly.repeats import find_repeats, split, unspanned
from basecaller.bases import reverse_complement

REPEAT = random_genome(4000, 1)
PARTS = [random_genome(9000, seed) for seed in (2, 3, 4)]
GENOME = np.concatenate([PARTS[0], REPEAT, PARTS[1], REPEAT, PARTS[2], reverse_complement(REPEAT)])


def places(contigs: list[Contig], reads: ReadSet) -> list[list[int]]:
    return unspanned(contigs, map_reads(reads, contigs, make_grid(contigs, 220))[0])


def near(found: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> bool:
    return len(found) == len(wanted) and bool((np.abs(np.array(sorted(found)) - np.array(wanted)) < 40).all())


def test_repeats_of_circles_and_of_linear_contigs() -> None:
    wanted = [(9000, 13_000), (22_000, 26_000), (35_000, 39_000)]
    assert near(find_repeats([Contig("a", GENOME, True)])[0], wanted)
    assert near(find_repeats([Contig("a", GENOME, False)])[0], wanted)
    turned = find_repeats([Contig("a", np.roll(GENOME, -11_000), True)])[0]
    assert near([((s + 11_000) % 39_000, (s + 11_000) % 39_000 + e - s) for s, e in turned], wanted)
    parts = [Contig("a", GENOME[:20_000], False), Contig("b", GENOME[20_000:], False)]
    assert near(find_repeats(parts)[0], wanted[:1]) and len(find_repeats(parts)[1]) == 2
    assert find_repeats([Contig("a", random_genome(30_000, 5), True)]) == [[]]


def test_what_reads_span_is_kept_and_a_guess_is_parted() -> None:
    long, short = sample_reads(GENOME, 30, 7000, 0.05, 6), sample_reads(GENOME, 30, 1200, 0.05, 7)
    right = Contig("a", GENOME, True)
    wrong = Contig("a", np.concatenate([PARTS[0], REPEAT, PARTS[2]]), False)
    assert places([right], long) == [[]]
    assert np.abs(np.array(places([right], short)[0]) - [11_000, 24_000, 37_000]).max() < 30
    for reads in (long, short):
        other = Contig("b", np.concatenate([REPEAT, PARTS[1], REPEAT]), False)
        found = places([wrong, other], reads)
        assert found[1] == [] and len(found[0]) == 1 and abs(found[0][0] - 11_000) < 30


def test_split_contigs_keep_their_links() -> None:
    codes: Codes = np.arange(90, dtype=np.uint8)
    contigs = [Contig("a", codes, False), Contig("b", codes, True), Contig("c", codes, False)]
    links = [Link(0, False, 2, False, 5), Link(0, True, 2, True, 5)]
    parts, moved = split(contigs, links, [[30, 60], [20, 50], []])
    assert [part.codes.tolist() for part in parts] == [
        list(range(30)), list(range(30, 60)), list(range(60, 90)), list(range(20, 50)),
        [*range(50, 90), *range(20)], list(range(90)),
    ]
    assert not any(part.circular for part in parts)
    ends = {(link.source, link.source_reverse, link.sink, link.sink_reverse) for link in moved}
    assert ends == {(2, False, 5, False), (0, True, 5, True), (0, False, 1, False), (1, False, 2, False),
                    (3, False, 4, False), (4, False, 3, False)}
