"""Decoding CTC-CRF scores by beam search: the sequence, not the path, that the scores hold most likely.

The probability of a sequence is the sum over all paths that spell it (Graves et al. 2006). A prefix is kept for how
likely it is together with the best that may follow: its own sum times the backward sum of its state, so that a prefix
is not dropped for what the signal says only later.
"""

from __future__ import annotations

import numba
import numpy as np

from basecaller.decode.call import Path
from basecaller.decode.crf import Array, best_path, path_errors, spelling_path, weigh


def beam(scores: Array, state_length: int, width: int) -> Path:
    """The most probable sequence that a search with `width` prefixes finds in scores (T, 4**k * 5).

    Moves and errors are those of the best path, of those that spell the sequence, through the transition posteriors.
    """
    weights, posteriors = weigh(scores, state_length)
    labels, places, first = _search(weights, _backward(weights), width)
    spelled = spelling_path(posteriors, labels, places, first)
    visited, moves = spelled if spelled is not None else best_path(posteriors)[:2]
    return Path(*path_errors(posteriors, visited, moves))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _backward(weights):  # type: ignore[no-untyped-def]
    """(T + 1, states): sums over all paths from a state before step t to the end, each row scaled to a maximum of 1."""
    steps, states, _ = weights.shape
    quarter = states // 4
    sums = np.ones((steps + 1, states), np.float32)
    for t in range(steps - 1, -1, -1):
        after, before = sums[t + 1], sums[t]
        for s in range(states):
            before[s] = after[s] * weights[t, s, 0]
        for s in range(states):
            for slot in range(4):
                before[slot * quarter + s // 4] += after[s] * weights[t, s, 1 + slot]
        before /= before.max()
    return sums


@numba.njit(cache=True, nogil=True)
def _search(weights, backward, width):  # type: ignore[no-untyped-def]
    """Labels (L,) of the best sequence, the steps (L,) at which its prefixes were first met, the state before it."""
    steps, states, _ = weights.shape
    quarter, room = states // 4, 5 * width
    most = states + steps * width * 4
    # prefixes are nodes of a tree; the first are the states that a path may begin in
    parent, state, met = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    children = np.full((most, 4), -1, np.int32)
    for s in range(states):
        parent[s], state[s], met[s] = -1, s, -1
    nodes = states
    slot_of = np.full(most, -1, np.int32)
    node, mass = np.argsort(-backward[0])[:width].astype(np.int32), np.ones(width)
    found_node, found_mass, worth = np.empty(room, np.int32), np.empty(room), np.empty(room)
    for t in range(steps):
        found = 0
        for i in range(len(node)):
            n = node[i]
            for way in range(5):
                if way == 0:
                    to, gain = n, weights[t, state[n], 0]
                else:
                    reached = state[n] % quarter * 4 + way - 1
                    gain = weights[t, reached, 1 + state[n] // quarter]
                    to = children[n, way - 1]
                    if to < 0:
                        to, nodes = nodes, nodes + 1
                        children[n, way - 1], parent[to], state[to], met[to] = to, n, reached, t
                at = slot_of[to]
                if at < 0:
                    at, found = found, found + 1
                    slot_of[to], found_node[at], found_mass[at] = at, to, 0.0
                found_mass[at] += mass[i] * gain
        top = 0.0
        for at in range(found):
            slot_of[found_node[at]] = -1
            worth[at] = -found_mass[at] * backward[t + 1, state[found_node[at]]]
            top = max(top, found_mass[at])
        kept = np.argsort(worth[:found])[:width]
        node, mass = found_node[kept], found_mass[kept] / top
    best = node[np.argmax(mass)]
    length, n = 0, best
    while parent[n] >= 0:
        length, n = length + 1, parent[n]
    first = state[n]
    labels, places = np.empty(length, np.uint8), np.empty(length, np.int64)
    n = best
    for i in range(length - 1, -1, -1):
        labels[i], places[i] = state[n] % 4, met[n]
        n = parent[n]
    return labels, places, first
