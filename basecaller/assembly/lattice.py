"""The likelihood of a sequence, and of all its single edits, by a CTC-CRF's own lattice: one forward and backward pass.

A path stands at position i when base i is the last that it has emitted; its state is then the last k bases, and the
transition into position i depends on the k + 1 bases up to i (see model/crf.py). So an edit changes the transitions
into the edited base and the k after it and no others: a forward row before it, a few new rows, and the backward row
behind them give the likelihood of the whole edited sequence. log Z of all paths is the same for every sequence and
cancels in the ratios; weights are divided by it so that they stay in range (Lafferty 2001 for the field).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.edit import EDGE, begins_repeat, log_ratio
from basecaller.assembly.kernel import kernel
from basecaller.assembly.replacement import MOST_SAID
from basecaller.assembly.revise import LONGEST

LEAST_HALF = 24
MAX_HALF = 160
"""Steps on each side of where a base is expected."""


@kernel
def normalised(scores: Any) -> Any:
    """(C, S) float32 weights of the transitions from scores (S, C), C = 4**k * 5: exp(score), divided at each step so
    that all paths together weigh one; a sequence's summed paths are then its posterior probability."""
    steps, classes = scores.shape
    states = classes // 5
    quarter = states // 4
    out = np.empty((classes, steps), np.float32)
    alpha = np.full(states, 1.0 / states)
    after = np.empty(states)
    w = np.empty(classes)
    for t in range(steps):
        for c in range(classes):
            w[c] = np.exp(scores[t, c])
        total = 0.0
        for s in range(states):
            value = alpha[s] * w[5 * s]
            for b in range(4):
                value += alpha[b * quarter + s // 4] * w[5 * s + 1 + b]
            after[s] = value
            total += value
        inverse = 1.0 / total
        for s in range(states):
            alpha[s] = after[s] * inverse
        for c in range(classes):
            out[c, t] = w[c] * inverse
    return out


@kernel
def _stay_row(u: Any, k: int) -> Any:
    """The row of staying in the state of the first k bases."""
    state = 0
    for j in range(k):
        state = 4 * state + u[j]
    return 5 * state


@kernel
def columns(u: Any, at: int, k: int) -> Any:
    """Of the transition that emits base u[at]: the row of its move and the row of staying in the state it leads to."""
    state = 0
    for j in range(at - k + 1, at + 1):
        state = 4 * state + u[j]
    return 5 * state + 1 + u[at - k], 5 * state


@kernel
def _next_row(before: Any, before_low: int, move: Any, stay: Any, low: int, out: Any) -> Any:
    """One forward row, out[c] the weight of standing at a position after step low + c; returns its sum."""
    steps, width = len(move), len(out)
    out[:] = 0.0
    here = total = 0.0
    # after step t one comes from t - 1: from the last row, or by staying
    for c in range(max(0, 1 - low), min(width, steps + 1 - low)):
        t = low + c - 1
        here *= stay[t]
        at = t - before_low
        if 0 <= at < len(before):
            here += before[at] * move[t]
        out[c] = here
        total += here
    return total


@kernel
def _join(before: Any, before_low: int, move: Any, low: int, after: Any) -> Any:
    """All ways from a forward row over one move into the backward row that follows it."""
    total = 0.0
    first = max(low, before_low + 1, 1)
    last = min(low + len(after), before_low + 1 + len(before), len(move) + 1)
    for t in range(first, last):
        total += before[t - 1 - before_low] * move[t - 1] * after[t - low]
    return total


@kernel
def _replaced(u: Any, k: int, weights: Any, first: int, last: int, new: Any, inserted: int, forward: Any, backward: Any,
              low: Any, rows: Any) -> Any:
    """Weight of the sequence in which `inserted` bases of `new` stand for bases first..last-1 (0-based in the window),
    in units of forward row first - 1 times backward row last + k - 1."""
    v = np.empty(2 * k + LONGEST, np.uint8)
    v[:k] = u[first : first + k]
    v[k : k + inserted] = new[:inserted]
    v[k + inserted : 2 * k + inserted] = u[k + last : 2 * k + last]
    before, before_low = forward[first - 1], low[first - 1]
    for q in range(inserted + k - 1):
        move, stay = columns(v, k + q, k)
        here = low[last + q - inserted] if q >= inserted else low[min(first + q, last - 1)]
        if q < inserted and last == first:
            here = low[first - 1] + (low[first] - low[first - 1]) * (q + 1) // (inserted + 1)
        _next_row(before, before_low, weights[move], weights[stay], here, rows[q])
        before, before_low = rows[q], here
    move, _ = columns(v, 2 * k + inserted - 1, k)
    return _join(before, before_low, weights[move], low[last + k - 1], backward[last + k - 1])


@kernel
def log_weight(u: Any, k: int, weights: Any) -> Any:
    """log of the summed paths of u[k:] after the context u[:k], over all steps of weights (C, S), by the whole lattice
    (for short pieces)."""
    steps = weights.shape[1]
    before, out = np.zeros(steps + 1), np.zeros(steps + 1)
    before[0] = 1.0
    first = weights[_stay_row(u, k)]
    for t in range(steps):
        before[t + 1] = before[t] * first[t]
    logarithm = 0.0
    for at in range(k, len(u)):
        move, stay = columns(u, at, k)
        total = _next_row(before, 0, weights[move], weights[stay], 0, out)
        if total <= 0.0:
            return -np.inf
        logarithm += np.log(total)
        before[:] = out / total
    return logarithm + np.log(before[-1])


@kernel
def score_lattice(u: Any, k: int, weights: Any, centres: Any, wanted: Any, spans: Any, bounds: Any, bases: Any,
                  scores: Any, longer: Any) -> bool:
    """Add log(likelihood with edit / without) of the edits at the wanted bases to scores (n, 11), and of replacements
    (assembly/replacement.py: spans (m, 2), bounds (m + 1,), bases) to longer (m,).

    u: (k + n,) k bases of context and the window's n bases; weights: (C, S) as `normalised` gives them, of just the
    steps that the window stands for; centres: (n,) the step at which each base is expected. Bases near the ends are
    left out. False (and nothing added) if the signal does not fit the bases.
    """
    n, steps = len(u) - k, weights.shape[1]
    if n <= 2 * EDGE or steps < n // 2:
        return False
    half = LEAST_HALF
    for i in range(1, n):
        half = max(half, centres[i] - centres[i - 1] + 12)
    half = min(half, MAX_HALF)
    width = 2 * half + 1
    low = centres + (1 - half)
    forward, backward = np.zeros((n, width)), np.zeros((n, width))
    log_f, log_b = np.zeros(n), np.zeros(n)
    start = np.zeros(min(width, steps + 1))
    start[0] = 1.0
    first_stay = weights[_stay_row(u, k)]
    for c in range(1, len(start)):
        start[c] = start[c - 1] * first_stay[c - 1]
    for i in range(n):
        move, stay = columns(u, k + i, k)
        if i == 0:
            total = _next_row(start, 0, weights[move], weights[stay], low[0], forward[0])
        else:
            total = _next_row(forward[i - 1], low[i - 1], weights[move], weights[stay], low[i], forward[i])
        if total <= 0.0:
            return False
        forward[i] /= total
        log_f[i] = np.log(total) + (log_f[i - 1] if i > 0 else 0.0)
    for i in range(n - 1, -1, -1):
        _, stay = columns(u, k + i, k)
        next_move = weights[columns(u, k + i + 1, k)[0]] if i + 1 < n else weights[0]
        here = total = 0.0
        for c in range(min(width - 1, steps - low[i]), -1, -1):
            t = low[i] + c
            if t < 0:
                break
            value = 0.0
            if t < steps:
                value = here * weights[stay, t]
                if i + 1 < n:
                    at = t + 1 - low[i + 1]
                    if 0 <= at < width:
                        value += backward[i + 1, at] * next_move[t]
            elif i == n - 1:
                value = 1.0
            backward[i, c] = here = value
            total += value
        if total <= 0.0:
            return False
        backward[i] /= total
        log_b[i] = np.log(total) + (log_b[i + 1] if i + 1 < n else 0.0)
    now = np.empty(n)
    for i in range(1, n):
        value = _join(forward[i - 1], low[i - 1], weights[columns(u, k + i, k)[0]], low[i], backward[i])
        if value <= 0.0:
            return False
        now[i] = np.log(value) + log_f[i - 1] + log_b[i]
    rows = np.empty((LONGEST + k, width))
    new = np.empty(2, np.uint8)
    t = u[k:]
    for i in range(EDGE, n - EDGE):
        if not wanted[i]:
            continue
        for b in range(4):
            new[0] = b
            if b != t[i]:
                last = i + 1
                scale = np.exp(log_f[i - 1] + log_b[last + k - 1] - now[last + k - 1])
                value = _replaced(u, k, weights, i, last, new, 1, forward, backward, low, rows)
                scores[i, b] += log_ratio(value * scale, 1.0)
            scale = np.exp(log_f[i - 1] + log_b[i + k - 1] - now[i + k - 1])
            value = _replaced(u, k, weights, i, i, new, 1, forward, backward, low, rows)
            scores[i, 4 + b] += log_ratio(value * scale, 1.0)
        scale = np.exp(log_f[i - 1] + log_b[i + k] - now[i + k])
        value = _replaced(u, k, weights, i, i + 1, new, 0, forward, backward, low, rows)
        scores[i, 8] += log_ratio(value * scale, 1.0)
        if begins_repeat(t, n, i):
            scale = np.exp(log_f[i - 1] + log_b[i + k + 1] - now[i + k + 1])
            value = _replaced(u, k, weights, i, i + 2, new, 0, forward, backward, low, rows)
            scores[i, 9] += log_ratio(value * scale, 1.0)
            new[0], new[1] = t[i], t[i + 1]
            scale = np.exp(log_f[i - 1] + log_b[i + k - 1] - now[i + k - 1])
            value = _replaced(u, k, weights, i, i, new, 2, forward, backward, low, rows)
            scores[i, 10] += log_ratio(value * scale, 1.0)
    for r in range(len(spans)):
        first, last = spans[r]
        put = bases[bounds[r] : bounds[r + 1]]
        value = _replaced(u, k, weights, first, last, put, len(put), forward, backward, low, rows)
        said = -np.inf
        if value > 0.0:
            said = np.log(value) + log_f[first - 1] + log_b[last + k - 1] - now[last + k - 1]
        longer[r] += min(MOST_SAID, max(-MOST_SAID, said))
    return True
