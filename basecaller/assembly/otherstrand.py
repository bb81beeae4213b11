"""Scores of the edits of a window, carried over from its reverse complement."""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.edit import CLIP, EDGE, begins_repeat
from basecaller.assembly.kernel import kernel


@kernel
def other_strand(t: Any, wanted: Any) -> Any:
    """(n,) which bases of the reverse complement of t must be scored so that those wanted of t are known."""
    n = len(t)
    out = wanted[::-1].copy()
    for i in range(n):
        if wanted[i]:
            if i > 0:
                out[n - i] = True
            if begins_repeat(t, n, i):
                out[_repeat_end(t, n, i)] = True
    return out


@kernel
def turned_scores(t: Any, scores: Any) -> Any:
    """(n, 11) scores of the edits of t from those of the same edits of its reverse complement; what lies too near an
    end there to be scored is voted against."""
    n = len(t)
    out = np.zeros_like(scores)
    for i in range(n):
        for b in range(4):
            out[i, b] = scores[n - 1 - i, 3 - b]
            if i > 0:
                out[i, 4 + b] = scores[n - i, 7 - b] if n - i < n - EDGE else -CLIP
        out[i, 8] = scores[n - 1 - i, 8]
        if begins_repeat(t, n, i):
            end = _repeat_end(t, n, i)
            if EDGE <= end < n - EDGE:
                out[i, 9:] = scores[end, 9:]
            else:
                out[i, 9:] = -CLIP
    return out


@kernel
def _repeat_end(t: Any, n: int, i: int) -> Any:
    """Where on the other strand the repeat of two bases begins that begins at i on this one."""
    end = i + 3
    while end + 1 < n and t[end + 1] == t[end - 1]:
        end += 1
    return n - 1 - end
