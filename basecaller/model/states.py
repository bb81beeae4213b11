"""The states of a CTC-CRF, and which leads to which.

A state is the last k bases, read as digits of base 4, the newest last: 4**k `plain` ones. Within a run of more than k
equal bases all would be one state, so that a network that is not sure when a base came is not sure how many came. So
there may be four more (`flip_flop`), state 4**k + b for the base b: every other base of a run beyond the k-th stands in
it. It is entered from the state of k bases b by another b, and left for that state by the next b, or, by any other
base, for the state that the run is left for anyway, at the same score. (Flip-flop models give every base a second
state: Oxford Nanopore's Flappie and Taiyaki, 2018.)
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def plain_states(states):  # type: ignore[no-untyped-def]
    """4**k of so many states, which are 4**k or 4**k + 4."""
    plain = 1
    while plain * 4 <= states:
        plain *= 4
    return plain


@numba.njit(cache=True, nogil=True)
def run_state(base, plain):  # type: ignore[no-untyped-def]
    """The state of k equal bases."""
    return base * (plain - 1) // 3


@numba.njit(cache=True, nogil=True)
def follow(state, base, states):  # type: ignore[no-untyped-def]
    """The state that a base leads to."""
    plain = plain_states(states)
    if state >= plain:
        state = run_state(state - plain, plain)
        if state == run_state(base, plain):
            return state
    elif states > plain and state == run_state(base, plain):
        return plain + base
    return state % (plain // 4) * 4 + base


@numba.njit(cache=True, nogil=True)
def leaving(state, states):  # type: ignore[no-untyped-def]
    """The base that leaves a state when another comes."""
    plain = plain_states(states)
    return state - plain if state >= plain else state // (plain // 4)


@numba.njit(cache=True, nogil=True)
def before(state, slot, states):  # type: ignore[no-untyped-def]
    """The state that transition `slot` = 1 + b into a state comes from, and another that it may come from as well, or
    -1."""
    plain = plain_states(states)
    base = slot - 1
    if state >= plain:
        return run_state(state - plain, plain), -1
    first = base * (plain // 4) + state // 4
    if states > plain and first == run_state(base, plain):
        if state == first:
            return plain + base, -1
        return first, plain + base
    return first, -1


@numba.njit(cache=True, nogil=True)
def states_of(bases, k, context, states):  # type: ignore[no-untyped-def]
    """The states after `context` bases, of which the first k make a plain one, and after each of the rest."""
    path = np.zeros(len(bases) - context + 1, np.int64)
    state = 0
    for i in range(len(bases)):
        state = 4 * state + bases[i] if i < k else follow(state, bases[i], states)
        if i >= context - 1:
            path[i + 1 - context] = state
    return path
