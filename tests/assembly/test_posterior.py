"""Likelihoods of sequences under posteriors against torch's CTC and against scoring every edited sequence by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from basecaller.assembly.edit import CLIP, EDGE, EDITS, begins_repeat
from basecaller.assembly.posterior import log_likelihood, score_posteriors
from basecaller.assembly.replacement import MOST_SAID, NONE, Replacements
from basecaller.assembly.revise import Edit


def made_up_posteriors(t: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Steps that more or less say t: (T, 5) probabilities and the step of each base."""
    rows, centres = [], []
    for base in t:
        centres.append(len(rows))
        for step in range(int(rng.integers(2, 5))):
            wanted = base + 1 if step == 0 or (step == 1 and rng.random() < 0.3) else 0
            rows.append(rng.dirichlet(np.where(np.arange(5) == wanted, 6.0, 0.4)))
    return np.array(rows), np.array(centres, np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_likelihood_is_that_of_ctc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 4, 25).astype(np.uint8)
    p, _ = made_up_posteriors(t, rng)
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(np.log(p))[:, None], torch.from_numpy(t.astype(np.int64) + 1)[None],
        torch.tensor([len(p)]), torch.tensor([len(t)]), reduction="sum",
    )
    assert log_likelihood(t, p) == pytest.approx(-float(loss), rel=1e-6)


def random_replacements(t: np.ndarray, rng: np.random.Generator) -> Replacements:
    """Edits of up to four bases out and in, most of them of one that stands there and another."""
    edits = []
    for _ in range(60):
        first = int(rng.integers(EDGE, len(t) - EDGE - 4))
        new = t[first : first + int(rng.integers(0, 5))].copy()
        if len(new):
            new[rng.integers(len(new))] = rng.integers(0, 4)
        edits.append(Edit(first, first + int(rng.integers(0, 5)), new))
    return NONE.joined(edits)


def edited(t: np.ndarray, i: int, e: int) -> np.ndarray:
    if e < 4:
        return np.concatenate([t[:i], [e], t[i + 1 :]]).astype(np.uint8)
    if e < 8:
        return np.concatenate([t[:i], [e - 4], t[i:]]).astype(np.uint8)
    if e == 8:
        return np.delete(t, i)
    if e == 9:
        return np.delete(t, [i, i + 1])
    return np.concatenate([t[:i], t[i : i + 2], t[i:]])


@pytest.mark.parametrize("seed", range(3))
def test_every_edit_scores_as_if_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 4, 30).astype(np.uint8)
    t[9:12] = 2
    t[14:20] = [0, 3, 0, 3, 0, 3]
    p, centres = made_up_posteriors(t, rng)
    scores, longer = np.zeros((len(t), EDITS)), random_replacements(t, rng)
    also = np.zeros(len(longer))
    edits = longer.spans, longer.bounds, longer.bases
    assert score_posteriors(t, p, centres, np.ones(len(t), np.bool_), *edits, scores, also)
    now = log_likelihood(t, p)
    checked = 0
    for i in range(EDGE, len(t) - EDGE):
        for e in range(EDITS):
            if e == t[i] or e == 4 + t[i - 1] or (e > 8 and not begins_repeat(t, len(t), i)):
                continue
            wanted = log_likelihood(edited(t, i, e), p) - now
            assert scores[i, e] == pytest.approx(np.clip(wanted, -CLIP, CLIP), abs=0.02), (i, e)
            checked += 1
    assert checked > 100 and any(begins_repeat(t, len(t), i) for i in range(EDGE, len(t) - EDGE))
    for edit, said in zip(longer.edits(0, also), also, strict=True):
        put = np.concatenate([t[: edit.first], edit.new, t[edit.last :]])
        assert said == pytest.approx(np.clip(log_likelihood(put, p) - now, -MOST_SAID, MOST_SAID), abs=0.05), edit
    assert (np.abs(also) < MOST_SAID).sum() > 20
