"""The pair model's score of every edit against the likelihood of every edited window, by a plain full matrix."""

from __future__ import annotations

import math
from dataclasses import replace

import edlib
import numpy as np
import pytest
from genomes import mutate, random_genome, sample_reads
from test_posterior import edited

from basecaller.assembly.contig import Contig, expected_errors
from basecaller.assembly.edit import CLIP, EDITS, begins_repeat
from basecaller.assembly.grid import make_grid
from basecaller.assembly.likelihood import refine, turn
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.pairmodel import learn
from basecaller.assembly.pairscore import MAX_BAND, score_read
from basecaller.bases import decode

MATCH, MISMATCH, INSERTION, DELETION = 0.93, 0.01, 0.006, 0.03


def likelihood(t: np.ndarray, x: np.ndarray) -> float:
    table = np.zeros((len(t) + 1, len(x) + 1))
    for i in range(len(t) + 1):
        for j in range(len(x) + 1):
            value = 1.0 if i == j == 0 else 0.0
            if i and j:
                value += table[i - 1, j - 1] * (MATCH if t[i - 1] == x[j - 1] else MISMATCH)
            if i:
                value += table[i - 1, j] * DELETION
            if j:
                value += table[i, j - 1] * INSERTION
            table[i, j] = value
    return float(table[-1, -1])


@pytest.mark.parametrize("seed", range(4))
def test_every_edit_scores_as_if_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 4, 30).astype(np.uint8)
    t[5:8] = 1
    t[15:21] = [0, 3, 0, 3, 0, 3]
    x = mutate(t, 0.15, rng)
    n, m = len(t), len(x)
    scores = np.zeros((n, EDITS))
    fits = score_read(
        t, np.full(2 * n, DELETION), x, np.full(m, MATCH), np.full(m, MISMATCH), np.full(m, INSERTION),
        np.ones(n, np.bool_), np.zeros((n + 1, MAX_BAND)), np.zeros((n + 1, MAX_BAND)), np.zeros(n + 1, np.int64),
        np.zeros(n + 1), scores,
    )
    assert fits
    now = likelihood(t, x)
    for i in range(1, n - 1):
        for e in range(EDITS):
            if e == t[i] or (e > 8 and not begins_repeat(t, n, i)):
                continue
            wanted = math.log(likelihood(edited(t, i, e), x) / now)
            assert scores[i, e] == pytest.approx(np.clip(wanted, -CLIP, CLIP), abs=0.02), (i, e)


def test_wrong_bases_are_mended_and_doubt_is_honest() -> None:
    rng = np.random.default_rng(9)
    genome = random_genome(40_000, 31)
    reads = sample_reads(genome, 7, 5000, 0.1, 32)
    draft = mutate(genome, 0.004, rng)
    contigs = [Contig("c", draft, True)]
    grid = make_grid(contigs, 200)
    for number in range(2):
        segments = map_reads(reads, contigs, grid)[1]
        model = learn(contigs, grid, segments, reads)
        contigs, borders = refine(contigs, grid, segments, reads, model)
        if number == 0:
            contigs, grid = turn(contigs, borders, 200)
    assert model.error == pytest.approx(0.1, abs=0.02)
    contig = contigs[0]
    lap = np.concatenate([contig.codes, contig.codes[:40]]).tobytes()
    start = next(p for p in range(500) if lap.find(genome[p : p + 30].tobytes()) >= 0)
    turned = np.roll(contig.codes, start - lap.find(genome[start : start + 30].tobytes()))
    errors = edlib.align(decode(turned), decode(genome))["editDistance"]
    assert 4 <= errors <= 120
    assert errors / 2 <= expected_errors(contig) <= errors * 2


def test_what_a_few_of_many_reads_settle_is_not_doubted() -> None:
    """Edits that the first reads settle are scored by these alone, and weigh as what so many say, not as a small part
    of what all would."""
    genome = random_genome(5_000, 33)
    reads = sample_reads(genome, 50, 3000, 0.08, 34)
    contigs = [Contig("c", genome, True)]
    grid = make_grid(contigs, 200)
    segments = map_reads(reads, contigs, grid)[1]
    model = replace(learn(contigs, grid, segments, reads), correlation=0.1)
    contigs, _ = refine(contigs, grid, segments, reads, model)
    assert np.median(contigs[0].qualities) > 20
    assert expected_errors(contigs[0]) < 50
