"""Single-base edits of a window: which of the scored ones to make, and what the others say of each base's quality.

Scores are (n, 11) sums over reads of log(likelihood with the edit / without): at base i, columns 0..3 put A, C, G or T
in its place, 4..7 insert one before it, 8 deletes it; where it begins a repeat of two bases, 9 takes one unit out and
10 puts one in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.kernel import kernel

EDITS = 11
SCREEN = 8
"""Reads that see every edit; the others see only those that these leave open."""
OPEN = -9.0
"""Natural logarithm: an edit this much worse after the screen is settled."""
ROUNDS = 6
"""Turns of scoring and editing in a window."""
EDGE = 6
"""Bases at a window's border where nothing is changed: the next round has its borders elsewhere."""
APART = 4
"""Bases between edits made in one turn."""
CLIP = 7.0
"""No read says more than this for or against an edit (natural logarithm): a stray read must not rule."""
A_BASE = float(np.log(4.0))
"""Natural logarithm: a base more makes any sequence so much less likely, before a read is heard."""
LENGTH = A_BASE * np.array([0.0] * 4 + [-1.0] * 4 + [1.0, 2.0, -2.0])
"""(11,) what an edit owes to the length that it makes."""
LIKELIER = 0.5
"""Natural logarithm: by how much an edit must be more likely than what stands there, to be made."""
DOUBTED = 1.5
"""Natural logarithm: by how much less than its score an edit that was not made counts in a base's quality. Fitted on
E. coli reads (1,030 errors of nine contigs, 6 to 12 deep)."""
MAX_QUALITY = 60
NEVER = -1e9


@kernel
def log_ratio(edited: Any, now: Any) -> Any:
    """log(edited / now), between -CLIP and CLIP."""
    if edited <= now * 9e-4:
        return -CLIP
    return min(CLIP, np.log(edited / now))


@kernel
def written(codes: Any, i: int, column: int, put: Any) -> Any:
    """The edit of a column at base i: bases i..last-1 give way to `new`; returns last and `new`, which stands in `put`
    (room for two bases)."""
    n, last, new = len(codes), i, put[:0]
    if column < 8:
        put[0] = column % 4
        last, new = i + (column < 4), put[:1]
    elif column < 10:
        last = min(n, i + column - 7)
    else:
        new = put[: min(2, n - i)]
        new[:] = codes[i : i + 2]
    return last, new


@kernel
def begins_repeat(t: Any, n: int, i: int) -> bool:
    """Whether the two bases from i on stand there at least twice, and not from i - 1 on already."""
    if i + 3 >= n or t[i] != t[i + 2] or t[i + 1] != t[i + 3] or t[i] == t[i + 1]:
        return False
    return i == 0 or t[i - 1] != t[i + 1]


@kernel
def rule_out(t: Any, n: int, scores: Any) -> None:
    """Leave one of edits that come to the same: substitution by itself, edits of a run but at its first base."""
    for i in range(n):
        if t[i] < 4:
            scores[i, t[i]] = NEVER
        if i > 0 and t[i - 1] < 4:
            scores[i, 4 + t[i - 1]] = NEVER
        if i > 0 and t[i - 1] == t[i]:
            scores[i, 8] = NEVER
        if not begins_repeat(t, n, i):
            scores[i, 9] = NEVER
            scores[i, 10] = NEVER


@kernel
def still_open(t: Any, n: int, scores: Any, wanted: Any) -> None:
    """Mark the bases of which some edit is not settled yet."""
    for i in range(n):
        best = NEVER
        for e in range(EDITS):
            if e != t[i] and (e < 9 or begins_repeat(t, n, i)) and scores[i, e] > best:
                best = scores[i, e]
        wanted[i] = best > OPEN


@kernel
def make_edits(t: Any, n: int, scores: Any, room: int) -> Any:
    """The best edits that stand apart, made: (new bases, how many, edits made); none if they do not fit into `room`."""
    best_at = np.empty(n, np.float64)
    best_edit = np.empty(n, np.int64)
    for i in range(n):
        best_edit[i] = np.argmax(scores[i])
        best_at[i] = scores[i, best_edit[i]] if EDGE <= i < n - EDGE else NEVER
    chosen = np.zeros(n, np.bool_)
    count = 0
    for i in np.argsort(-best_at):
        if best_at[i] <= LIKELIER:
            break
        near = False
        for j in range(max(0, i - APART), min(n, i + APART + 1)):
            near = near or chosen[j]
        if not near:
            chosen[i] = True
            count += 1
    new = np.empty(room, np.uint8)
    if n + 2 * count > room:
        return new, 0, 0
    k = 0
    i = -1
    while i + 1 < n:
        i += 1
        e = best_edit[i]
        if chosen[i]:
            if e == 9:
                i += 1
            if e >= 8 and e < 10:
                continue
            if e == 10:
                new[k : k + 2] = t[i : i + 2]
                k += 2
            elif e >= 4:
                new[k] = e - 4
                k += 1
        new[k] = e if chosen[i] and e < 4 else t[i]
        k += 1
    return new, k, count


@kernel
def doubt_quality(n: int, scores: Any, less: float) -> Any:
    """(n,) Phred scores: how little all the edits at a base together have for them, less so much each."""
    quality = np.zeros(n, np.uint8)
    for i in range(n):
        doubt = 0.0
        for e in range(EDITS):
            doubt += np.exp(min(0.0, scores[i, e] - less))
        doubt /= 1.0 + doubt
        quality[i] = np.uint8(max(1.0, min(float(MAX_QUALITY), -10.0 * np.log10(doubt + 1e-9))))
    return quality
