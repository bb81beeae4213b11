"""The likelihood of a sequence, and of all its single edits, under a read's posteriors: one forward and backward pass.

Posteriors are those of a CTC network, (T, 5) probabilities: class 0 is the blank, 1..4 are A, C, G, T; a base may last
for several steps, and equal neighbours need a blank between (Graves 2006).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.edit import EDGE, begins_repeat, log_ratio
from basecaller.assembly.kernel import kernel
from basecaller.assembly.replacement import MOST_SAID

MAX_HALF = 160
"""Steps on each side of where a base is expected."""


@kernel
def _row(label: int, same: bool, low: int, width: int, before_low: int, before_label: Any,
         before_blank: Any, p: Any, out_label: Any, out_blank: Any) -> Any:
    """One forward row: the mass at each step of being in this base's label, and in the blank after it."""
    steps = len(p)
    in_label = in_blank = total = 0.0
    for c in range(width):
        t = low + c
        a = b = 0.0
        if 0 <= t < steps:
            enter = 0.0
            at = t - 1 - before_low
            if 0 <= at < len(before_label):
                enter = before_blank[at]
                if not same:
                    enter += before_label[at]
            b = p[t, 0] * (in_blank + in_label)
            a = p[t, label] * (enter + in_label)
        out_label[c] = in_label = a
        out_blank[c] = in_blank = b
        total += a + b
    return total


@kernel
def _join(same: bool, low: int, in_label: Any, in_blank: Any, next_low: int, entering: Any) -> Any:
    """All ways from one forward row into the backward row of the base that follows it."""
    total = 0.0
    for c in range(len(in_label)):
        at = low + c + 1 - next_low
        if 0 <= at < len(entering):
            total += (in_blank[c] if same else in_blank[c] + in_label[c]) * entering[at]
    return total


@kernel
def log_likelihood(t: Any, p: Any) -> Any:
    """log of the probability of sequence t (codes) under posteriors p, by the whole lattice (for short pieces)."""
    n, steps = len(t), len(p)
    label, blank = np.zeros(steps), np.zeros(steps)
    before_label, before_blank = np.zeros(steps + 1), np.zeros(steps + 1)
    before_blank[0] = 1.0
    for s in range(steps):
        before_blank[s + 1] = before_blank[s] * p[s, 0]
    low, logarithm = -1, 0.0
    for i in range(n):
        same = i > 0 and t[i] == t[i - 1]
        total = _row(t[i] + 1, same, 0, steps, low, before_label, before_blank, p, label, blank)
        if total <= 0.0:
            return -np.inf
        logarithm += np.log(total)
        before_label, before_blank, low = label / total, blank / total, 0
    return logarithm + np.log(before_label[-1] + before_blank[-1])


@kernel
def score_posteriors(t: Any, p: Any, centres: Any, wanted: Any, spans: Any, bounds: Any, bases: Any, scores: Any,
                     longer: Any) -> bool:
    """Add log(likelihood with edit / without) of the edits at the wanted bases of t (n,) to scores (n, 11), and of
    replacements (assembly/replacement.py: spans (m, 2), bounds (m + 1,), bases) to longer (m,).

    p: (T, 5) posteriors of just the steps that t stands for; centres: (n,) the step at which each base is expected.
    Bases near the ends are left out. False (and nothing added) if p does not fit t.
    """
    n, steps = len(t), len(p)
    if n <= 2 * EDGE or steps < n:
        return False
    half = 24
    for i in range(1, n):
        half = max(half, centres[i] - centres[i - 1] + 12)
    half = min(half, MAX_HALF)
    width = 2 * half + 1
    forward_label, forward_blank = np.zeros((n, width)), np.zeros((n, width))
    entering = np.zeros((n, width))
    scale = np.zeros(n)
    start_label, start_blank = np.zeros(width), np.zeros(width)
    start_blank[0] = 1.0
    for c in range(1, min(width, steps + 1)):
        start_blank[c] = start_blank[c - 1] * p[c - 1, 0]
    for i in range(n):
        if i == 0:
            total = _row(t[0] + 1, False, centres[0] - half, width, -1, start_label, start_blank, p,
                         forward_label[0], forward_blank[0])
        else:
            total = _row(t[i] + 1, t[i] == t[i - 1], centres[i] - half, width, centres[i - 1] - half,
                         forward_label[i - 1], forward_blank[i - 1], p, forward_label[i], forward_blank[i])
        if total <= 0.0:
            return False
        for c in range(width):
            forward_label[i, c] /= total
            forward_blank[i, c] /= total
    for i in range(n - 1, -1, -1):
        low = centres[i] - half
        after_label = after_blank = total = 0.0
        p_blank = p_label = 0.0
        for c in range(width - 1, -1, -1):
            s = low + c
            if s < 0 or s >= steps:
                continue
            leave = 0.0
            if i + 1 < n:
                at = s + 1 - (centres[i + 1] - half)
                if 0 <= at < width:
                    leave = entering[i + 1, at]
            if i == n - 1 and s == steps - 1:
                after_label = after_blank = 1.0
            else:
                stay = p_blank * after_blank
                again = p_label * after_label
                after_blank = stay + leave
                after_label = stay + again + (0.0 if i + 1 < n and t[i + 1] == t[i] else leave)
            p_blank, p_label = p[s, 0], p[s, t[i] + 1]
            entering[i, c] = p_label * after_label
            total += entering[i, c]
        if total <= 0.0:
            return False
        scale[i] = total
        for c in range(width):
            entering[i, c] /= total
    new_label, new_blank = np.zeros(width), np.zeros(width)
    two_label, two_blank = np.zeros(width), np.zeros(width)
    for i in range(EDGE, n - EDGE):
        if not wanted[i]:
            continue
        before, low, after = centres[i - 1] - half, centres[i] - half, centres[i + 1] - half
        old_label, old_blank = forward_label[i - 1], forward_blank[i - 1]
        now = _join(t[i] == t[i - 1], before, old_label, old_blank, low, entering[i])
        if now <= 0.0:
            continue
        without = _join(t[i + 1] == t[i - 1], before, old_label, old_blank, after, entering[i + 1])
        scores[i, 8] += log_ratio(without / scale[i], now)
        if begins_repeat(t, n, i):
            beyond = centres[i + 2] - half
            without = _join(t[i + 2] == t[i - 1], before, old_label, old_blank, beyond, entering[i + 2])
            scores[i, 9] += log_ratio(without / (scale[i] * scale[i + 1]), now)
            middle = (before + low) // 2
            _row(t[i] + 1, t[i] == t[i - 1], middle, width, before, old_label, old_blank, p, new_label,
                 new_blank)
            _row(t[i + 1] + 1, False, middle, width, middle, new_label, new_blank, p, two_label, two_blank)
            value = _join(False, middle, two_label, two_blank, low, entering[i])
            scores[i, 10] += log_ratio(value, now)
        # a base more, or another one, must end before its successor begins: its row lies a little earlier
        for b in range(4):
            if b != t[i]:
                _row(b + 1, b == t[i - 1], low, width, before, old_label, old_blank, p, new_label, new_blank)
                value = _join(t[i + 1] == b, low, new_label, new_blank, after, entering[i + 1])
                scores[i, b] += log_ratio(value / scale[i], now)
            middle = (before + low) // 2
            _row(b + 1, b == t[i - 1], middle, width, before, old_label, old_blank, p, new_label, new_blank)
            value = _join(t[i] == b, middle, new_label, new_blank, low, entering[i])
            scores[i, 4 + b] += log_ratio(value, now)
    for r in range(len(spans)):
        first, last = spans[r]
        put = bases[bounds[r] : bounds[r + 1]]
        before, label, blank = centres[first - 1] - half, forward_label[first - 1], forward_blank[first - 1]
        now = _join(t[first] == t[first - 1], before, label, blank, centres[first] - half, entering[first])
        same, logarithm = t[first - 1], 0.0
        for x in range(first, last):
            logarithm -= np.log(scale[x])
        for x in range(len(put)):
            here = (centres[first - 1] * (len(put) - x) + centres[last] * (x + 1)) // (len(put) + 1) - half
            out_label, out_blank = (new_label, new_blank) if x % 2 == 0 else (two_label, two_blank)
            total = _row(put[x] + 1, put[x] == same, here, width, before, label, blank, p, out_label, out_blank)
            if total <= 0.0:
                break
            logarithm += np.log(total)
            for c in range(width):
                out_label[c] /= total
                out_blank[c] /= total
            before, label, blank, same = here, out_label, out_blank, put[x]
        value = _join(t[last] == same, before, label, blank, centres[last] - half, entering[last])
        said = -np.inf
        if now > 0.0 and value > 0.0 and (len(put) == 0 or total > 0.0):
            said = np.log(value / now) + logarithm
        longer[r] += min(MOST_SAID, max(-MOST_SAID, said))
    return True
