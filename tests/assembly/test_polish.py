"""Polishing with synthetic posteriors that are as sure as they are right."""

from __future__ import annotations

import edlib
import numpy as np
import pytest
from genomes import random_genome

from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import make_grid
from basecaller.assembly.listen import ONE, Heard, stored
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.polish import expected_steps, polish, slice_posteriors
from basecaller.assembly.readset import pack, reverse_complement, to_text


def hear(pieces: list[np.ndarray], rng: np.random.Generator, merge: bool, sureness: float) -> Heard:
    """Posteriors of reads of these sequences: a class that gets probability u is right with probability u."""
    records, emitted, matrices, first = [], [], [], [0]
    for number, piece in enumerate(pieces):
        dwell = rng.integers(2, 5, len(piece))
        labels = np.zeros(dwell.sum(), np.int64)
        starts = np.cumsum(dwell) - dwell
        labels[starts] = piece + 1
        sure = rng.beta(sureness, 1.0, len(labels))
        told = np.where(rng.random(len(labels)) < sure, labels, (labels + rng.integers(1, 5, len(labels))) % 5)
        p = np.repeat(((1 - sure) / 4)[:, None], 5, axis=1)
        p[np.arange(len(labels)), told] = sure
        best = p.argmax(axis=1)
        new = best != 0
        if merge:
            new[1:] &= best[1:] != best[:-1]
        codes = (best[new] - 1).astype(np.uint8)
        records.append((f"r{number}", codes, np.full(len(codes), 10, np.uint8)))
        emitted.append(np.flatnonzero(new).astype(np.int32))
        matrices.append(stored(p))
        first.append(first[-1] + len(p))
    return Heard(pack(records), np.concatenate(matrices), np.array(first), np.concatenate(emitted), merge)


def distance(contig: Contig, truth: np.ndarray) -> int:
    return int(edlib.align(to_text(contig.codes), to_text(truth))["editDistance"])


@pytest.mark.parametrize("merge", [True, False])
def test_fewer_errors_than_the_calls_alone_give(merge: bool) -> None:
    rng = np.random.default_rng(5)
    genome = random_genome(6000, 21)
    pieces = [genome if i % 2 else reverse_complement(genome) for i in range(7)]
    heard = hear(pieces, rng, merge, 9.0 if merge else 60.0)
    draft = [Contig("c", genome, False)]
    for _ in range(2):
        grid = make_grid(draft, WINDOW)
        draft = polish_windows(draft, grid, map_reads(heard.reads, draft, grid)[1], heard.reads)
    polished = polish(draft, heard)[0]
    before, after = distance(draft[0], genome), distance(polished, genome)
    assert before >= 10
    assert after <= before / 3
    assert polished.qualities is not None and len(polished.qualities) == len(polished.codes)
    assert (polish(draft, heard, threads=3)[0].codes == polished.codes).all()


def test_circle_keeps_its_start() -> None:
    rng = np.random.default_rng(6)
    genome = random_genome(5000, 22)
    pieces = [np.resize(np.roll(genome, -int(start)), 4000) for start in rng.integers(0, 5000, 12)]
    heard = hear(pieces, rng, True, 30.0)
    wrong = genome.copy()
    wrong[[3, 700, 2500, 4998]] ^= 1
    polished = polish([Contig("c", wrong, True)], heard)[0]
    assert distance(polished, genome) <= 1


def test_reverse_slices_are_the_other_strand() -> None:
    p = np.random.default_rng(7).dirichlet(np.ones(5), 9)
    p = stored(p)
    there, back = slice_posteriors(p, 2, 8, False), slice_posteriors(p, 2, 8, True)
    np.testing.assert_array_equal(back[::-1][:, [0, 4, 3, 2, 1]], there)
    np.testing.assert_allclose(there, p[2:8] / ONE, atol=2e-5)
    emitted = np.array([0, 3, 4, 7], np.int32)
    np.testing.assert_array_equal(expected_steps(emitted, 4, 9, False), [0, 3, 4, 7])
    np.testing.assert_array_equal(expected_steps(emitted, 4, 9, True), [1, 4, 5, 8])
