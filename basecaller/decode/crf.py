"""Decoding CTC-CRF scores: the most likely path through the transition posteriors, and how sure it is of each base.

See model/crf.py for what the scores mean.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Path
from basecaller.model.crf import transition_posteriors

FLOOR = np.float32(1e-8)
"""Added to posteriors so that a path through an impossible step can still be compared."""


def viterbi(scores: npt.NDArray[np.float32], state_length: int) -> Path:
    """Best path (Viterbi 1967) over the logarithms of the transition posteriors of scores (T, 4**k * 5).

    A base's probability of error is one minus the smaller of two posteriors: that of its state while the path is
    in it, and that of one move (not none, not two) to that base between the halves of the neighbouring dwells.
    """
    states: int = 4**state_length
    weights = np.exp(scores, order="C").reshape(len(scores), states, 5)
    posteriors = np.empty_like(weights)
    transition_posteriors(weights, posteriors)
    trace, last = _best_path(posteriors)
    return Path(*_read_path(posteriors, trace, last))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _best_path(posteriors):  # type: ignore[no-untyped-def]
    steps, states, _ = posteriors.shape
    quarter = states // 4
    trace = np.empty((steps, states), np.uint8)
    old, new = np.ones(states, np.float32), np.empty(states, np.float32)
    for t in range(steps):
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
                top = max(top, best)
        scale = np.float32(1.0) / top
        for s in range(states):
            old[s] = new[s] * scale
    return trace, np.argmax(old)


@numba.njit(cache=True, nogil=True)
def _read_path(posteriors, trace, last):  # type: ignore[no-untyped-def]
    steps, states, _ = posteriors.shape
    quarter = states // 4
    moves = np.zeros(steps, np.uint8)
    path = np.empty(steps, np.int64)
    sure = np.empty(steps, np.float32)  # posterior of being in the path's state after the step
    state = last
    for t in range(steps - 1, -1, -1):
        path[t] = state
        total = np.float32(0.0)
        for slot in range(5):
            total += posteriors[t, state, slot]
        sure[t] = total
        slot = trace[t, state]
        if slot > 0:
            moves[t] = 1
            state = (slot - 1) * quarter + state // 4
    begins = np.flatnonzero(moves)
    count = len(begins)
    labels = np.empty(count, np.uint8)
    errors = np.empty(count, np.float32)
    for i in range(count):
        begin = begins[i]
        end = begins[i + 1] if i + 1 < count else steps
        label = path[begin] % 4
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
