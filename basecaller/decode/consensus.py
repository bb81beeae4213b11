"""Decoding CTC-CRF scores by vote: the sequence that is nearest to all that the scores hold possible.

The best path is one of very many, and where several differ a little it need not be the one that has most in common with
the others. So paths are drawn, each as often as its probability says, their sequences are aligned to the best path's,
and each base, deletion and insertion that more than half of them have is taken: the sequence of the least expected
edit distance, as far as single edits lead to it (minimum Bayes risk decoding; Goel and Byrne 2000, Computer Speech and
Language 14). Identity to the truth is what an edit distance measures, so that it is what is made best.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Path
from basecaller.decode.crf import Array, best_path, path_errors, spelling_path, weigh

BAND = 6
"""Bases by which a drawn path may run ahead of the draft, or lag behind it, where a base of the draft begins."""
ROUNDS = 3
"""Votes at most, of which the last one only tells how near the one before has come; of several bases that belong at one
place each takes a vote of its own."""

Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def consensus(scores: Array, state_length: int, paths: int, sharpness: float) -> Path:
    """The vote of `paths` paths through scores (T, 4**k * 5), which are multiplied by `sharpness` first.

    Moves and errors are those of the best path, of those that spell the sequence, through the transition posteriors.
    The same scores give the same sequence.
    """
    _, posteriors = weigh(scores * np.float32(sharpness), state_length)
    visited, moves, first = best_path(posteriors)
    begins = np.flatnonzero(moves)
    if begins.size:
        draft = (visited[begins] % 4).astype(np.uint8)
        nearest, places = _nearest(draft, begins, *draw_paths(posteriors, paths))
        spelled = None if nearest is draft else spelling_path(posteriors, nearest, places, first)
        if spelled is not None:
            visited, moves = spelled
    return Path(*path_errors(posteriors, visited, moves))


def _nearest(
    draft: Labels, places: Places, drawn: Labels, drawn_begins: Places, counts: Places
) -> tuple[Labels, Places]:
    """The draft, or what votes have made of it, and the steps about which its bases begin: whichever is nearest to the
    drawn paths."""
    found, least = (draft, places), np.inf
    for _ in range(ROUNDS):
        voted, about, distance = _vote(draft, places, drawn, drawn_begins, counts)
        if distance >= least:
            break
        found, least = (draft, places), distance
        draft, places = voted, about
    return found


@numba.njit(cache=True, nogil=True, fastmath=True)
def draw_paths(posteriors, paths):  # type: ignore[no-untyped-def]
    """Bases and their first steps (paths, T), at the ends of the rows, and how many each path has, of paths drawn as
    often as the posteriors (T, 4**k, 5) say.

    Going back from the last step, a path chooses among the transitions into its state. Chance is Marsaglia's xorshift
    generator (2003, Journal of Statistical Software 8), begun anew for every call.
    """
    steps, states, _ = posteriors.shape
    quarter = states // 4
    bases = np.empty((paths, steps), np.uint8)
    begins = np.empty((paths, steps), np.int32)
    counts = np.zeros(paths, np.int64)
    at_end = np.empty(states, np.float32)
    total = np.float32(0.0)
    for s in range(states):
        for slot in range(5):
            total += posteriors[steps - 1, s, slot]
        at_end[s] = total
    chance = np.uint64(88172645463325252)
    unit = np.float32(2.0**-24)
    for n in range(paths):
        state = min(np.searchsorted(at_end, np.float32((n + 0.5) / paths) * total), states - 1)
        count = 0
        for t in range(steps - 1, -1, -1):
            w = posteriors[t, state]
            chance ^= chance << np.uint64(13)
            chance ^= chance >> np.uint64(7)
            chance ^= chance << np.uint64(17)
            left = np.float32(chance >> np.uint64(40)) * unit * (w[0] + w[1] + w[2] + w[3] + w[4]) - w[0]
            if left < 0:
                continue
            count += 1
            bases[n, steps - count] = state % 4
            begins[n, steps - count] = t
            slot = 0
            while slot < 3:
                left -= w[slot + 1]
                if left < 0:
                    break
                slot += 1
            state = slot * quarter + state // 4
        counts[n] = count
    return bases, begins, counts


@numba.njit(cache=True, nogil=True)
def _vote(draft, places, bases, begins, counts):  # type: ignore[no-untyped-def]
    """The draft (L,) whose bases begin at steps `places` (L,), with all edits that more than half of the paths have,
    the places of its bases, and the summed edit distance of the paths to the draft as it was."""
    paths, steps = bases.shape
    length, width = len(draft), 2 * BAND + 1
    votes = np.zeros((length, 5), np.int32)  # A, C, G, T, none
    inserted = np.zeros((length + 1, 4), np.int32)  # before each base
    cost = np.empty((2, width), np.int32)
    came = np.empty((length + 1, width), np.uint8)  # 0 both, 1 the draft alone, 2 the path alone
    lows = np.empty(length + 1, np.int64)
    far = 1 << 20
    voters, distance = 0, 0
    for n in range(paths):
        count = counts[n]
        own, own_begins = bases[n, steps - count :], begins[n, steps - count :]
        j = 0
        for i in range(length + 1):
            until = places[i] if i < length else steps
            while j < count and own_begins[j] < until:
                j += 1
            lows[i] = (0 if i == 0 else count if i == length else j) - BAND
        for i in range(length + 1):
            new, old, low = cost[i & 1], cost[1 - (i & 1)], lows[i]
            shift = low - lows[i - 1] if i > 0 else 0
            for c in range(width):
                j = low + c
                best, way = far, 0
                if 0 <= j <= count:
                    if i == 0:
                        best, way = (0, 0) if j == 0 else (j, 2)
                    else:
                        above = c + shift  # the same j, one base of the draft earlier
                        if 0 < above <= width and j > 0:
                            best = old[above - 1] + (0 if own[j - 1] == draft[i - 1] else 1)
                        if above < width and above >= 0 and old[above] + 1 < best:
                            best, way = old[above] + 1, 1
                        if c > 0 and new[c - 1] + 1 < best:
                            best, way = new[c - 1] + 1, 2
                new[c] = min(best, far)
                came[i, c] = way
        distance += cost[length & 1, BAND]
        if cost[length & 1, BAND] >= far:
            continue
        voters += 1
        i, j = length, count
        while i > 0 or j > 0:
            way = came[i, j - lows[i]]
            if way == 0:
                i -= 1
                j -= 1
                votes[i, own[j]] += 1
            elif way == 1:
                i -= 1
                votes[i, 4] += 1
            else:
                j -= 1
                if i == 0 or came[i, j - lows[i]] != 2:  # one vote for each place
                    inserted[i, own[j]] += 1
    out = np.empty(2 * length + 1, np.uint8)
    out_places = np.empty(2 * length + 1, np.int64)
    found = 0
    for i in range(length + 1):
        if 2 * inserted[i].sum() > voters:
            out[found] = np.argmax(inserted[i])
            out_places[found] = places[i] if i < length else places[length - 1]
            found += 1
        if i < length and 2 * votes[i, 4] <= voters:
            out[found] = np.argmax(votes[i, :4])
            out_places[found] = places[i]
            found += 1
    return out[:found].copy(), out_places[:found].copy(), distance
