"""Decoding CTC-CRF scores by vote: the sequence that is nearest to all that the scores hold possible.

The most probable sequence is one of very many, and where several differ a little it need not be the one that has most
in common with the others. So paths are drawn, each as often as its probability says, their sequences are aligned to the
most probable one's, and each base, deletion and insertion that more than half of them have is taken: towards the
sequence of the least expected edit distance (minimum Bayes risk decoding; Goel and Byrne 2000, Computer Speech and
Language 14). Identity to the truth is what an edit distance measures, so that it is what is made best.
"""

from __future__ import annotations

import numba
import numpy as np

from basecaller.decode.call import Array, Path
from basecaller.decode.crf import Labels, Places, path_of, weigh
from basecaller.decode.crf_beam import most_probable
from basecaller.model.states import before, plain_states

BOTH, DRAFT, PATH = 0, 1, 2
"""Which sequence a step of an alignment takes a base of."""
FAR = 1 << 20
"""The edit distance of a path that leaves the band."""
GOLDEN = np.float32(0.618034)
"""The golden ratio less one."""
BAND = 6
"""Bases by which a drawn path may run ahead of the draft, or lag behind it, where a base of the draft begins."""
ROUNDS = 3
"""Votes at most, of which the last one only tells how near the one before has come; of several bases that belong at one
place each takes a vote of its own."""


def consensus(scores: Array, width: int, paths: int, sharpness: float) -> Path:
    """What `paths` paths through scores (T, states * 5), which are multiplied by `sharpness` first, make of the
    sequence that a beam search with `width` prefixes finds.

    Moves and errors are those of the best path, of those that spell the sequence, through the transition posteriors.
    The same scores give the same sequence.
    """
    weights, posteriors = weigh(scores * np.float32(sharpness))
    draft, places, first = most_probable(weights, width)
    if draft.size:
        draft, places = _nearest(draft, places, *draw_paths(posteriors, paths))
    return path_of(posteriors, draft, places, first)


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
        if not draft.size:
            break
    return found


@numba.njit(cache=True, nogil=True, fastmath=True)
def draw_paths(posteriors, paths):  # type: ignore[no-untyped-def]
    """Bases and their first steps (paths, T), at the ends of the rows, and how many each path has, of paths drawn as
    often as the posteriors (T, states, 5) say.

    Going back from the last step, a path chooses among the transitions into its state by a number in [0, 1): chance for
    the first path that is in a state at a step, and the golden ratio further round the circle for each of the others,
    so that together they keep closer to the posteriors than chance would. Chance is Marsaglia's xorshift generator
    (2003, Journal of Statistical Software 8), begun anew for every call.
    """
    steps, states, _ = posteriors.shape
    bases = np.empty((paths, steps), np.uint8)
    begins = np.empty((paths, steps), np.int32)
    counts = np.zeros(paths, np.int64)
    at_end = np.empty(states, np.float32)
    total = np.float32(0.0)
    for s in range(states):
        for slot in range(5):
            total += posteriors[steps - 1, s, slot]
        at_end[s] = total
    state = np.empty(paths, np.int64)
    for n in range(paths):
        state[n] = min(np.searchsorted(at_end, np.float32((n + 0.5) / paths) * total), states - 1)
    chance = np.uint64(88172645463325252)
    unit = np.float32(2.0**-24)
    turn = np.empty(states, np.float32)
    begun = np.full(states, steps, np.int64)
    for t in range(steps - 1, -1, -1):
        for n in range(paths):
            s = state[n]
            if begun[s] != t:
                begun[s] = t
                chance ^= chance << np.uint64(13)
                chance ^= chance >> np.uint64(7)
                chance ^= chance << np.uint64(17)
                turn[s] = np.float32(chance >> np.uint64(40)) * unit
            else:
                turn[s] += GOLDEN if turn[s] + GOLDEN < 1 else GOLDEN - 1
            w = posteriors[t, s]
            left = turn[s] * (w[0] + w[1] + w[2] + w[3] + w[4]) - w[0]
            if left < 0:
                continue
            counts[n] += 1
            bases[n, steps - counts[n]] = s % 4
            begins[n, steps - counts[n]] = t
            slot = 1
            left -= w[slot]
            while left >= 0 and slot < 4:
                slot += 1
                left -= w[slot]
            first, second = before(s, slot, states)
            if second >= 0 and -left < w[slot] * _from_second(posteriors, t, first, second):
                first = second
            state[n] = first
    return bases, begins, counts


@numba.njit(cache=True, nogil=True)
def _from_second(posteriors, t, first, second):  # type: ignore[no-untyped-def]
    """Of the paths that leave a run at step t by another base: the share that does so from its second state."""
    base = second - plain_states(posteriors.shape[1])
    if t == 0:
        return np.float32(0.0)
    nought = np.float32(0.0)
    ours = max(posteriors[t - 1, second].sum() - posteriors[t, second, 0] - posteriors[t, first, 1 + base], nought)
    theirs = max(posteriors[t - 1, first].sum() - posteriors[t, first, 0] - posteriors[t, second, 1 + base], nought)
    return ours / max(ours + theirs, np.float32(1e-12))


@numba.njit(cache=True, nogil=True)
def _vote(draft, places, bases, begins, counts):  # type: ignore[no-untyped-def]
    """The draft (L,) whose bases begin at steps `places` (L,), with all edits that more than half of the paths have,
    the places of its bases, and the summed edit distance of the paths to the draft as it was."""
    paths, steps = bases.shape
    length = len(draft)
    votes = np.zeros((length, 5), np.int32)  # A, C, G, T, none
    inserted = np.zeros((length + 1, 4), np.int32)  # before each base
    came = np.empty((length + 1, 2 * BAND + 1), np.uint8)
    lows = np.empty(length + 1, np.int64)
    cost = np.empty((2, steps + 2 * BAND + 2), np.int32)
    voters, distance = 0, 0
    for n in range(paths):
        own = bases[n, steps - counts[n] :]
        apart = _align(draft, places, own, begins[n, steps - counts[n] :], steps, cost, came, lows)
        distance += apart
        if apart >= FAR:
            continue
        voters += 1
        i, j = length, len(own)
        while i > 0 or j > 0:
            way = came[i, j - lows[i]]
            if way == BOTH:
                i -= 1
                j -= 1
                votes[i, own[j]] += 1
            elif way == DRAFT:
                i -= 1
                votes[i, 4] += 1
            else:
                j -= 1
                if j == 0 or came[i, j - lows[i]] != PATH:  # one vote for each place
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


@numba.njit(cache=True, nogil=True)
def _align(draft, places, own, own_begins, steps, cost, came, lows):  # type: ignore[no-untyped-def]
    """Edit distance of a path's bases to the draft, at least FAR where it leaves the band, and how each cell was come
    to. Cell (i, j) has i bases of the draft and j of the path aligned; row i of `came` begins with j = lows[i].
    """
    length, count, width = len(draft), len(own), 2 * BAND + 1
    j = 0
    for i in range(length + 1):
        until = places[i] if i < length else steps
        while j < count and own_begins[j] < until:
            j += 1
        lows[i] = (0 if i == 0 else count if i == length else j) - BAND
    # costs are in quarters, so that the way is the rest of the least of three numbers; cost[., j + pad] is that of j
    pad = BAND + 1
    cost[:] = 4 * FAR
    for j in range(min(BAND, count) + 1):
        cost[0, j + pad] = 4 * j
        came[0, j + BAND] = PATH
    for i in range(1, length + 1):
        old, new = cost[(i - 1) & 1], cost[i & 1]
        low, base = lows[i], draft[i - 1]
        begin, end = max(low, 0), min(low + width, count + 1)
        for j in range(max(begin, lows[i - 1] + width), end):
            old[j + pad] = 4 * FAR  # left from earlier rows, beyond the band of the row above
        left = 4 * FAR
        if begin == 0:
            new[pad] = left = 4 * i
            came[i, -low] = DRAFT
            begin = 1
        else:
            new[begin + pad - 1] = left
        for j in range(begin, end):
            both = old[j + pad - 1] + 4 * (own[j - 1] != base) + BOTH
            least = min(min(both, old[j + pad] + 4 + DRAFT), left + 4 + PATH)
            came[i, j - low] = least & 3
            left = least & ~3
            new[j + pad] = left
    return cost[length & 1, count + pad] // 4
