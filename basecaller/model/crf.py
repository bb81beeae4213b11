"""The CTC-CRF: a linear-chain conditional random field whose states are the last k bases.

Every step t either stays in its state or moves on by one base. `scores[t, n, s * 5 + j]` belongs to entering state
s (model/states.py) at step t: j = 0 stays, j = 1 + b comes from the state `b * 4**(k-1) + s // 4`, whose oldest base b
leaves. Flip-flop models have 4**k + 4 states; j = 1 + b then comes into the state of k bases b from the second state of
that run, and into any other from either of the two; the second state is entered by 1 + b alone, and what stands in the
place of its other three means nothing. A path's score is the sum over its steps; log Z sums over all paths from all
states but the second ones. The loss of a target is (log Z - log of the summed paths that spell the target) / length.
(Lafferty et al. 2001 for the field; Graves et al. 2006 for summing over the ways to spell a target.)

On the CPU numba runs the recursions on probabilities, rescaled at every step, and returns the gradient with the
loss; elsewhere torch runs them on logarithms and differentiates through them. The tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from basecaller.model.states import plain_states, run_state, states_of

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CrfTargets:
    """The targets of a batch, with the band of the lattice that each may use."""

    bases: Ints
    """(N, L) int64 0..3, padded: k bases of context (emitted before the first step), then the target."""
    lengths: Ints
    """(N,) int64: bases used in each row, context included."""
    low: Ints
    """(N, T + 1) int64: fewest target bases that may have been emitted before step t."""
    high: Ints
    """(N, T + 1) int64: most."""


def banded_targets(
    targets: list[npt.NDArray[np.uint8]], starts: list[npt.NDArray[np.int32]], *, state_length: int, steps: int,
    stride: int, band: int | None,
) -> CrfTargets:
    """Targets of a batch from each chunk's bases and the samples at which they start.

    `targets[n]` holds `state_length` bases of context and then the bases that start in the chunk; `starts[n]` the
    start samples of the latter. With a `band`, the lattice may stray that many bases from those starts.
    """
    count = len(targets)
    lengths = np.array([len(t) for t in targets], np.int64)
    bases = np.zeros((count, max(int(lengths.max(initial=0)), state_length)), np.int64)
    low = np.zeros((count, steps + 1), np.int64)
    high = np.zeros((count, steps + 1), np.int64)
    grid = np.arange(steps + 1) * stride
    for n, (target, start) in enumerate(zip(targets, starts, strict=True)):
        bases[n, : len(target)] = target
        moves = len(target) - state_length
        if band is None:
            low[n], high[n] = 0, moves
        else:
            emitted = np.searchsorted(start, grid, side="left")
            low[n] = np.clip(emitted - band, 0, moves)
            high[n] = np.clip(emitted + band, 0, moves)
        low[n, -1] = moves
    return CrfTargets(bases, lengths, low, high)


class _CpuLoss(torch.autograd.Function):
    """Loss and gradient in one pass, by numba."""

    @staticmethod
    def forward(ctx, scores: Tensor, targets: CrfTargets, state_length: int) -> Tensor:  # type: ignore[no-untyped-def]
        steps, batch, classes = scores.shape
        weights = scores.detach().exp().numpy().reshape(steps, batch, -1, 5)
        gradient = np.empty((batch, steps, classes // 5, 5), np.float32)
        losses = np.empty(batch, np.float64)
        _losses(weights, targets.bases, targets.lengths, targets.low, targets.high, state_length, gradient, losses)
        ctx.save_for_backward(torch.from_numpy(gradient.reshape(batch, steps, classes)))
        return torch.from_numpy(losses)

    @staticmethod
    def backward(ctx, *grads: Tensor):  # type: ignore[no-untyped-def]
        (gradient,) = ctx.saved_tensors
        return (gradient * grads[0].float()[:, None, None]).transpose(0, 1), None, None


def crf_loss(scores: Tensor, targets: CrfTargets, state_length: int) -> Tensor:
    """(N,) losses per target base, nats; infinite where the target cannot be spelled in the band.

    `scores`: (T, N, C) float32, C = (4**k or 4**k + 4) * 5. An infinite loss has a zero gradient on the CPU.
    """
    if scores.device.type == "cpu":
        apply: Callable[..., Tensor] = _CpuLoss.apply
        return apply(scores, targets, state_length)
    return crf_loss_torch(scores, targets, state_length)


def log_partition(scores: Tensor) -> Tensor:
    """log Z, (N,), of scores (T, N, C), in torch on any device."""
    steps, batch, classes = scores.shape
    states = classes // 5
    plain = plain_states(states)
    bases = torch.arange(4, device=scores.device)
    runs = torch.tensor([run_state(base, plain) for base in range(4)], device=scores.device)
    scores = scores.view(steps, batch, states, 5)
    alpha = scores.new_zeros(batch, plain)
    second = scores.new_full((batch, 4), -1e30)
    for t in range(steps):
        either = alpha
        if states > plain:
            either = alpha.index_copy(1, runs, alpha[:, runs].logaddexp(second))
        # the four states that differ from a state s in its oldest base, shared by the four s with the same s // 4
        before = either.view(batch, 4, plain // 4).transpose(1, 2).repeat_interleave(4, dim=1)
        if states > plain:
            before[:, runs, bases] = second
            moved = alpha[:, runs] + scores[t][:, plain + bases, 1 + bases]
            second = moved.logaddexp(second + scores[t, :, plain:, 0])
        alpha = torch.cat([alpha[:, :, None], before], dim=2).add(scores[t, :, :plain]).logsumexp(dim=2)
    return torch.cat([alpha, second], dim=1).logsumexp(dim=1)


def crf_loss_torch(scores: Tensor, targets: CrfTargets, state_length: int) -> Tensor:
    """The loss of `crf_loss` in plain differentiable torch, on logarithms: for GPUs, and to check against."""
    steps, batch, _ = scores.shape
    device = scores.device
    bases, lengths = torch.as_tensor(targets.bases).to(device), torch.as_tensor(targets.lengths).to(device)
    low, high = torch.as_tensor(targets.low).to(device), torch.as_tensor(targets.high).to(device)
    positions = bases.shape[1] - state_length + 1
    path = np.stack([states_of(row, state_length, state_length, scores.shape[2] // 5) for row in targets.bases])
    state = torch.as_tensor(path).to(device)
    left = torch.nn.functional.pad(bases[:, : positions - 1], (1, 0))
    stay = scores.gather(2, (state * 5).expand(steps, -1, -1))
    move = scores.gather(2, (state * 5 + 1 + left).expand(steps, -1, -1))
    index = torch.arange(positions, device=device)
    floor = -1e30
    alpha = torch.where(index == 0, 0.0, floor).expand(batch, -1)
    for t in range(steps):
        moved = torch.nn.functional.pad(alpha[:, :-1], (1, 0), value=floor) + move[t]
        alpha = torch.logaddexp(alpha + stay[t], moved)
        allowed = (index >= low[:, t + 1, None]) & (index <= high[:, t + 1, None])
        alpha = alpha.masked_fill(~allowed, floor)
    reached = alpha.gather(1, (lengths - state_length)[:, None])[:, 0]
    moves = (lengths - state_length).clamp(min=1)
    return torch.where(reached > floor / 2, (log_partition(scores) - reached) / moves, torch.inf)


@numba.njit(cache=True, nogil=True, parallel=False)
def _losses(weights, bases, lengths, low, high, k, gradient, losses):  # type: ignore[no-untyped-def]
    for n in range(weights.shape[1]):
        log_z = transition_posteriors(weights[:, n], gradient[n])
        moves = lengths[n] - k
        reached = _subtract_target(weights[:, n], bases[n, : lengths[n]], low[n], high[n], k, gradient[n])
        if np.isfinite(reached):
            per_base = 1.0 / max(moves, 1)
            losses[n] = (log_z - reached) * per_base
            gradient[n] *= np.float32(per_base)
        else:
            losses[n] = np.inf
            gradient[n] = 0


@numba.njit(cache=True, nogil=True, fastmath=True)
def transition_posteriors(weights, posteriors):  # type: ignore[no-untyped-def]
    """Posterior of every transition (T, states, 5) from weights exp(scores) of the same shape; returns log Z."""
    steps, states, _ = weights.shape
    plain = plain_states(states)
    quarter = plain // 4
    alpha = np.zeros((steps + 1, states), np.float32)
    alpha[0, :plain] = np.float32(1.0 / plain)
    log_z = np.log(plain)
    either = alpha  # with that of second states added to the first ones'
    if states > plain:
        either = np.empty((steps, states), np.float32)
    for t in range(steps):
        before, after, w = alpha[t], alpha[t + 1], weights[t]
        both = either[t]
        if states > plain:
            both[:] = before
        for base in range(states - plain):
            both[run_state(base, plain)] += before[plain + base]
        for p in range(quarter):
            a0, a1, a2, a3 = both[p], both[quarter + p], both[2 * quarter + p], both[3 * quarter + p]
            for e in range(4):
                s = 4 * p + e
                after[s] = before[s] * w[s, 0] + a0 * w[s, 1] + a1 * w[s, 2] + a2 * w[s, 3] + a3 * w[s, 4]
        for base in range(states - plain):
            run, second = run_state(base, plain), plain + base
            after[run] = before[run] * w[run, 0] + before[second] * w[run, 1 + base]
            for other in range(4):
                if other != base:
                    after[run] += both[other * quarter + run // 4] * w[run, 1 + other]
            after[second] = before[second] * w[second, 0] + before[run] * w[second, 1 + base]
        total = np.float32(0.0)
        for s in range(states):
            total += after[s]
        after *= np.float32(1.0) / total
        log_z += np.log(total)
    beta = np.full(states, np.float32(1.0), np.float32)
    earlier = np.empty(states, np.float32)
    for t in range(steps - 1, -1, -1):
        before, both, w, out = alpha[t], either[t], weights[t], posteriors[t]
        earlier[:] = 0
        for p in range(quarter):
            a0, a1, a2, a3 = both[p], both[quarter + p], both[2 * quarter + p], both[3 * quarter + p]
            b0 = b1 = b2 = b3 = np.float32(0.0)
            for e in range(4):
                s = 4 * p + e
                b = beta[s]
                stay, w1, w2, w3, w4 = b * w[s, 0], b * w[s, 1], b * w[s, 2], b * w[s, 3], b * w[s, 4]
                earlier[s] += stay
                b0 += w1
                b1 += w2
                b2 += w3
                b3 += w4
                stay, w1, w2, w3, w4 = before[s] * stay, a0 * w1, a1 * w2, a2 * w3, a3 * w4
                out[s, 0], out[s, 1], out[s, 2], out[s, 3], out[s, 4] = stay, w1, w2, w3, w4
            earlier[p] += b0
            earlier[quarter + p] += b1
            earlier[2 * quarter + p] += b2
            earlier[3 * quarter + p] += b3
        for base in range(states - plain):
            run, second = run_state(base, plain), plain + base
            left = np.float32(0.0)
            for s in range(run % quarter * 4, run % quarter * 4 + 4):
                if s != run:
                    left += beta[s] * w[s, 1 + base]
            on, back = beta[second] * w[second, 1 + base], beta[run] * w[run, 1 + base]
            stay, stay_second = beta[run] * w[run, 0], beta[second] * w[second, 0]
            earlier[run] = stay + left + on
            earlier[second] = stay_second + left + back
            out[run, 1 + base] = before[second] * back
            out[second] = 0
            out[second, 0], out[second, 1 + base] = before[second] * stay_second, before[run] * on
        total = np.float32(0.0)
        for s in range(states):
            total += before[s] * earlier[s]
        # total is alpha . beta at t up to the scale of beta: dividing by it keeps beta within range
        scale = np.float32(1.0) / total
        out *= scale
        for s in range(states):
            beta[s] = earlier[s] * scale
    return log_z


@numba.njit(cache=True, nogil=True)
def _subtract_target(weights, bases, low, high, k, gradient):  # type: ignore[no-untyped-def]
    """Subtract the target's transition posteriors from `gradient`; returns the log of its summed path weights."""
    steps = weights.shape[0]
    positions = len(bases) - k + 1
    state = states_of(bases, k, k, weights.shape[1])
    width = 0
    for t in range(steps + 1):
        width = max(width, high[t] - low[t] + 1)
    alpha = np.zeros((steps + 1, width), np.float64)  # alpha[t, i - low[t]]
    if low[0] > 0:
        return -np.inf
    alpha[0, 0] = 1.0
    log_weight = 0.0
    for t in range(steps):
        total = 0.0
        for i in range(low[t + 1], high[t + 1] + 1):
            value = 0.0
            s = state[i]
            if low[t] <= i <= high[t]:
                value += alpha[t, i - low[t]] * weights[t, s, 0]
            if low[t] <= i - 1 <= high[t]:
                value += alpha[t, i - 1 - low[t]] * weights[t, s, 1 + bases[i - 1]]
            alpha[t + 1, i - low[t + 1]] = value
            total += value
        if not total > 0.0:
            return -np.inf
        for j in range(high[t + 1] - low[t + 1] + 1):
            alpha[t + 1, j] /= total
        log_weight += np.log(total)
    reached = alpha[steps, positions - 1 - low[steps]]
    if not reached > 0.0:
        return -np.inf
    beta = np.zeros(positions, np.float64)
    earlier = np.zeros(positions, np.float64)
    beta[positions - 1] = 1.0
    for t in range(steps - 1, -1, -1):
        total = 0.0
        for i in range(low[t], high[t] + 1):
            earlier[i] = 0.0
        for i in range(low[t + 1], high[t + 1] + 1):
            if low[t] <= i <= high[t]:
                stay = weights[t, state[i], 0] * beta[i]
                earlier[i] += stay
                total += alpha[t, i - low[t]] * stay
            if low[t] <= i - 1 <= high[t]:
                move = weights[t, state[i], 1 + bases[i - 1]] * beta[i]
                earlier[i - 1] += move
                total += alpha[t, i - 1 - low[t]] * move
        for i in range(low[t + 1], high[t + 1] + 1):
            if low[t] <= i <= high[t]:
                gradient[t, state[i], 0] -= alpha[t, i - low[t]] * weights[t, state[i], 0] * beta[i] / total
            if low[t] <= i - 1 <= high[t]:
                move = alpha[t, i - 1 - low[t]] * weights[t, state[i], 1 + bases[i - 1]] * beta[i] / total
                gradient[t, state[i], 1 + bases[i - 1]] -= move
        for i in range(low[t], high[t] + 1):
            beta[i] = earlier[i] / total
        # cells of this step's band that the next (earlier) step does not overwrite must not be read as set
        for i in range(low[t + 1], high[t + 1] + 1):
            if i < low[t] or i > high[t]:
                beta[i] = 0.0
    return log_weight + np.log(reached)
