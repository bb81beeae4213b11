"""Ends of linear genomes: there, and without adapters."""

from __future__ import annotations

import edlib
import numpy as np
import pytest
from genomes import mutate, random_genome, sample_reads

from basecaller.adapter import BACK, FRONT
from basecaller.assembly.assemble import assemble
from basecaller.assembly.ends import without_adapter
from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import Codes, decode, encode, reverse_complement

GENOME = random_genome(20_000, 8)


def with_adapters(reads: ReadSet) -> ReadSet:
    """Each read between the ligation adapters, which are read with errors like the rest."""
    rng = np.random.default_rng(2)
    front, back = encode(FRONT["ligation"]), encode(BACK["ligation"])
    records = []
    for number in range(len(reads)):
        whole = np.concatenate([mutate(front, 0.05, rng), reads.read(number), mutate(back, 0.05, rng)])
        records.append((f"a{number}", whole, np.full(len(whole), 12, np.uint8)))
    return pack(records)


def lost_and_added(contig: Codes, genome: Codes) -> tuple[int, int]:
    """Bases of the genome that a contig lacks at its ends, and bases that it has beyond them, of the worse end."""
    lost = added = 0
    for codes, truth in ((contig, genome), (reverse_complement(contig), reverse_complement(genome))):
        begin = decode(codes[:200])
        hit = edlib.align(begin[100:], decode(truth[:400]), mode="HW", task="locations")
        before = hit["locations"][0][0] - 100  # bases of the genome before the contig begins, if it has no errors
        lost, added = max(lost, before), max(added, -before)
    return lost, added


@pytest.mark.parametrize("bases", [8, 12, 22])
def test_a_tail_that_is_nothing_but_the_beginning_of_an_adapter_is_cut_off(bases: int) -> None:
    adapter = encode(BACK["ligation"])[:bases]
    assert not len(without_adapter(adapter))
    tail = np.concatenate([GENOME[:100], adapter])
    assert len(without_adapter(tail)) in (99, 100)  # a base may go with it, where it fits as well


@pytest.mark.parametrize("adapters", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_linear_genome_is_whole_to_its_ends(seed: int, adapters: bool) -> None:
    reads = sample_reads(GENOME, 20, 4000, 0.06, seed=seed, circular=False)
    assembly = assemble(with_adapters(reads) if adapters else reads)
    assert len(assembly.contigs) == 1 and not assembly.contigs[0].circular
    contig = assembly.contigs[0].codes
    if edlib.align(decode(contig[:500]), decode(GENOME[:2000]), mode="HW")["editDistance"] > 100:
        contig = reverse_complement(contig)
    lost, added = lost_and_added(contig, GENOME)
    assert lost <= 3 and added <= (6 if adapters else 3)  # a few bases of an adapter may be taken for the genome's
    for end, truth in ((contig, GENOME), (reverse_complement(contig), reverse_complement(GENOME))):
        wrong = edlib.align(decode(end[added : 100 + added]), decode(truth[:110]), mode="HW")["editDistance"]
        assert wrong <= 2  # as everywhere: not the errors of the one read that reaches furthest
