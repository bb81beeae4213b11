"""How sure CTC posteriors are of each base of a call: the call weighed against every single edit of it.

The probability of a sequence is the sum over all paths that spell it (the forward algorithm, Graves et al. 2006). That
of a sequence with one base changed, left out or put in follows from the same forward and backward sums and a few steps
around the base. As sequences far from the call play no part, only those states are summed that are within `REACH`
bases of the called path at the same step.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

REACH = 2
"""Bases by which a path may run ahead of the called one or lag behind it."""


def edit_errors(
    probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8], moves: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """(L,) float32: the expected errors charged to each base of a call, at most 1.

    `probabilities` (T, 5) of blank, A, C, G, T; `labels` (L,) 0..3 and `moves` (T,) of the call. Each base is weighed
    against its three substitutions, its deletion, and the four insertions on either side, of which half is charged to
    the base; a gap in a run of equal bases is shared by its places, which cannot be told apart.
    """
    if not labels.size:
        return np.zeros(0, np.float32)
    classes = labels.astype(np.int64) + 1
    starts = np.flatnonzero(np.diff(classes, prepend=0))
    lengths = np.diff(starts, append=classes.size)
    errors: npt.NDArray[np.float32] = _edit_errors(
        probabilities.astype(np.float64),
        classes,
        np.cumsum(moves, dtype=np.int64),
        np.append(np.flatnonzero(moves), moves.size),
        np.append(np.repeat(lengths, lengths), 1),
    )
    return errors


@numba.njit(cache=True, nogil=True)
def _sums(p, y, emitted):  # type: ignore[no-untyped-def]
    """Forward and backward sums of the states near the call, and p scaled so that the forward sums stay near 1.

    State (t, k, e): of the call's labels y (1..4), j = emitted[t] - REACH + k are out after step t, the last of them
    still going on (e = 1) or followed by a blank (e = 0).
    """
    steps, length, band = len(p), len(y), 2 * REACH + 1
    forward, backward = np.zeros((steps, band, 2)), np.zeros((steps, band, 2))
    q = np.empty((steps, 5))
    for t in range(steps):
        first = emitted[t] - REACH
        before = (emitted[t - 1] if t > 0 else 0) - REACH
        total = 0.0
        for k in range(band):
            j = first + k
            if j < 0 or j > length:
                continue
            stay0 = stay1 = step0 = step1 = 0.0
            b = j - before
            if t == 0:
                stay0, step0 = 1.0 * (j == 0), 1.0 * (j == 1)
            else:
                if 0 <= b < band:
                    stay0, stay1 = forward[t - 1, b, 0], forward[t - 1, b, 1]
                if 0 <= b - 1 < band:
                    step0, step1 = forward[t - 1, b - 1, 0], forward[t - 1, b - 1, 1]
            forward[t, k, 0] = p[t, 0] * (stay0 + stay1)
            if j > 0:
                if j > 1 and y[j - 1] == y[j - 2]:
                    step1 = 0.0
                forward[t, k, 1] = p[t, y[j - 1]] * (stay1 + step0 + step1)
            total += forward[t, k, 0] + forward[t, k, 1]
        scale = 1.0 / max(total, 1e-300)
        for k in range(band):
            forward[t, k, 0] *= scale
            forward[t, k, 1] *= scale
        for c in range(5):
            q[t, c] = p[t, c] * scale
    for t in range(steps - 1, -1, -1):
        first = emitted[t] - REACH
        for k in range(band):
            j = first + k
            if j < 0 or j > length:
                continue
            if t == steps - 1:
                backward[t, k, 0] = backward[t, k, 1] = 1.0 * (j == length)
                continue
            a = j - (emitted[t + 1] - REACH)
            if 0 <= a < band:
                stay = q[t + 1, 0] * backward[t + 1, a, 0]
                backward[t, k, 0] += stay
                backward[t, k, 1] += stay
                if j > 0:
                    backward[t, k, 1] += q[t + 1, y[j - 1]] * backward[t + 1, a, 1]
            if j < length and 0 <= a + 1 < band:
                step = q[t + 1, y[j]] * backward[t + 1, a + 1, 1]
                backward[t, k, 0] += step
                if j == 0 or y[j] != y[j - 1]:
                    backward[t, k, 1] += step
    return forward, backward, q


@numba.njit(cache=True, nogil=True)
def _replaced(forward, backward, q, y, emitted, steps_of, j, new, onto):  # type: ignore[no-untyped-def]
    """Scaled probability of y with the labels j..onto-1 replaced by `new` (1..4, or 0 for nothing)."""
    steps, length, band = len(q), len(y), 2 * REACH + 1
    before = y[j - 1] if j > 0 else 0
    after = y[onto] if onto < length else 0
    start = steps_of[max(j - REACH, 0)] if j - REACH > 0 else 0
    end = steps_of[min(onto + REACH, length)]
    total = own0 = own1 = 0.0
    for t in range(start - 1, end):
        # Out after step t: the first j labels (from0, from1), or those and `new` (own0, own1).
        if t < 0:
            from0, from1 = 1.0 * (j == 0), 0.0
        else:
            k = j - (emitted[t] - REACH)
            from0 = from1 = 0.0
            if 0 <= k < band:
                from0, from1 = forward[t, k, 0], forward[t, k, 1]
        out0, out1, last = (from0, from1, before) if new == 0 else (own0, own1, new)
        if t + 1 < steps:
            if after > 0:
                k = onto + 1 - (emitted[t + 1] - REACH)
                if 0 <= k < band:
                    inflow = out0 if last == after else out0 + out1
                    total += inflow * q[t + 1, after] * backward[t + 1, k, 1]
            if new > 0:
                inflow = from0 if new == before else from0 + from1
                own0, own1 = q[t + 1, 0] * (own0 + own1), q[t + 1, new] * (own1 + inflow)
        elif after == 0:
            total += out0 + out1
    return total


@numba.njit(cache=True, nogil=True)
def _edit_errors(p, y, emitted, steps_of, run):  # type: ignore[no-untyped-def]
    """See `edit_errors`; `steps_of` (L + 1,) is the step at which each label comes out, past the last one the end,
    `run` (L + 1,) the number of equal labels in a row that each belongs to."""
    steps, length = len(p), len(y)
    forward, backward, q = _sums(p, y, emitted)
    called = forward[steps - 1, REACH, 0] + forward[steps - 1, REACH, 1]

    # Per gap before base i (the last one after all): all four insertions, and the part that is this gap's own.
    gap, gap_share = np.zeros(length + 1), np.zeros(length + 1)
    for i in range(length + 1):
        for base in range(1, 5):
            mass = _replaced(forward, backward, q, y, emitted, steps_of, i, base, i) / called
            places = 1.0
            if i < length and y[i] == base:
                places += run[i]
            elif i > 0 and y[i - 1] == base:
                places += run[i - 1]
            gap[i] += mass
            gap_share[i] += mass / places

    errors = np.empty(length, np.float32)
    for i in range(length):
        removed = _replaced(forward, backward, q, y, emitted, steps_of, i, 0, i + 1) / called
        changed = 0.0
        for base in range(1, 5):
            if base != y[i]:
                changed += _replaced(forward, backward, q, y, emitted, steps_of, i, base, i + 1) / called
        charged = changed + removed / run[i] + 0.5 * (gap_share[i] + gap_share[i + 1])
        errors[i] = charged / (1.0 + changed + removed + gap[i] + gap[i + 1])
    return errors
