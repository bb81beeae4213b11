"""Decoding CTC-CRF scores: the most likely path through the transition posteriors, and how sure it is of each base.

See model/crf.py for what the scores mean, and model/states.py for the states.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Array, Path
from basecaller.model.crf import transition_posteriors
from basecaller.model.states import before, follow, leaving, plain_states, run_state

Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

FLOOR = np.float32(1e-8)
"""Added to posteriors so that a path through an impossible step can still be compared."""
LEAST = np.float32(1e-28)
"""What a path is at least to the best one, if it is not given up: its product with a posterior may else be a number too
small for float32's normal form, with which a CPU is many times slower."""
ASTRAY = 6
"""Bases by which the path that spells a given sequence may run ahead of the places given with it, or lag behind."""


def viterbi(scores: Array) -> Path:
    """Best path (Viterbi 1967) over the logarithms of the transition posteriors of scores (T, states * 5).

    A base's probability of error is one minus the smaller of two posteriors: that of its state while the path is
    in it, and that of one move (not none, not two) to that base between the halves of the neighbouring dwells.
    """
    _, posteriors = weigh(scores)
    visited, moves, _ = best_path(posteriors)
    return Path(*path_errors(posteriors, visited, moves))


def weigh(scores: Array) -> tuple[Array, Array]:
    """Weights exp(scores) and posteriors of all transitions, both (T, states, 5), of scores (T, states * 5)."""
    weights = np.exp(scores, order="C").reshape(len(scores), -1, 5)
    posteriors = np.empty_like(weights)
    transition_posteriors(weights, posteriors)
    return weights, posteriors


@numba.njit(cache=True, nogil=True, fastmath=True)
def best_path(posteriors):  # type: ignore[no-untyped-def]
    """States (T,) and moves (T,) uint8 of the best path through posteriors (T, states, 5), and the state before it."""
    steps, states, _ = posteriors.shape
    plain = plain_states(states)
    quarter, seconds = plain // 4, states - plain
    trace = np.empty((steps, states), np.uint8)  # the transition in, and 4 more for one from a second state
    old, new = np.ones(states, np.float32), np.empty(states, np.float32)
    old[plain:] = 0
    firsts = np.empty(4, np.float32)
    for t in range(steps):
        for base in range(seconds):  # what a run leads to comes from the likelier of its two states
            run = run_state(base, plain)
            firsts[base] = old[run]
            old[run] = max(old[run], old[plain + base])
        w = posteriors[t]
        top = np.float32(0.0)
        for p in range(quarter):
            a0, a1, a2, a3 = old[p], old[quarter + p], old[2 * quarter + p], old[3 * quarter + p]
            for e in range(4):
                s = 4 * p + e
                best, slot = old[s] * (w[s, 0] + FLOOR), 0
                v1, v2, v3, v4 = a0 * (w[s, 1] + FLOOR), a1 * (w[s, 2] + FLOOR), a2 * (w[s, 3] + FLOOR), a3 * (
                    w[s, 4] + FLOOR)
                if v1 > best:
                    best, slot = v1, 1
                if v2 > best:
                    best, slot = v2, 2
                if v3 > best:
                    best, slot = v3, 3
                if v4 > best:
                    best, slot = v4, 4
                new[s] = best
                trace[t, s] = slot
        for base in range(seconds):
            run, second = run_state(base, plain), plain + base
            likelier = old[second] > firsts[base]
            for s in range(run % quarter * 4, run % quarter * 4 + 4):
                if trace[t, s] == 1 + base and likelier:
                    trace[t, s] += 4
        for base in range(seconds):
            run, second = run_state(base, plain), plain + base
            new[run], trace[t, run] = firsts[base] * (w[run, 0] + FLOOR), 0
            for other in range(4):
                value = old[other * quarter + run // 4] if other != base else old[second]
                value *= w[run, 1 + other] + FLOOR
                if value > new[run]:
                    new[run], trace[t, run] = value, 1 + other
            new[second], trace[t, second] = old[second] * (w[second, 0] + FLOOR), 0
            value = firsts[base] * (w[second, 1 + base] + FLOOR)
            if value > new[second]:
                new[second], trace[t, second] = value, 1 + base
        for s in range(states):
            top = max(top, new[s])
        scale = np.float32(1.0) / top
        for s in range(states):
            value = new[s] * scale
            old[s] = value if value > LEAST else np.float32(0.0)
    moves = np.zeros(steps, np.uint8)
    visited = np.empty(steps, np.int64)
    state = np.argmax(old)
    for t in range(steps - 1, -1, -1):
        visited[t] = state
        slot = trace[t, state]
        if slot > 0:
            moves[t] = 1
            first, other = before(state, slot if slot <= 4 else slot - 4, states)
            state = first if slot <= 4 else other
    return visited, moves, state


@numba.njit(cache=True, nogil=True)
def path_errors(posteriors, visited, moves):  # type: ignore[no-untyped-def]
    """Labels (L,), moves (T,) and errors (L,) of a `Path` from the states (T,) and moves (T,) of a path."""
    steps, states, _ = posteriors.shape
    sure = np.zeros(steps, np.float32)  # posterior of being in the path's state after the step
    for t in range(steps):
        for slot in range(5):
            sure[t] += posteriors[t, visited[t], slot]
    begins = np.flatnonzero(moves)
    count = len(begins)
    labels = np.empty(count, np.uint8)
    errors = np.empty(count, np.float32)
    for i in range(count):
        begin = begins[i]
        end = begins[i + 1] if i + 1 < count else steps
        label = visited[begin] % 4
        labels[i] = label
        in_state = np.float32(0.0)
        for t in range(begin, end):
            in_state = max(in_state, sure[t])
        # moves to this base from half way through the last base to half way through this one
        half_before = begin - (begin - begins[i - 1]) // 2 if i > 0 else max(0, begin - 2)
        half_after = begin + (end - begin + 1) // 2
        moved = np.float32(0.0)
        for t in range(half_before, half_after):
            for s in range(label, states, 4):
                for slot in range(1, 5):
                    moved += posteriors[t, s, slot]
        once = min(moved, np.float32(2.0) - moved)
        errors[i] = np.float32(1.0) - max(np.float32(0.0), min(in_state, once))
    return labels, moves, errors


def path_of(posteriors: Array, labels: Labels, places: Places, first: int) -> Path:
    """The best path from state `first` that spells `labels` (L,) and begins each base about the step that `places` (L,)
    says, with its errors; the best of all paths where there is none."""
    visited, moves, found = spelling_path(posteriors, labels, places, first)
    if not found:
        visited, moves, _ = best_path(posteriors)
    return Path(*path_errors(posteriors, visited, moves))


@numba.njit(cache=True, nogil=True, fastmath=True)
def spelling_path(posteriors, sequence, places, first):  # type: ignore[no-untyped-def]
    """States (T,) and moves (T,) of the best path that spells a sequence, as `path_of` has it, and if there is one."""
    steps, states, _ = posteriors.shape
    length, width = len(sequence), 2 * ASTRAY + 1
    state = np.empty(length + 1, np.int64)
    state[0] = first
    for i in range(length):
        state[i + 1] = follow(state[i], sequence[i], states)
    old, new = np.zeros(width, np.float32), np.empty(width, np.float32)
    lows = np.empty(steps + 1, np.int64)  # lows[t] + c bases are out before step t
    moved = np.zeros((steps, width), np.bool_)
    i = 0
    for t in range(steps + 1):
        while i < length and places[i] < t:
            i += 1
        lows[t] = (0 if t == 0 else length if t == steps else i) - ASTRAY
    old[ASTRAY] = 1.0
    for t in range(steps):
        low, shift = lows[t + 1], lows[t + 1] - lows[t]
        top = LEAST
        new[:] = 0.0
        for c in range(max(0, -low), min(width, length - low + 1)):
            i, before = low + c, c + shift
            s = state[i]
            value = np.float32(0.0)
            if before < width:
                value = old[before] * (posteriors[t, s, 0] + FLOOR)
            if 0 < before <= width and i > 0:
                along = old[before - 1] * (posteriors[t, s, 1 + leaving(state[i - 1], states)] + FLOOR)
                if along > value:
                    value = along
                    moved[t, c] = True
            new[c] = value
            top = max(top, value)
        for c in range(width):
            if new[c] > 0:
                old[c] = max(new[c] / top, LEAST)
            else:
                old[c] = 0.0
    visited = np.empty(steps, np.int64)
    moves = np.zeros(steps, np.uint8)
    found = old[ASTRAY] > 0
    i = length
    if found:
        for t in range(steps - 1, -1, -1):
            visited[t] = state[i]
            if moved[t, i - lows[t + 1]]:
                moves[t] = 1
                i -= 1
    return visited, moves, found
