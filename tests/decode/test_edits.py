"""The errors charged to the bases of a call, against the probabilities of all sequences, summed over all paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from basecaller.decode.ctc import greedy
from basecaller.decode.edits import REACH, edit_errors

Labels = tuple[int, ...]


def probabilities_of_sequences(p: np.ndarray) -> dict[Labels, float]:
    total: dict[Labels, float] = {}
    for classes in itertools.product(range(5), repeat=len(p)):
        merged = tuple(c - 1 for c, _ in itertools.groupby(classes) if c)
        total[merged] = total.get(merged, 0.0) + float(np.prod(p[np.arange(len(p)), classes]))
    return total


def expected_errors(total: dict[Labels, float], call: Labels) -> list[float]:
    """What edits.py describes, said plainly: each place of an edit by itself, places that give one sequence sharing."""

    def odds(sequence: Labels) -> float:
        return total.get(sequence, 0.0) / total[call]

    removed = [call[:i] + call[i + 1 :] for i in range(len(call))]
    inserted = [[(*call[:i], b, *call[i:]) for b in range(4)] for i in range(len(call) + 1)]
    flat = [sequence for gap in inserted for sequence in gap]
    errors = []
    for i in range(len(call)):
        changed = sum(odds((*call[:i], b, *call[i + 1 :])) for b in range(4) if b != call[i])
        charged = changed + odds(removed[i]) / removed.count(removed[i])
        whole = 1.0 + changed + odds(removed[i])
        for gap in inserted[i], inserted[i + 1]:
            charged += 0.5 * sum(odds(sequence) / flat.count(sequence) for sequence in gap)
            whole += sum(odds(sequence) for sequence in gap)
        errors.append(charged / whole)
    return errors


@pytest.mark.parametrize("spread", [0.15, 0.5, 2.0])
def test_errors_are_those_of_all_single_edits(spread: float) -> None:
    rng = np.random.default_rng(int(spread * 100))
    seen = set()
    for _ in range(25):
        p = (rng.dirichlet([spread] * 5, rng.integers(1, 6)) + 1e-6).astype(np.float32)
        p /= p.sum(axis=1, keepdims=True)
        path = greedy(np.log(p))
        call = tuple(int(label) for label in path.labels)
        expected = expected_errors(probabilities_of_sequences(p.astype(np.float64)), call) if call else []
        # A call of up to REACH bases is summed over all states, a longer one over those near the path.
        assert path.errors == pytest.approx(expected, abs=1e-5 if len(call) <= REACH else 0.02)
        seen.add(len(call))
    assert {1, 2} <= seen


def test_a_base_that_may_be_another_or_none_is_charged_for_it() -> None:
    sure, unsure = [0.998, 0.0005, 0.0005, 0.0005, 0.0005], 0.0005
    steps = [
        [unsure, 0.998, unsure, unsure, unsure], sure,  # A, sure
        [unsure, unsure, 0.7, 0.2985, unsure], sure,  # C, or G
        [0.3, 0.6985, unsure, unsure, unsure], sure,  # A, or nothing
        [unsure, unsure, unsure, unsure, 0.998], sure,  # T, sure
    ]  # fmt: skip
    p = np.array(steps, np.float32)
    errors = greedy(np.log(p)).errors
    assert errors[[1, 2]] == pytest.approx([0.3, 0.3], abs=0.02)
    assert max(errors[0], errors[3]) < 0.02


def test_a_missing_base_is_charged_to_both_its_neighbours() -> None:
    blank = [0.98, 0.005, 0.005, 0.005, 0.005]
    p = np.array([[0.01, 0.96, 0.01, 0.01, 0.01], blank, [0.6, 0.01, 0.01, 0.37, 0.01], blank,
                  [0.01, 0.01, 0.01, 0.01, 0.96]], np.float32)
    path = greedy(np.log(p))
    assert path.labels.tolist() == [0, 3]
    assert path.errors == pytest.approx([0.2, 0.2], abs=0.04)


def test_no_bases_no_errors() -> None:
    assert edit_errors(np.full((4, 5), 0.2, np.float32), np.zeros(0, np.uint8), np.zeros(4, np.uint8)).shape == (0,)
