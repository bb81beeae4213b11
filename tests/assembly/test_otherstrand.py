"""Scores of edits carried over from the reverse complement."""

from __future__ import annotations

import numpy as np
from test_posterior import edited

from basecaller.assembly.edit import CLIP, EDGE, EDITS, begins_repeat
from basecaller.assembly.otherstrand import other_strand, turned_scores
from basecaller.bases import reverse_complement


def test_scores_of_the_other_strand_come_back() -> None:
    """Each edit's place and kind on the other strand, found by making it there."""
    t = np.array([1, 0, 0, 2, 1, 3, 0, 1, 2, 2, 3, 0, 3, 0, 3, 1, 1, 0, 2, 3, 0, 0, 1, 2, 2], np.uint8)
    other = reverse_complement(t)
    named: dict[bytes, float] = {}
    scores = np.zeros((len(t), EDITS))
    for i in range(len(t)):
        for e in range(EDITS):
            if e < 9 or begins_repeat(other, len(t), i):
                text = edited(other, i, e).tobytes()
                scores[i, e] = named.setdefault(text, len(named) + 1.0)
    back = turned_scores(t, scores)
    checked = 0
    for i in range(EDGE, len(t) - EDGE):
        for e in range(EDITS):
            if 4 <= e < 8 and i == EDGE:
                assert back[i, e] == -CLIP  # the other strand's base there is too near its end
            elif e < 9 or begins_repeat(t, len(t), i):
                assert back[i, e] == named[reverse_complement(edited(t, i, e)).tobytes()], (i, e)
                checked += 1
    assert checked > 9 * 12 and begins_repeat(t, len(t), 10)
    wanted = np.zeros(len(t), np.bool_)
    wanted[10] = True
    assert list(np.flatnonzero(other_strand(t, wanted))) == [10, 14, 15]
