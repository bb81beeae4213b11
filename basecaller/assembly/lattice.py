"""The likelihood of a sequence, and of all its single edits, by a CTC-CRF's own lattice: one forward and backward pass.

A path stands at position i when base i is the last that it has emitted; its state is then the last k bases, and the
transition into position i depends on the k + 1 bases up to i (see model/crf.py). So an edit changes the transitions
into the edited base and the k after it and no others (with second states for runs, up to the end of a run that it lies
in): a forward row before it, a few new rows, and the backward row behind them give the likelihood of the whole edited
sequence. log Z of all paths is the same for every sequence and cancels in the ratios; weights are divided by it so that
they stay in range (Lafferty 2001 for the field).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.edit import CLIP, EDGE, EDITS, begins_repeat, written
from basecaller.assembly.kernel import kernel
from basecaller.assembly.replacement import MOST_SAID
from basecaller.model.states import follow, leaving, plain_states, run_state, states_of

LEAST_HALF = 16
MAX_HALF = 160
"""Steps on each side of where a base is expected."""


@kernel
def normalised(scores: Any) -> Any:
    """(C, S) float32 weights of the transitions from scores (S, C), C = states * 5: exp(score), divided at each step so
    that all paths together weigh one; a sequence's summed paths are then its posterior probability."""
    steps, classes = scores.shape
    states = classes // 5
    plain = plain_states(states)
    quarter = plain // 4
    out = np.empty((classes, steps), np.float32)
    alpha, after = np.zeros(states), np.empty(states)
    alpha[:plain] = 1.0 / plain
    w = np.empty(classes)
    for t in range(steps):
        for c in range(classes):
            w[c] = np.exp(scores[t, c])
        total = 0.0
        for s in range(plain):
            value = alpha[s] * w[5 * s]
            for b in range(4):
                value += alpha[b * quarter + s // 4] * w[5 * s + 1 + b]
            after[s] = value
        for b in range(states - plain):
            run, s = run_state(b, plain), plain + b
            for to in range(run % quarter * 4, run % quarter * 4 + 4):
                after[to] += (alpha[s] - (alpha[run] if to == run else 0.0)) * w[5 * to + 1 + b]
            after[s] = alpha[s] * w[5 * s] + alpha[run] * w[5 * s + 1 + b]
        for s in range(states):
            total += after[s]
        inverse = 1.0 / total
        for s in range(states):
            alpha[s] = after[s] * inverse
        for c in range(classes):
            out[c, t] = w[c] * inverse
    return out


@kernel
def _rows(state: int, base: int, states: int) -> Any:
    """Of the transition that emits a base in a state: the row of its move, that of staying in the state that it leads
    to, and that state."""
    after = follow(state, base, states)
    return 5 * after + 1 + leaving(state, states), 5 * after, after


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
def _replaced(t: Any, path: Any, weights: Any, first: int, last: int, new: Any, now: Any, forward: Any, backward: Any,
              log_f: Any, log_b: Any, low: Any, rows: Any) -> float:
    """log(likelihood with `new` in place of bases first..last-1 of t / without): new rows for the bases of `new` and
    those behind it until the states are those of t again. -inf if they are not before the window ends."""
    states = len(weights) // 5
    state, before, before_low = path[first], forward[first - 1], low[first - 1]
    inserted = len(new)
    for q in range(inserted + len(t) - last):
        at = last + q - inserted
        move, stay, state = _rows(state, new[q] if q < inserted else t[at], states)
        if q >= inserted and state == path[at + 1]:
            value = _join(before, before_low, weights[move], low[at], backward[at])
            return np.log(value) + log_f[first - 1] + log_b[at] - now[at] if value > 0.0 else -np.inf
        here = low[at] if q >= inserted else low[min(first + q, last - 1)]
        if q < inserted and last == first:
            here = low[first - 1] + (low[first] - low[first - 1]) * (q + 1) // (inserted + 1)
        _next_row(before, before_low, weights[move], weights[stay], here, rows[q & 1])
        before, before_low = rows[q & 1], here
    return -np.inf


@kernel
def _clipped(said: float, most: float) -> float:
    return min(most, max(-most, said))


@kernel
def log_weight(u: Any, k: int, weights: Any) -> Any:
    """log of the summed paths of u[k:] after the context u[:k], over all steps of weights (C, S), by the whole lattice
    (for short pieces)."""
    states, steps = len(weights) // 5, weights.shape[1]
    before, out = np.zeros(steps + 1), np.zeros(steps + 1)
    before[0] = 1.0
    state = states_of(u[:k], k, k, states)[0]
    first = weights[5 * state]
    for t in range(steps):
        before[t + 1] = before[t] * first[t]
    logarithm = 0.0
    for at in range(k, len(u)):
        move, stay, state = _rows(state, u[at], states)
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

    u: k bases of context, or more, and the window's n bases; weights: (C, S) as `normalised` gives them, of just the
    steps that the window stands for; centres: (n,) the step at which each base is expected. Bases near the ends are
    left out. False (and nothing added) if the signal does not fit the bases.
    """
    n, steps = len(centres), weights.shape[1]
    if n <= 2 * EDGE or steps < n // 2:
        return False
    t = u[len(u) - n :]
    path = states_of(u, k, len(u) - n, len(weights) // 5)
    moves, stays = np.empty(n + 1, np.int64), 5 * path
    for i in range(n):
        moves[i] = _rows(path[i], t[i], len(weights) // 5)[0]
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
    first_stay = weights[stays[0]]
    for c in range(1, len(start)):
        start[c] = start[c - 1] * first_stay[c - 1]
    for i in range(n):
        move, stay = weights[moves[i]], weights[stays[i + 1]]
        if i == 0:
            total = _next_row(start, 0, move, stay, low[0], forward[0])
        else:
            total = _next_row(forward[i - 1], low[i - 1], move, stay, low[i], forward[i])
        if total <= 0.0:
            return False
        forward[i] /= total
        log_f[i] = np.log(total) + (log_f[i - 1] if i > 0 else 0.0)
    for i in range(n - 1, -1, -1):
        stay = weights[stays[i + 1]]
        next_move = weights[moves[i + 1] if i + 1 < n else 0]
        here = total = 0.0
        for c in range(min(width - 1, steps - low[i]), -1, -1):
            at = low[i] + c
            if at < 0:
                break
            value = 0.0
            if at < steps:
                value = here * stay[at]
                if i + 1 < n:
                    then = at + 1 - low[i + 1]
                    if 0 <= then < width:
                        value += backward[i + 1, then] * next_move[at]
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
        value = _join(forward[i - 1], low[i - 1], weights[moves[i]], low[i], backward[i])
        if value <= 0.0:
            return False
        now[i] = np.log(value) + log_f[i - 1] + log_b[i]
    rows, put = np.empty((2, width)), np.empty(2, np.uint8)
    for i in range(EDGE, n - EDGE):
        if not wanted[i]:
            continue
        for column in range(EDITS):
            if column == t[i] or (column > 8 and not begins_repeat(t, n, i)):
                continue
            last, new = written(t, i, column, put)
            said = _replaced(t, path, weights, i, last, new, now, forward, backward, log_f, log_b, low, rows)
            scores[i, column] += _clipped(said, CLIP)
    for r in range(len(spans)):
        (first, last), more = spans[r], bases[bounds[r] : bounds[r + 1]]
        said = _replaced(t, path, weights, first, last, more, now, forward, backward, log_f, log_b, low, rows)
        longer[r] += _clipped(said, MOST_SAID)
    return True
