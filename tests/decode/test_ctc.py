"""CTC decoding against hand-made cases and against all labelings of short matrices."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basecaller.decode import decode_batch
from basecaller.decode.call import Path
from basecaller.decode.ctc import beam, greedy
from basecaller.model.config import DecodeConfig, NetworkConfig

Array = npt.NDArray[np.float32]
NETWORK = NetworkConfig(head="ctc")


def one_hot(classes: str, sure: float = 0.96) -> Array:
    """(T, 5) log-probabilities that put `sure` on one class of `-ACGT` per step and the rest evenly on the others."""
    scores = np.full((len(classes), 5), (1.0 - sure) / 4, np.float32)
    scores[np.arange(len(classes)), ["-ACGT".index(c) for c in classes]] = sure
    return np.log(scores)


def bases(path: Path) -> str:
    return "".join("ACGT"[label] for label in path.labels)


def spelled(classes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Labels and emission steps of one path."""
    starts = [t for t, c in enumerate(classes) if c and (t == 0 or classes[t - 1] != c)]
    return tuple(classes[t] - 1 for t in starts), tuple(starts)


def enumerate_labelings(
    probabilities: npt.NDArray[np.float64],
) -> tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], tuple[int, ...]]]:
    """Probability of every sequence, and the emission steps of its most probable path, by going through all paths."""
    steps = len(probabilities)
    total: dict[tuple[int, ...], float] = {}
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for classes in itertools.product(range(5), repeat=steps):
        probability = float(np.prod(probabilities[np.arange(steps), classes]))
        labels, starts = spelled(classes)
        total[labels] = total.get(labels, 0.0) + probability
        if probability > best.get(labels, (-1.0, ()))[0]:
            best[labels] = probability, starts
    return total, {labels: starts for labels, (_, starts) in best.items()}


@pytest.mark.parametrize(
    ("classes", "sequence", "moves"),
    [
        ("", "", ""),
        ("----", "", "0000"),
        ("A", "A", "1"),
        ("AAAA", "A", "1000"),
        ("AA-A", "AA", "1001"),
        ("A--A", "AA", "1001"),
        ("ACGT", "ACGT", "1111"),
        ("-CC-CTTG-", "CCTG", "010011010"),
        ("GG--GG", "GG", "100010"),
        ("TA-AT", "TAAT", "11011"),
    ],
)
@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_merges_repeats_and_drops_blanks(classes: str, sequence: str, moves: str, method: str) -> None:
    scores = one_hot(classes)
    path = greedy(scores) if method == "greedy" else beam(scores, 5, 1e-3)
    assert (bases(path), "".join(map(str, path.moves))) == (sequence, moves)
    assert path.errors.shape == (len(sequence),)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([0.1, 0.4, 1.0, 3.0]))
def test_a_wide_beam_finds_the_most_probable_sequence(seed: int, steps: int, spread: float) -> None:
    probabilities = np.random.default_rng(seed).dirichlet([spread] * 5, steps) + 1e-9
    scores = np.log(probabilities).astype(np.float32)
    total, starts = enumerate_labelings(np.exp(scores.astype(np.float64)))
    path = beam(scores, 4000, 0.0)
    found = tuple(int(label) for label in path.labels)
    best = max(total, key=lambda labels: total[labels])
    assert total[found] == pytest.approx(total[best], rel=1e-5)
    if total[found] == total[best]:
        assert tuple(np.flatnonzero(path.moves)) == starts[found]


def test_the_beam_sums_over_paths_where_greedy_cannot() -> None:
    """Graves's example: blank is the best class of both steps, yet one base is the more probable reading."""
    scores = np.log(np.array([[0.6, 0.4, 1e-6, 1e-6, 1e-6]] * 2, np.float32))
    assert bases(greedy(scores)) == ""
    assert bases(beam(scores, 5, 1e-3)) == "A"


def test_a_narrow_beam_mostly_finds_the_more_probable_sequence() -> None:
    rng = np.random.default_rng(3)
    better = worse = 0
    for _ in range(60):
        probabilities = rng.dirichlet([0.3] * 5, 5) + 1e-9
        scores = np.log(probabilities).astype(np.float32)
        total, _ = enumerate_labelings(probabilities)
        of_beam = total[tuple(int(x) for x in beam(scores, 5, 1e-3).labels)]
        of_greedy = total[tuple(int(x) for x in greedy(scores).labels)]
        better += of_beam > of_greedy * 1.001
        worse += of_beam < of_greedy * 0.999
    assert better > 4 * worse


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_long_matrices_do_not_underflow(method: str) -> None:
    rng = np.random.default_rng(0)
    scores = np.log(rng.dirichlet([0.3] * 5, 20_000) + 1e-12).astype(np.float32)
    path = greedy(scores) if method == "greedy" else beam(scores, 5, 1e-3)
    assert int(path.moves.sum()) == len(path.labels) == len(path.errors) > 5000


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_surer_base_gets_the_higher_quality(method: str) -> None:
    classes = "A-C-G-T-ACGT"
    qualities = [
        decode_batch(one_hot(classes, sure)[:, None], NETWORK, DecodeConfig(method=method))[0].qualities.mean()  # type: ignore[arg-type]
        for sure in (0.6, 0.9, 0.99, 0.9999)
    ]
    assert qualities == sorted(qualities)
    assert len(set(qualities)) == 4


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_chunk_is_decoded_alike_alone_and_in_a_batch(method: str) -> None:
    rng = np.random.default_rng(1)
    scores = np.log(rng.dirichlet([0.2] * 5, (200, 4))).astype(np.float32)
    config = DecodeConfig(method=method)  # type: ignore[arg-type]
    together = decode_batch(scores, NETWORK, config)
    for n, decoded in enumerate(together):
        [alone] = decode_batch(scores[:, [n]], NETWORK, config)
        assert decoded.sequence == alone.sequence
        assert (decoded.qualities == alone.qualities).all()
        assert (decoded.moves == alone.moves).all()
        assert len(decoded.sequence) == len(decoded.qualities) == decoded.moves.sum()
        assert len(decoded.moves) == 200


def test_the_models_fit_is_applied_to_the_qualities() -> None:
    scores = one_hot("A-C-G-T-" * 5, 0.93)[:, None]
    raw = decode_batch(scores, NETWORK, DecodeConfig())[0].qualities.astype(float)
    fitted = decode_batch(scores, NETWORK, DecodeConfig(quality_scale=2.0, quality_bias=-3.0))[0].qualities
    assert fitted == pytest.approx(2.0 * raw - 3.0, abs=1.5)
    assert (fitted != raw).all()
