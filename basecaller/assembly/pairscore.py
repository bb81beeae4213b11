"""The likelihood of a called read, and of all edits of the sequence it stands for, by a pair hidden Markov model."""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.edit import begins_repeat, log_ratio
from basecaller.assembly.kernel import kernel

MAX_BAND = 161


@kernel
def _across(row: Any, low: Any, base: Any, deleted: Any, x: Any, match: Any, mismatch: Any, after: Any, after_low: Any
            ) -> Any:
    """All ways from a forward row over one base of the template into the backward row after it."""
    total = 0.0
    for c in range(len(row)):
        j = low + c
        at = j - after_low
        if 0 <= at < len(row):
            total += row[c] * after[at] * deleted
        if 0 <= j < len(x) and 0 <= at + 1 < len(row):
            total += row[c] * after[at + 1] * (match[j] if base == x[j] else mismatch[j])
    return total


@kernel
def _next_row(row: Any, low: Any, base: Any, deleted: Any, x: Any, match: Any, mismatch: Any, insertion: Any,
              new_low: Any, out: Any) -> None:
    """The forward row after one more base of the template."""
    before = 0.0
    for c in range(len(out)):
        j = new_low + c
        value = 0.0
        if 0 <= j <= len(x):
            up = j - low
            if 0 <= up < len(row):
                value += row[up] * deleted
            if j > 0 and 0 <= up - 1 < len(row):
                value += row[up - 1] * (match[j - 1] if base == x[j - 1] else mismatch[j - 1])
            if j > 0:
                value += before * insertion[j - 1]
        out[c] = before = value


@kernel
def score_read(template: Any, deletion: Any, x: Any, match: Any, mismatch: Any, insertion: Any, wanted: Any, F: Any,
               B: Any, low: Any, scale: Any, scores: Any) -> bool:
    """Add log(likelihood with edit / without) of every edit at the wanted bases to scores (n, 11).

    match, mismatch, insertion: (m,) probabilities of the read's bases; deletion: (n,) of the template's bases, followed
    by (n,) of the base that an insertion there would bring. False (and nothing added) if the read does not fit.
    """
    n, m = len(template), len(x)
    half = 10 + abs(n - m)
    width = 2 * half + 1
    if width > MAX_BAND or n == 0 or m == 0:
        return False
    for i in range(n + 1):
        low[i] = i * m // n - half
    # forward: F[i, j - low[i]], each row divided by its sum
    for i in range(n + 1):
        lo = low[i]
        total = 0.0
        for c in range(width):
            j = lo + c
            value = 0.0
            if 0 <= j <= m:
                if i == 0 and j == 0:
                    value = 1.0
                if i > 0:
                    up = j - low[i - 1]
                    if 0 <= up < width:
                        value += F[i - 1, up] * deletion[i - 1]
                    if j > 0 and 0 <= up - 1 < width:
                        value += F[i - 1, up - 1] * (match[j - 1] if template[i - 1] == x[j - 1] else mismatch[j - 1])
                if c > 0 and j > 0:
                    value += F[i, c - 1] * insertion[j - 1]
            F[i, c] = value
            total += value
        if total <= 0.0:
            return False
        inverse = 1.0 / total
        for c in range(width):
            F[i, c] *= inverse
    if m - low[n] < 0 or m - low[n] >= width or F[n, m - low[n]] <= 0.0:
        return False
    # backward, likewise; scale[i] is what row i was divided by
    for i in range(n, -1, -1):
        lo = low[i]
        total = 0.0
        for c in range(width - 1, -1, -1):
            j = lo + c
            value = 0.0
            if 0 <= j <= m:
                if i == n and j == m:
                    value = 1.0
                if i < n:
                    down = j - low[i + 1]
                    if 0 <= down < width:
                        value += B[i + 1, down] * deletion[i]
                    if j < m and 0 <= down + 1 < width:
                        value += B[i + 1, down + 1] * (match[j] if template[i] == x[j] else mismatch[j])
                if c + 1 < width and j < m:
                    value += B[i, c + 1] * insertion[j]
            B[i, c] = value
            total += value
        scale[i] = total
        inverse = 1.0 / total
        for c in range(width):
            B[i, c] *= inverse
    extra = np.zeros((2, width))
    for i in range(n):
        if not wanted[i]:
            continue
        lo = low[i]
        step, step2 = low[i + 1] - lo, (low[i + 2] - lo if i + 2 <= n else 0)
        rest = 0.0
        insert_rest = 0.0
        removed = 0.0
        s0 = s1 = s2 = s3 = 0.0
        t0 = t1 = t2 = t3 = 0.0
        for c in range(width):
            j = lo + c
            f = F[i, c]
            if f == 0.0 or j < 0 or j > m:
                continue
            down = c - step
            if 0 <= down < width:
                rest += f * B[i + 1, down] * deletion[i]
            insert_rest += f * B[i, c] * deletion[n + i]
            if i + 2 <= n:
                down2 = c - step2
                if 0 <= down2 < width:
                    removed += f * B[i + 2, down2] * deletion[i + 1]
                if j < m and 0 <= down2 + 1 < width:
                    removed += f * B[i + 2, down2 + 1] * (match[j] if template[i + 1] == x[j] else mismatch[j])
            elif j == m:
                removed += f
            if j < m:
                gain = match[j] - mismatch[j]
                base = x[j]
                if 0 <= down + 1 < width:
                    value = f * B[i + 1, down + 1]
                    rest += value * mismatch[j]
                    value *= gain
                    if base == 0:
                        s0 += value
                    elif base == 1:
                        s1 += value
                    elif base == 2:
                        s2 += value
                    elif base == 3:
                        s3 += value
                if c + 1 < width:
                    value = f * B[i, c + 1]
                    insert_rest += value * mismatch[j]
                    value *= gain
                    if base == 0:
                        t0 += value
                    elif base == 1:
                        t1 += value
                    elif base == 2:
                        t2 += value
                    elif base == 3:
                        t3 += value
        here = template[i]
        now = rest + (s0 if here == 0 else s1 if here == 1 else s2 if here == 2 else s3)
        if now <= 0.0:
            continue
        if i + 2 <= n:
            removed /= scale[i + 1]
        else:
            removed /= scale[n]
        if i > 0 and begins_repeat(template, n, i):
            value = _across(F[i, :width], lo, template[i + 2], deletion[i + 2], x, match, mismatch, B[i + 3, :width],
                            low[i + 3])
            scores[i, 9] += log_ratio(value / (scale[i + 1] * scale[i + 2]), now)
            _next_row(F[i, :width], lo, template[i], deletion[i], x, match, mismatch, insertion, lo, extra[0])
            _next_row(extra[0], lo, template[i + 1], deletion[i + 1], x, match, mismatch, insertion, lo, extra[1])
            value = _across(extra[1], lo, template[i], deletion[i], x, match, mismatch, B[i + 1, :width], low[i + 1])
            scores[i, 10] += log_ratio(value, now)
        scores[i, 0] += log_ratio(rest + s0, now)
        scores[i, 1] += log_ratio(rest + s1, now)
        scores[i, 2] += log_ratio(rest + s2, now)
        scores[i, 3] += log_ratio(rest + s3, now)
        scores[i, 4] += log_ratio((insert_rest + t0) * scale[i], now)
        scores[i, 5] += log_ratio((insert_rest + t1) * scale[i], now)
        scores[i, 6] += log_ratio((insert_rest + t2) * scale[i], now)
        scores[i, 7] += log_ratio((insert_rest + t3) * scale[i], now)
        scores[i, 8] += log_ratio(removed, now)
    return True
