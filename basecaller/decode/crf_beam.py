"""Decoding CTC-CRF scores by beam search: the sequence, not the path, that the scores hold most likely.

The probability of a sequence is the sum over all paths that spell it (Graves et al. 2006). A prefix is kept for how
likely it is together with the best that may follow: its own sum times the backward sum of its state, so that a prefix
is not dropped for what the signal says only later.
"""

from __future__ import annotations

import numba
import numpy as np

from basecaller.decode.call import Array, Path
from basecaller.decode.crf import Labels, Places, path_of, weigh
from basecaller.model.states import before, follow, leaving, plain_states


def beam(scores: Array, width: int) -> Path:
    """The most probable sequence that a search with `width` prefixes finds in scores (T, states * 5).

    Moves and errors are those of the best path, of those that spell the sequence, through the transition posteriors.
    """
    weights, posteriors = weigh(scores)
    return path_of(posteriors, *most_probable(weights, width))


def most_probable(weights: Array, width: int) -> tuple[Labels, Places, int]:
    """Labels (L,) of the sequence that a search with `width` prefixes finds through weights (T, states, 5), the steps
    (L,) about which its bases begin, and the state that its paths begin in."""
    labels, places, first = _search(weights, _backward(weights), width)
    return labels, places, int(first)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _backward(weights):  # type: ignore[no-untyped-def]
    """(T + 1, states): sums over all paths from a state before step t to the end, each row scaled to a maximum of 1."""
    steps, states, _ = weights.shape
    plain = plain_states(states)
    quarter = plain // 4
    sums = np.ones((steps + 1, states), np.float32)
    for t in range(steps - 1, -1, -1):
        after, here = sums[t + 1], sums[t]
        for s in range(states):
            here[s] = after[s] * weights[t, s, 0]
        for s in range(plain):
            for slot in range(4):
                here[slot * quarter + s // 4] += after[s] * weights[t, s, 1 + slot]
        for base in range(states - plain):
            second = plain + base
            run, _ = before(second, 1 + base, states)
            here[run] = after[run] * weights[t, run, 0] + after[second] * weights[t, second, 1 + base]
            for s in range(run % quarter * 4, run % quarter * 4 + 4):
                value = after[s] * weights[t, s, 1 + base]
                here[second] += value
                if s != run:
                    here[run] += value
        here /= here.max()
    return sums


@numba.njit(cache=True, nogil=True)
def _search(weights, backward, width):  # type: ignore[no-untyped-def]
    """Labels (L,) of the best sequence, the steps (L,) at which its prefixes were first met, the state before it."""
    steps, states, _ = weights.shape
    plain, room = plain_states(states), 5 * width
    most = plain + steps * width * 4
    # prefixes are nodes of a tree; the first are the states that a path may begin in
    parent, state, met = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    children = np.full((most, 4), -1, np.int32)
    for s in range(plain):
        parent[s], state[s], met[s] = -1, s, -1
    nodes = plain
    slot_of = np.full(most, -1, np.int32)
    node, mass = np.empty(width, np.int32), np.ones(width)
    kept = min(width, plain)
    node[:kept] = np.argsort(-backward[0, :plain])[:kept]
    found_node, found_mass, worth = np.empty(room, np.int32), np.empty(room), np.empty(room)
    for t in range(steps):
        found = 0
        for i in range(kept):
            n = node[i]
            for way in range(5):
                if way == 0:
                    to, gain = n, weights[t, state[n], 0]
                else:
                    reached = follow(state[n], way - 1, states)
                    gain = weights[t, reached, 1 + leaving(state[n], states)]
                    to = children[n, way - 1]
                    if to < 0:
                        to, nodes = nodes, nodes + 1
                        children[n, way - 1], parent[to], state[to], met[to] = to, n, reached, t
                at = slot_of[to]
                if at < 0:
                    at, found = found, found + 1
                    slot_of[to], found_node[at], found_mass[at] = at, to, 0.0
                found_mass[at] += mass[i] * gain
        for at in range(found):
            slot_of[found_node[at]] = -1
            worth[at] = found_mass[at] * backward[t + 1, state[found_node[at]]]
        kept = min(width, found)
        for i in range(kept):
            best = i
            for at in range(i, found):
                if worth[at] > worth[best]:
                    best = at
            worth[best] = worth[i]
            node[i], found_node[best] = found_node[best], found_node[i]
            mass[i], found_mass[best] = found_mass[best], found_mass[i]
        mass[:kept] /= mass[:kept].max()
    best = node[np.argmax(mass[:kept])]
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
