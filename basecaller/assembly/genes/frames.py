"""A hidden Markov model of a genome as genes in either direction, with open edits as ways round its bases.

States are "between genes" and, for each kind of gene, the three bases of a codon in either direction, each with the two
bases before it; as GeneMark and Glimmer have it, with single codons (Borodovsky & McIninch 1993, Salzberg 1998). Genes
end with a stop codon and begin with a start codon; rarely a frame is left without either: genes overlap, and there are
errors of which no edit is known. At each base an edit may be made instead of keeping it, with its odds by the reads.
All is summed over all ways (Baum 1970).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.edit import EDITS, written
from basecaller.assembly.genes.codons import START, STOP, TURNED, Usage
from basecaller.assembly.kernel import kernel

BEGIN = 0.1
"""Between genes: the share of start codons, and of stop codons of the other strand, with which one begins."""
LEAVE = 0.045
"""In a gene of the other strand: the share of start codons at which it begins, going forward."""
SHARED = 0.1
"""The share of ends of genes that share bases (ATGA, or TCAT on the other strand) with the next one."""
SHIFT = 2e-4
"""At each base of a gene: the share that goes on in any other state."""
ENTER = 6e-5
"""At each base between genes: the share that goes on in one, wherever it began."""
_TURNED_STOP, _TURNED_START = STOP[TURNED], START[TURNED]
_TG = 14
"""The two bases of that name."""
Emission = npt.NDArray[np.float64]
"""(1 + 6 K, 16, 4): in each state, how likely each base is after each two, over how likely it is in a random sequence;
K kinds of genes. What the reads say of an edit has the odds of a random sequence's length in it already
(assembly/lengthterms.py)."""


def emission(usages: list[Usage], between: npt.NDArray[np.float64], weight: float) -> Emission:
    """Of genes of those kinds, and (16, 4) of what is between them; genes' logarithms count for that much, and those
    between them for the rest."""
    made = [between]
    for usage in usages:
        other = np.where(STOP, 0.0, usage)
        for codons in (usage, (other / other.sum())[TURNED]):
            first, two = codons.reshape(4, 16).sum(axis=1), codons.reshape(16, 4).sum(axis=1)
            third = codons.reshape(16, 4) / np.maximum(two, 1e-300)[:, None]
            second = two.reshape(4, 4) / first[:, None]
            made += [np.tile(first, (16, 1)), np.tile(second, (4, 1)), third]
    out = np.array(made)
    out[1:] = out[1:] ** weight * between ** (1 - weight)
    return 4 * out


@kernel
def _next(state: Any) -> Any:
    """The state of the next base of the same gene."""
    return state - 2 if state % 3 == 0 else state + 1


@kernel
def _forward(before: Any, base: Any, told: Any, after: Any) -> None:
    """`after` (G, 16): the mass in each state with a base more."""
    states = len(told)
    kinds = (states - 1) // 6
    share = 1.0 / max(1, kinds)
    after[:] = 0.0
    for two in range(16):
        codon, last = two * 4 + base, (two * 4 + base) % 16
        mass = before[0, two] * told[0, two, base]
        if kinds > 0:
            anywhere = mass * ENTER / (states - 1)
            for state in range(1, states):
                after[state, last] += anywhere
            mass *= 1 - ENTER
            if START[codon] or _TURNED_STOP[codon]:
                for kind in range(kinds):
                    after[6 * kind + (3 if START[codon] else 6), last] += mass * BEGIN * share
                mass *= 1 - BEGIN
        after[0, last] += mass
        shifted = 0.0
        for state in range(1, states):
            here = before[state, two]
            if here <= 0.0:
                continue
            shifted += here * SHIFT * told[0, two, base] / states
            to = _next(state)
            mass = here * (1 - SHIFT) * told[to, two, base]
            if to % 6 == 3 and STOP[codon]:
                if base == 0 and two == _TG:
                    for kind in range(kinds):
                        after[6 * kind + 1, last] += mass * SHARED * share
                    mass *= 1 - SHARED
                after[0, last] += mass
            elif to % 6 == 0 and _TURNED_START[codon]:
                left = mass * LEAVE
                after[to, last] += mass - left
                if base == 3:
                    for kind in range(kinds):
                        after[6 * kind + 4, last] += left * SHARED * share
                    left *= 1 - SHARED
                after[0, last] += left
            else:
                after[to, last] += mass
        for state in range(states):
            after[state, last] += shifted


@kernel
def _backward(after: Any, base: Any, told: Any, before: Any) -> None:
    """`before` (G, 16): what is to come of each state, from what is to come (`after`) with a base more."""
    states = len(told)
    kinds = (states - 1) // 6
    share = 1.0 / max(1, kinds)
    for two in range(16):
        codon, last = two * 4 + base, (two * 4 + base) % 16
        outside = after[0, last]
        total = outside
        for state in range(1, states):
            total += after[state, last]
        first = third = other_first = other_third = 0.0
        for kind in range(kinds):
            first += after[6 * kind + 1, last] * share
            third += after[6 * kind + 3, last] * share
            other_first += after[6 * kind + 4, last] * share
            other_third += after[6 * kind + 6, last] * share
        stay = outside
        if kinds > 0:
            if START[codon]:
                stay += BEGIN * (third - outside)
            elif _TURNED_STOP[codon]:
                stay += BEGIN * (other_third - outside)
            stay += ENTER * ((total - outside) / (states - 1) - stay)
        before[0, two] = told[0, two, base] * stay
        for state in range(1, states):
            to = _next(state)
            if to % 6 == 3 and STOP[codon]:
                value = outside + (SHARED * (first - outside) if base == 0 and two == _TG else 0.0)
            elif to % 6 == 0 and _TURNED_START[codon]:
                left = outside + (SHARED * (other_first - outside) if base == 3 else 0.0)
                value = after[to, last] + LEAVE * (left - after[to, last])
            else:
                value = after[to, last]
            before[state, two] = ((1 - SHIFT) * told[to, two, base] * value
                                  + SHIFT * told[0, two, base] * total / states)


@kernel
def _way(codes: Any, i: int, column: int, put: Any) -> Any:
    """The way round base i by an edit (assembly/edit.py): the base it leads to, and the bases on it, which stand in
    `put` (room for three)."""
    last, new = written(codes, i, column, put)
    if last > i:
        return last, new
    put[len(new)] = codes[i]
    return i + 1, put[: len(new) + 1]


@kernel
def _after(start: Any, bases: Any, told: Any, spare: Any, out: Any) -> None:
    """The mass after some bases; `start` is that before them."""
    out[:] = start
    for base in bases:
        spare[:] = out
        _forward(spare, base, told, out)


@kernel
def _before(end: Any, bases: Any, told: Any, spare: Any, out: Any) -> None:
    """What is to come before some bases, from what is to come after them, `end`."""
    out[:] = end
    for base in bases[::-1]:
        spare[:] = out
        _backward(spare, base, told, out)


@kernel
def _passed(codes: Any, odds: Any, told: Any) -> Any:
    """The mass before each base (n + 2, G, 16), scaled, and the logarithm of the likelihood."""
    n, states = len(codes), len(told)
    forward = np.zeros((n + 2, states, 16))
    one, spare, put = np.zeros((states, 16)), np.zeros((states, 16)), np.empty(3, np.uint8)
    forward[0] = 1.0 / (16 * states)
    logarithm = 0.0
    for i in range(n):
        total = forward[i].sum()
        forward[i] /= total
        forward[i + 1] /= total
        logarithm += np.log(total)
        _forward(forward[i], codes[i], told, one)
        forward[i + 1] += one
        for edit in range(EDITS):
            if odds[i, edit] > 0.0:
                to, bases = _way(codes, i, edit, put)
                _after(forward[i], bases, told, spare, one)
                forward[to] += odds[i, edit] * one
    return forward, logarithm + np.log(forward[n].sum())


@kernel
def log_likelihood(codes: Any, odds: Any, told: Any) -> Any:
    """Of all ways through bases (n,) of 0..3 together, edits of the odds (n, 11) among them (0: not open)."""
    return _passed(codes, odds, told)[1]


@kernel
def weigh(codes: Any, odds: Any, told: Any) -> Any:
    """Of all ways, see `log_likelihood`: the probability of each edit (n, 11), and how often each codon occurs between
    genes and in genes of each kind (1 + K, 64)."""
    n, states = len(codes), len(told)
    forward = _passed(codes, odds, told)[0]
    one, spare, put = np.zeros((states, 16)), np.zeros((states, 16)), np.empty(3, np.uint8)
    chance, counts = np.zeros((n, EDITS)), np.zeros((1 + (states - 1) // 6, 64))
    after, beyond = np.full((states, 16), 1.0 / (16 * states)), np.zeros((states, 16))  # before bases i + 1, i + 2
    before = np.zeros((states, 16))
    for i in range(n - 1, -1, -1):
        _backward(after, codes[i], told, before)
        for edit in range(EDITS):
            if odds[i, edit] > 0.0:
                to, bases = _way(codes, i, edit, put)
                _before(after if to == i + 1 else beyond, bases, told, spare, one)
                chance[i, edit] = odds[i, edit] * (forward[i] * one).sum()
                before += odds[i, edit] * one
        chance[i] /= (forward[i] * before).sum()
        _forward(forward[i], codes[i], told, one)
        one *= after
        if i >= 2:
            total = one.sum()
            codon = codes[i - 2] * 16 + codes[i - 1] * 4 + codes[i]
            counts[0, codon] += one[0].sum() / total
            for kind in range(len(counts) - 1):
                counts[1 + kind, codon] += one[6 * kind + 3].sum() / total
                counts[1 + kind, TURNED[codon]] += one[6 * kind + 6].sum() / total
        total = before.sum()
        beyond[:] = after / total
        after[:] = before / total
    return chance, counts
