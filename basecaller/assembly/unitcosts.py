"""The best alignments of two short stretches of bases, each edit costing one (Levenshtein 1966)."""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.kernel import kernel


@kernel
def fill_costs(t: Any, x: Any, table: Any) -> None:
    """Fill a table, flat, of n + 1 rows of m + 1: the least number of edits between the first i bases of t (n,) and the
    first j of x (m,)."""
    stride = len(x) + 1
    for j in range(stride):
        table[j] = j
    for i in range(1, len(t) + 1):
        row, base = i * stride, t[i - 1]
        table[row] = i
        for j in range(1, stride):
            best = table[row - stride + j - 1] + (0 if base == x[j - 1] else 1)
            up = table[row - stride + j] + 1
            left = table[row + j - 1] + 1
            if up < best:
                best = up
            if left < best:
                best = left
            table[row + j] = best


@kernel
def partners(t: Any, x: Any) -> Any:
    """(n,) the base of x that each base of t is aligned to, or the one before the gap that it falls into (the first, if
    there is none)."""
    n, m = len(t), len(x)
    stride = m + 1
    table = np.empty((n + 1) * stride, np.int32)
    fill_costs(t, x, table)
    out = np.empty(n, np.int64)
    j = m
    for i in range(n, 0, -1):
        row = i * stride
        while j > 0 and table[row + j] == table[row + j - 1] + 1:
            j -= 1
        out[i - 1] = max(0, j - 1)
        if j > 0 and table[row + j] == table[row - stride + j - 1] + (0 if t[i - 1] == x[j - 1] else 1):
            j -= 1
    return out
