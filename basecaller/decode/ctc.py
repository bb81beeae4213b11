"""CTC decoding: the bases of one matrix of log-probabilities, by the best path or by prefix beam search.

Class 0 is the blank, 1..4 are A, C, G, T. A path is one class per step; it spells a sequence when repeats are merged
and blanks dropped (Graves et al. 2006, Connectionist temporal classification). How likely each base of a call is wrong
is worked out in decode/edits.py, the same for both.
"""

from __future__ import annotations

import numba
import numpy as np

from basecaller.decode.call import Array, Path
from basecaller.decode.edits import edit_errors


def greedy(scores: Array) -> Path:
    """The sequence spelled by the most probable class of every step.

    `scores`: (T, 5) float32 log-probabilities. Of equal classes the first is taken.
    """
    best = scores.argmax(axis=1)
    starts = best != 0
    starts[1:] &= best[1:] != best[:-1]
    labels = (best[starts] - 1).astype(np.uint8)
    moves = starts.astype(np.uint8)
    return Path(labels, moves, edit_errors(np.exp(scores), labels, moves))


def beam(scores: Array, width: int, cut: float) -> Path:
    """The most probable sequence that a prefix beam search finds (Graves 2012, Supervised sequence labelling, 7.5.3).

    The probability of a sequence is the sum over all paths that spell it. `scores`: (T, 5) float32
    log-probabilities; `width`: prefixes kept at every step; `cut`: a base less probable than this at a step extends
    no prefix there. The moves are those of the most probable path among the kept ones that spell the sequence.
    """
    probabilities = np.exp(scores)
    labels, moves = _search(probabilities, width, np.float32(cut))
    return Path(labels, moves, edit_errors(probabilities, labels, moves))


@numba.njit(cache=True, nogil=True)
def _search(p, width, cut):  # type: ignore[no-untyped-def]
    """Labels (L,) and moves (T,) uint8 from probabilities p (T, 5).

    Prefixes are nodes of a trie (0 the root). Of each kept prefix we know the mass of its paths that end in a blank
    and in its last label, and of both kinds the best single path: its probability and its last emission. Emissions
    (step, the one before) are shared between paths, as their list is only ever extended.
    """
    steps = p.shape[0]
    most = 1 + steps * width * 4
    parent, label = np.empty(most, np.int32), np.empty(most, np.int8)
    children = np.empty((most, 4), np.int32)
    nodes = 1
    parent[0], label[0] = -1, 0
    children[0, :] = -1
    emitted_at, emitted_before = np.empty(most, np.int32), np.empty(most, np.int32)
    emissions = 0

    room = 5 * width
    slot_of = np.full(most, -1, np.int32)
    node, new_node = np.zeros(room, np.int32), np.zeros(room, np.int32)
    # Columns: mass ending in blank, in label; best path ending in blank, in label.
    mass, new_mass = np.zeros((room, 4)), np.zeros((room, 4))
    last, new_last = np.full((room, 2), -1, np.int32), np.full((room, 2), -1, np.int32)
    order = np.empty(width, np.int32)
    taken = np.zeros(room, np.bool_)
    kept = 1
    mass[0, 0] = mass[0, 2] = 1.0

    for t in range(steps):
        found = 0
        for i in range(kept):
            n = node[i]
            s = slot_of[n]
            if s < 0:
                s, found = found, found + 1
                slot_of[n], new_node[s] = s, n
                new_mass[s, :], new_last[s, :] = 0.0, -1
            # The prefix stays as it is: a blank, or its last label goes on.
            new_mass[s, 0] += (mass[i, 0] + mass[i, 1]) * p[t, 0]
            from_label = mass[i, 3] > mass[i, 2]
            new_mass[s, 2] = (mass[i, 3] if from_label else mass[i, 2]) * p[t, 0]
            new_last[s, 0] = last[i, 1] if from_label else last[i, 0]
            if n > 0:
                own = p[t, label[n]]
                new_mass[s, 1] += mass[i, 1] * own
                if mass[i, 3] * own > new_mass[s, 3]:
                    new_mass[s, 3], new_last[s, 1] = mass[i, 3] * own, last[i, 1]
            for base in range(4):
                q = p[t, base + 1]
                if q < cut:
                    continue
                repeat = n > 0 and label[n] == base + 1
                total = mass[i, 0] if repeat else mass[i, 0] + mass[i, 1]
                if total <= 0.0:
                    continue
                child = children[n, base]
                if child < 0:
                    child, nodes = nodes, nodes + 1
                    children[n, base], parent[child], label[child] = child, n, base + 1
                    children[child, :] = -1
                s = slot_of[child]
                if s < 0:
                    s, found = found, found + 1
                    slot_of[child], new_node[s] = s, child
                    new_mass[s, :], new_last[s, :] = 0.0, -1
                new_mass[s, 1] += total * q
                from_label = not repeat and mass[i, 3] > mass[i, 2]
                best = (mass[i, 3] if from_label else mass[i, 2]) * q
                if best > new_mass[s, 3]:
                    emitted_at[emissions] = t
                    emitted_before[emissions] = last[i, 1] if from_label else last[i, 0]
                    new_mass[s, 3], new_last[s, 1] = best, emissions
                    emissions += 1

        kept = min(width, found)
        taken[:found] = False
        for k in range(kept):
            top, best = -1, -1.0
            for s in range(found):
                if not taken[s] and new_mass[s, 0] + new_mass[s, 1] > best:
                    top, best = s, new_mass[s, 0] + new_mass[s, 1]
            order[k], taken[top] = top, True
        for s in range(found):
            slot_of[new_node[s]] = -1
        first = order[0]
        scale = 1.0 / max(new_mass[first, 0] + new_mass[first, 1], 1e-300)
        path_scale = 0.0
        for k in range(kept):
            path_scale = max(path_scale, new_mass[order[k], 2], new_mass[order[k], 3])
        path_scale = 1.0 / max(path_scale, 1e-300)
        for k in range(kept):
            s = order[k]
            node[k] = new_node[s]
            mass[k, :2] = new_mass[s, :2] * scale
            mass[k, 2:] = new_mass[s, 2:] * path_scale
            last[k, :] = new_last[s, :]

    moves = np.zeros(steps, np.uint8)
    emission = last[0, 1] if mass[0, 3] > mass[0, 2] else last[0, 0]
    while emission >= 0:
        moves[emitted_at[emission]] = 1
        emission = emitted_before[emission]
    length = 0
    n = node[0]
    while n > 0:
        length, n = length + 1, parent[n]
    labels = np.empty(length, np.uint8)
    n = node[0]
    while n > 0:
        length -= 1
        labels[length], n = label[n] - 1, parent[n]
    return labels, moves
