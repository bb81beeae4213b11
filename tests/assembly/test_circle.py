"""Closing circles, collapsing multimers, and a start that does not depend on where or on which strand one began."""

from __future__ import annotations

import edlib
import numpy as np
import pytest
from genomes import mutate, random_genome

from basecaller.assembly.circle import close, rotate, stable_start
from basecaller.assembly.contig import Contig
from basecaller.bases import decode, reverse_complement


def same_circle(a: np.ndarray, b: np.ndarray) -> bool:
    lap = np.concatenate([b, b]).tobytes()
    return len(a) == len(b) and (a.tobytes() in lap or reverse_complement(a).tobytes() in lap)


@pytest.mark.parametrize("overlap", [400, 3000, 9000])
def test_ends_that_overlap_are_closed_without_loss(overlap: int) -> None:
    genome = random_genome(10_000, 1)
    closed = close(Contig("c", np.concatenate([genome, genome[:overlap]]), False))
    assert closed.circular and same_circle(closed.codes, genome)


def test_multimers_become_one_turn() -> None:
    genome = random_genome(2000, 2)
    closed = close(Contig("c", np.resize(genome, 13_300), False))
    assert closed.circular and same_circle(closed.codes, genome) and "turns" in closed.note


@pytest.mark.parametrize(("length", "circular"), [(3600, False), (28_000, True), (29_300, False)])
def test_many_turns_with_errors_become_one(length: int, circular: bool) -> None:
    genome = random_genome(2000, 2)
    laps = mutate(np.resize(genome, length), 0.01, np.random.default_rng(3))
    closed = close(Contig("c", laps, circular))
    assert closed.circular and abs(len(closed.codes) - 2000) <= 12
    assert edlib.align(decode(closed.codes), decode(np.resize(genome, 4100)), mode="HW")["editDistance"] <= 45


def test_a_tandem_repeat_inside_is_no_circle() -> None:
    tandem = np.concatenate([random_genome(3000, 4), np.resize(random_genome(800, 5), 8000), random_genome(3000, 6)])
    for contig in (Contig("c", tandem, False), Contig("c", tandem, True)):
        assert close(contig) is contig


def test_a_circle_of_two_turns_is_one() -> None:
    genome = random_genome(2000, 2)
    closed = close(Contig("c", np.resize(genome, 4001), True))
    assert closed.circular and abs(len(closed.codes) - 2000) <= 1
    whole = Contig("c", random_genome(4000, 3), True)
    assert close(whole) is whole


def test_a_linear_contig_stays_linear() -> None:
    contig = Contig("c", random_genome(8000, 3), False)
    assert close(contig) is contig


def test_start_is_stable() -> None:
    genome = random_genome(6000, 4)
    started = [stable_start(c, []).codes for c in (
        Contig("c", genome, True), rotate(Contig("c", genome, True), 1234), rotate(Contig("c", genome, True), 77, True),
    )]
    assert (started[0] == started[1]).all() and (started[0] == started[2]).all()


@pytest.mark.parametrize("flip", [False, True])
def test_start_at_a_gene(flip: bool) -> None:
    genome = random_genome(6000, 5)
    gene = genome[5500:].copy() if not flip else reverse_complement(genome[2000:2900])
    gene = np.concatenate([gene, genome[:400]]) if not flip else gene
    contig = stable_start(Contig("c", genome, True), [random_genome(900, 6), gene])
    assert (contig.codes[: len(gene)] == gene).all() and same_circle(contig.codes, genome)
