"""CRF decoding against enumeration of every path."""

from __future__ import annotations

import itertools

import numpy as np

from basecaller.decode.crf import viterbi
from basecaller.model.crf import transition_posteriors


def all_paths(k: int, steps: int):
    """(states after each step, slots, new bases) of every path, by the definition."""
    kmers = list(itertools.product(range(4), repeat=k))
    for start in kmers:
        for choice in itertools.product([None, 0, 1, 2, 3], repeat=steps):
            state, walk = start, []
            for new in choice:
                slot = 0 if new is None else 1 + state[0]
                state = state if new is None else (*state[1:], new)
                walk.append((kmers.index(state), slot))
            yield walk, choice


def brute_posteriors(scores: np.ndarray, k: int) -> np.ndarray:
    posteriors = np.zeros((len(scores), 4**k, 5))
    for walk, _ in all_paths(k, len(scores)):
        weight = np.exp(sum(scores[t, s * 5 + slot] for t, (s, slot) in enumerate(walk)))
        for t, (s, slot) in enumerate(walk):
            posteriors[t, s, slot] += weight
    return posteriors / posteriors.sum(axis=(1, 2), keepdims=True)


def test_posteriors_equal_the_sum_over_every_path() -> None:
    for k, steps in ((1, 5), (2, 4)):
        scores = np.random.default_rng(k).normal(size=(steps, 4**k * 5)).astype(np.float32) * 2
        out = np.empty((steps, 4**k, 5), np.float32)
        transition_posteriors(np.exp(scores).reshape(out.shape), out)
        np.testing.assert_allclose(out, brute_posteriors(scores, k), rtol=1e-4, atol=1e-6)


def test_the_path_is_the_best_of_all_through_the_posteriors() -> None:
    for seed in range(10):
        scores = np.random.default_rng(seed).normal(size=(4, 80)).astype(np.float32) * 2
        posteriors = np.log(brute_posteriors(scores, 2) + 1e-8)
        _, best = max(all_paths(2, 4), key=lambda p: sum(posteriors[t, s, j] for t, (s, j) in enumerate(p[0])))
        path = viterbi(scores, 2)
        assert [b for b in best if b is not None] == path.labels.tolist()
        assert [int(b is not None) for b in best] == path.moves.tolist()


def test_errors_are_small_where_the_scores_are_sure_and_large_where_they_are_not() -> None:
    steps, target = 12, [0, 1, 2, 2, 3]
    sure = np.full((steps, 16, 5), -5.0, np.float32)
    sure[:, :, 0] = 2.0
    context = [3, 3]
    bases = context + target
    for i, t in enumerate(range(1, 11, 2)):
        state = bases[i + 1] * 4 + bases[i + 2]
        sure[t, state, 1 + bases[i]] = 12.0
    path = viterbi(sure.reshape(steps, 80), 2)
    assert path.labels.tolist() == target
    assert path.errors.max() < 0.02
    unsure = sure.copy()
    unsure[9, bases[5] * 4 + 1, 1 + bases[4]] = 12.0  # the last base may as well be a C
    errors = viterbi(unsure.reshape(steps, 80), 2).errors
    assert 0.4 < errors[-1] < 0.6
    assert errors[:-1].max() < 0.02
    assert ((path.errors >= 0) & (path.errors <= 1)).all()


def test_two_moves_where_one_is_likely_are_not_called_sure() -> None:
    rng = np.random.default_rng(0)
    errors = viterbi(rng.normal(size=(300, 320)).astype(np.float32), 3).errors
    assert 0.3 < errors.mean() <= 1.0  # random scores: most bases are guesses
