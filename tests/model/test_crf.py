"""The CTC-CRF against enumeration of every path, finite differences, and the other implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from crfpaths import all_paths, states

from basecaller.model.crf import CrfTargets, banded_targets, crf_loss, crf_loss_torch, log_partition


def enumerate_loss(scores: np.ndarray, k: int, flip_flop: bool, context: tuple[int, ...], target: list[int]
                   ) -> tuple[float, float]:
    """(log Z, log of the target's paths) by summing over every path."""
    everything, spelled = [], []
    for start, choice, walk in all_paths(k, len(scores), flip_flop):
        score = sum(scores[t, s * 5 + slot] for t, (s, slot) in enumerate(walk))
        everything.append(score)
        if start == context and [c for c in choice if c is not None] == target:
            spelled.append(score)
    return np.logaddexp.reduce(everything), np.logaddexp.reduce(spelled)


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("flip_flop", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_loss_equals_the_sum_over_every_path(k: int, flip_flop: bool, run: bool) -> None:
    rng = np.random.default_rng(k)
    steps = 5
    scores = rng.normal(size=(steps, 1, states(k, flip_flop) * 5)).astype(np.float32) * 2
    context, target = tuple(rng.integers(4, size=k).tolist()), rng.integers(4, size=3).tolist()
    if run:
        context, target = (2,) * k, [2, 2, 1]
    log_z, spelled = enumerate_loss(scores[:, 0].astype(float), k, flip_flop, context, target)
    targets = banded_targets([np.array([*context, *target], np.int8)], [np.array([0, 5, 9], np.int32)],
                             state_length=k, steps=steps, stride=3, band=None)
    tensor = torch.from_numpy(scores)
    assert log_partition(tensor).item() == pytest.approx(log_z, abs=1e-4)
    for loss in (crf_loss, crf_loss_torch):
        assert loss(tensor, targets, k).item() == pytest.approx((log_z - spelled) / 3, abs=1e-4)


def random_batch(k: int, steps: int, band: int | None, flip_flop: bool = False) -> tuple[torch.Tensor, CrfTargets]:
    rng = np.random.default_rng(7)
    targets, starts = [], []
    for n in range(3):
        moves = 6 + 5 * n
        targets.append(rng.integers(4, size=k + moves).astype(np.int8))
        targets[-1][2 : 2 + k + 2 * n] = n  # a run
        starts.append(np.sort(rng.choice(steps * 3, size=moves, replace=False)).astype(np.int32))
    scores = torch.from_numpy(rng.normal(size=(steps, 3, states(k, flip_flop) * 5)).astype(np.float32) * 2)
    return scores, banded_targets(targets, starts, state_length=k, steps=steps, stride=3, band=band)


@pytest.mark.parametrize("flip_flop", [False, True])
@pytest.mark.parametrize("band", [None, 4])
def test_both_implementations_agree_on_loss_and_gradient(band: int | None, flip_flop: bool) -> None:
    scores, targets = random_batch(3, 40, band, flip_flop)
    one, two = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    weight = torch.tensor([1.0, 2.0, 3.0])
    loss_one, loss_two = crf_loss(one, targets, 3), crf_loss_torch(two, targets, 3)
    torch.testing.assert_close(loss_one.float(), loss_two, rtol=1e-4, atol=1e-4)
    (loss_one * weight).sum().backward()
    (loss_two * weight).sum().backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("flip_flop", [False, True])
def test_gradient_equals_finite_differences(flip_flop: bool) -> None:
    scores, targets = random_batch(2, 30, 5, flip_flop)
    tensor = scores.clone().requires_grad_()
    crf_loss(tensor, targets, 2).sum().backward()
    rng = np.random.default_rng(3)
    for _ in range(60):
        where = tuple(rng.integers(size) for size in scores.shape)
        up, down = scores.clone(), scores.clone()
        up[where] += 0.05
        down[where] -= 0.05
        slope = (crf_loss(up, targets, 2).sum() - crf_loss(down, targets, 2).sum()).item() / 0.1
        assert tensor.grad[where].item() == pytest.approx(slope, abs=2e-4)


def test_a_target_longer_than_the_chunk_has_infinite_loss_and_no_gradient() -> None:
    scores = torch.zeros(4, 1, 20, requires_grad=True)
    targets = banded_targets([np.zeros(7, np.int8)], [np.arange(6, dtype=np.int32)], state_length=1, steps=4,
                             stride=3, band=None)
    loss = crf_loss(scores, targets, 1)
    assert torch.isinf(loss).all()
    loss.nan_to_num(posinf=0.0).sum().backward()
    assert not scores.grad.any()
