"""CRF decoding against enumeration of every path."""

from __future__ import annotations

from collections import defaultdict

import edlib
import numpy as np
import pytest
from crfpaths import all_paths, states

from basecaller.decode import decode_batch
from basecaller.decode.consensus import consensus, draw_paths
from basecaller.decode.crf import best_path, spelling_path, viterbi, weigh
from basecaller.decode.crf_beam import beam
from basecaller.model.config import DecodeConfig, NetworkConfig
from basecaller.model.crf import transition_posteriors


def brute_posteriors(scores: np.ndarray, k: int, flip_flop: bool = False) -> np.ndarray:
    posteriors = np.zeros((len(scores), states(k, flip_flop), 5))
    for _, _, walk in all_paths(k, len(scores), flip_flop):
        weight = np.exp(sum(scores[t, s * 5 + slot] for t, (s, slot) in enumerate(walk)))
        for t, (s, slot) in enumerate(walk):
            posteriors[t, s, slot] += weight
    return posteriors / posteriors.sum(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_posteriors_equal_the_sum_over_every_path(flip_flop: bool) -> None:
    for k, steps in ((1, 5), (2, 4)):
        out = np.empty((steps, states(k, flip_flop), 5), np.float32)
        scores = np.random.default_rng(k).normal(size=(steps, out[0].size)).astype(np.float32) * 2
        transition_posteriors(np.exp(scores).reshape(out.shape), out)
        np.testing.assert_allclose(out, brute_posteriors(scores, k, flip_flop), rtol=1e-4, atol=1e-6)


def run_scores(k: int, steps: int, flip_flop: bool, seed: int) -> np.ndarray:
    """Scores by which runs are likely."""
    scores = np.random.default_rng(seed).normal(size=(steps, states(k, flip_flop), 5)).astype(np.float32) * 2
    for base in range(4):
        scores[:, base * (4**k - 1) // 3, 1 + base] += 3
        if flip_flop:
            scores[:, 4**k + base, 1 + base] += 3
    return scores.reshape(steps, -1)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_the_path_is_the_best_of_all_through_the_posteriors(flip_flop: bool) -> None:
    in_runs = 0
    for seed in range(20):
        scores = run_scores(2, 4, flip_flop, seed)
        posteriors = np.log(brute_posteriors(scores, 2, flip_flop) + 1e-8)
        _, best, walk = max(all_paths(2, 4, flip_flop), key=lambda p: sum(posteriors[t, s, j]
                                                                          for t, (s, j) in enumerate(p[2])))
        path = viterbi(scores)
        visited, _, _ = best_path(np.exp(posteriors - 1e-8).astype(np.float32))
        assert visited.tolist() == [s for s, _ in walk]
        in_runs += any(s >= 16 for s, _ in walk)
        assert [b for b in best if b is not None] == path.labels.tolist()
        assert [int(b is not None) for b in best] == path.moves.tolist()
    assert (in_runs > 5) == flip_flop


def test_errors_are_small_where_the_scores_are_sure_and_large_where_they_are_not() -> None:
    steps, target = 12, [0, 1, 2, 2, 3]
    sure = np.full((steps, 16, 5), -5.0, np.float32)
    sure[:, :, 0] = 2.0
    context = [3, 3]
    bases = context + target
    for i, t in enumerate(range(1, 11, 2)):
        state = bases[i + 1] * 4 + bases[i + 2]
        sure[t, state, 1 + bases[i]] = 12.0
    path = viterbi(sure.reshape(steps, 80))
    assert path.labels.tolist() == target
    assert path.errors.max() < 0.02
    unsure = sure.copy()
    unsure[9, bases[5] * 4 + 1, 1 + bases[4]] = 12.0  # the last base may as well be a C
    errors = viterbi(unsure.reshape(steps, 80)).errors
    assert 0.4 < errors[-1] < 0.6
    assert errors[:-1].max() < 0.02
    assert ((path.errors >= 0) & (path.errors <= 1)).all()


def test_two_moves_where_one_is_likely_are_not_called_sure() -> None:
    rng = np.random.default_rng(0)
    errors = viterbi(rng.normal(size=(300, 320)).astype(np.float32)).errors
    assert 0.3 < errors.mean() <= 1.0  # random scores: most bases are guesses


def sequences(scores: np.ndarray, k: int, flip_flop: bool) -> dict[tuple[int, ...], float]:
    """The probability of every sequence, whatever state its paths begin in."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for _, choice, walk in all_paths(k, len(scores), flip_flop):
        weight = np.exp(sum(float(scores[t, s * 5 + slot]) for t, (s, slot) in enumerate(walk)))
        found[tuple(b for b in choice if b is not None)] += weight
    total = sum(found.values())
    return {bases: weight / total for bases, weight in found.items()}


def distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Edit distance."""
    a, b = ("".join("ACGT"[i] for i in bases) for bases in (one, other))
    return edlib.align(a, b)["editDistance"] if a and b else len(a) + len(b)


def unsure_scores(seed: int, steps: int = 6, flip_flop: bool = False) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(steps, states(1, flip_flop), 5)).astype(np.float32) * 2
    scores[:, :, 0] += 1
    return scores.reshape(steps, -1)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_a_consensus_is_nearer_to_what_is_possible_than_the_most_probable_sequence(flip_flop: bool) -> None:
    """In expected edit distance, by enumeration."""
    gained = []
    for seed in range(30):
        scores = unsure_scores(seed, flip_flop=flip_flop)
        likely = sequences(scores, 1, flip_flop)

        def cost(labels: np.ndarray, likely=likely) -> float:
            return sum(p * distance(tuple(labels.tolist()), other) for other, p in likely.items())

        best, vote = cost(beam(scores, 5).labels), cost(consensus(scores, 5, 500, 1.0).labels)
        assert vote <= best + 0.05
        gained.append(best - vote)
    assert np.mean(gained) > 0.02


@pytest.mark.parametrize("flip_flop", [False, True])
def test_a_wide_beam_finds_the_most_probable_sequence(flip_flop: bool) -> None:
    for seed in range(20):
        scores = unsure_scores(seed, flip_flop=flip_flop)
        likely = defaultdict(float)  # from each state that a path may begin in, as the search has it
        for (begin,), choice, walk in all_paths(1, len(scores), flip_flop):
            weight = np.exp(sum(float(scores[t, s * 5 + j]) for t, (s, j) in enumerate(walk)))
            likely[begin, tuple(b for b in choice if b is not None)] += weight
        (_, best) = max(likely, key=lambda key: likely[key])
        assert beam(scores, 1000).labels.tolist() == list(best)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_paths_are_drawn_as_often_as_their_posteriors_say(flip_flop: bool) -> None:
    scores = unsure_scores(1, 40, flip_flop)
    _, posteriors = weigh(scores)
    bases, begins, counts = draw_paths(posteriors, 4000)
    seen = np.zeros((40, 4))
    for row, first, count in zip(bases, begins, counts, strict=True):
        np.add.at(seen, (first[40 - count:], row[40 - count:]), 1 / 4000)
        assert (np.diff(first[40 - count:]) > 0).all()
    wanted = posteriors[:, :, 1:].sum(axis=2).reshape(40, -1, 4).sum(axis=1)  # by base: second states come last
    np.testing.assert_allclose(seen, wanted, atol=0.02)


def test_drawn_sequences_are_as_frequent_as_they_are_likely_with_second_states() -> None:
    """Paths leave a run from each of its two states as often as they should."""
    scores = run_scores(1, 5, True, 3)
    likely = sequences(scores, 1, True)
    _, posteriors = weigh(scores)
    count = 20_000
    bases, _, lengths = draw_paths(posteriors, count)
    seen: dict[tuple[int, ...], float] = defaultdict(float)
    for row, length in zip(bases, lengths, strict=True):
        seen[tuple(row[5 - length:].tolist())] += 1 / count
    assert sum(abs(seen[text] - p) for text, p in likely.items()) < 0.05


def test_the_path_of_a_given_sequence_is_the_best_that_spells_it() -> None:
    for seed in range(10):
        scores = unsure_scores(seed)
        _, posteriors = weigh(scores)
        _, _, first = best_path(posteriors)
        wanted = np.array([first, 2, 2, 1], np.uint8)[1:]
        paths = [(walk, choice) for _, choice, walk in all_paths(1, len(scores))
                 if [b for b in choice if b is not None] == wanted.tolist()
                 and next(slot for _, slot in walk if slot) == first + 1]
        log = np.log(posteriors + 1e-8)
        walk, choice = max(paths, key=lambda p: sum(log[t, s, j] for t, (s, j) in enumerate(p[0])))
        visited, moves, found = spelling_path(posteriors, wanted, np.array([1, 3, 5]), first)
        assert found
        assert visited.tolist() == [s for s, _ in walk]
        assert moves.tolist() == [int(b is not None) for b in choice]
    assert not spelling_path(posteriors, np.zeros(7, np.uint8), np.arange(7), 0)[2]  # more bases than steps


@pytest.mark.parametrize("flip_flop", [False, True])
@pytest.mark.parametrize("method", ["viterbi", "beam", "consensus"])
def test_chunks_do_not_depend_on_each_other_nor_on_how_often_they_are_decoded(method: str, flip_flop: bool) -> None:
    network = NetworkConfig(head="crf", state_length=2, flip_flop=flip_flop)
    config = DecodeConfig(method=method, quality_scale=3.0)  # type: ignore[arg-type]
    scores = np.random.default_rng(0).normal(size=(60, 3, network.classes)).astype(np.float32) * 2
    together = decode_batch(scores, network, config)
    for n, one in enumerate(together):
        [alone] = decode_batch(scores[:, [n]], network, config)
        assert alone.sequence == one.sequence
        assert alone.qualities.tolist() == one.qualities.tolist()
        assert alone.moves.tolist() == one.moves.tolist()
        assert one.moves.sum() == len(one.sequence) == len(one.qualities)


@pytest.mark.parametrize("method", ["viterbi", "beam", "consensus"])
def test_signal_without_bases_and_of_one_step_is_decoded(method: str) -> None:
    network = NetworkConfig(head="crf", state_length=2)
    config = DecodeConfig(method=method)  # type: ignore[arg-type]
    stays = np.full((20, 1, 16, 5), -5.0, np.float32)
    stays[..., 0] = 5.0
    assert decode_batch(stays.reshape(20, 1, 80), network, config)[0].sequence == ""
    [one] = decode_batch(np.zeros((1, 1, 80), np.float32), network, config)
    assert one.moves.tolist() == [len(one.sequence)]
