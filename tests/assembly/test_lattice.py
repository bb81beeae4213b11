"""The CRF's lattice against enumeration of all paths, the loss's own log-partition, and edits scored by writing them
out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from crfpaths import all_paths, number, states, step
from test_posterior import edited, random_replacements

from basecaller.assembly.edit import CLIP, EDGE, EDITS, begins_repeat
from basecaller.assembly.lattice import log_weight, normalised, score_lattice
from basecaller.assembly.replacement import MOST_SAID, NONE
from basecaller.model.crf import CrfTargets, crf_loss_torch, log_partition


def made_up_scores(u: np.ndarray, k: int, rng: np.random.Generator, flip_flop: bool = False
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Steps that more or less say u[k:]: (S, C) scores and the step of each base."""
    rows, centres = [], []
    kmer, second = tuple(u[:k].tolist()), False
    for at in range(k, len(u)):
        centres.append(len(rows))
        kmer, second, slot = step(kmer, second, int(u[at]), flip_flop)
        for turn in range(int(rng.integers(1, 4))):
            row = rng.normal(-1.0, 1.5, (states(k, flip_flop), 5))
            row[:, 0] = 2.0
            if turn == 0 or rng.random() < 0.15:
                row[number(kmer, second), slot] += 4.0
            rows.append(row.ravel())
    return np.array(rows, np.float32), np.array(centres, np.int64)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_weights_of_all_paths_sum_to_one(flip_flop: bool) -> None:
    """k = 1, five steps: every path from a uniform start, enumerated, adds its share to the sequence it spells."""
    k, steps = 1, 5
    scores = np.random.default_rng(3).normal(0, 1.5, (steps, states(k, flip_flop) * 5)).astype(np.float32)
    weights = normalised(scores)
    spelt: dict[tuple[int, ...], float] = {}
    for start, choice, walk in all_paths(k, steps, flip_flop):
        text = (*start, *(base for base in choice if base is not None))
        logarithm = sum(float(scores[t, 5 * state + slot]) for t, (state, slot) in enumerate(walk))
        spelt[text] = spelt.get(text, 0.0) + math.exp(logarithm)
    everything = sum(spelt.values()) / 4
    for text, weight in spelt.items():
        if len(text) > k:
            assert log_weight(np.array(text, np.uint8), k, weights) == pytest.approx(
                math.log(weight / everything), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_weight_is_that_of_the_loss(seed: int) -> None:
    k, rng = 3, np.random.default_rng(seed)
    u = rng.integers(0, 4, k + 20).astype(np.uint8)
    scores, _ = made_up_scores(u, k, rng)
    tensor = torch.from_numpy(scores[:, None].copy())
    none, most = np.zeros((1, len(scores) + 1), np.int64), np.full((1, len(scores) + 1), 20)
    targets = CrfTargets(u[None].astype(np.int64), np.array([len(u)]), none, most)
    wanted = -float(crf_loss_torch(tensor, targets, k)) * 20 + math.log(4**k)
    assert float(log_partition(tensor)) > 0
    assert log_weight(u, k, normalised(scores)) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("flip_flop", [False, True])
@pytest.mark.parametrize(("k", "seed"), [(3, 0), (3, 1), (3, 2), (4, 3), (2, 4)])
def test_every_edit_scores_as_if_written_out(k: int, seed: int, flip_flop: bool) -> None:
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 4, 40).astype(np.uint8)
    t[9:13] = 2
    t[15:21] = [0, 3, 0, 3, 0, 3]
    t[22:31] = 1
    context = rng.integers(0, 4, k).astype(np.uint8)
    u = np.concatenate([context, t])
    scores, centres = made_up_scores(u, k, rng, flip_flop)
    weights = normalised(scores)
    found = np.zeros((len(t), EDITS))
    longer = random_replacements(t, rng)
    also = np.zeros(len(longer))
    edits = longer.spans, longer.bounds, longer.bases
    assert score_lattice(u, k, weights, centres, np.ones(len(t), np.bool_), *edits, found, also)
    now = log_weight(u, k, weights)
    checked = 0
    for i in range(EDGE, len(t) - EDGE):
        for e in range(EDITS):
            if e == t[i] or e == 4 + t[i - 1] or (e == 8 and t[i] == t[i - 1]):
                continue
            if e > 8 and not begins_repeat(t, len(t), i):
                continue
            wanted = log_weight(np.concatenate([context, edited(t, i, e)]), k, weights) - now
            assert found[i, e] == pytest.approx(np.clip(wanted, -CLIP, CLIP), abs=0.02), (i, e)
            checked += 1
    assert checked > 100 and any(begins_repeat(t, len(t), i) for i in range(EDGE, len(t) - EDGE))
    for edit, said in zip(longer.edits(0, also), also, strict=True):
        put = np.concatenate([context, t[: edit.first], edit.new, t[edit.last :]])
        wanted = log_weight(put, k, weights) - now
        assert said == pytest.approx(np.clip(wanted, -MOST_SAID, MOST_SAID), abs=0.05), edit
    assert (np.abs(also) < MOST_SAID).sum() > 5


def test_signal_of_nothing_alike_adds_nothing() -> None:
    scores = np.zeros((6, 320), np.float32)
    u, found, also = np.zeros(23, np.uint8), np.zeros((20, EDITS)), np.zeros(0)
    edits = NONE.spans, NONE.bounds, NONE.bases
    assert not score_lattice(u, 3, normalised(scores), np.arange(20) // 4, np.ones(20, np.bool_), *edits, found, also)
    assert not found.any()
