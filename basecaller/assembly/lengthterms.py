"""What a model's signal scores owe to the length of a sequence.

The product of the reads' posteriors counts the model's own idea of how likely sequences are once per read, where Bayes'
rule has it once in all. A base more makes a random sequence four times less likely, so that each read's score of an
edit lacks about log 4 for every base that the edit adds, of which one log 4 in all is due: without it homopolymers come
out too short, however many reads there are. The model does not keep to log 4 in runs, where what it makes of the signal
is short of what the signal says; how much each read lacks there was fitted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.assembly.edit import A_BASE, EDITS, written
from basecaller.assembly.kernel import kernel
from basecaller.model.config import NetworkConfig

LACKING = np.array([[1.2, 1.2, 0.85, 0.95, 0.8, 0.65, 0.55, 0.45], [1.2, 1.2, 1.5, 1.45, 0.95, 0.65, 0.55, 0.45]])
"""Of A and T, and of G and C: of the first base of a run, the second and so on, the last value for all after that
(natural logarithm). Fitted (logistic regression: is a run as long as it stands there, or longer by one?) for
r9.4.1_accurate and r9.4.1_fast on *E. coli* reads, of a locus that they were not trained on and of one, eight and 28
deep, that they were, and on human ones; where the two differ, it lies between."""
AMBIGUOUS = 0.2
"""More of the first base of a run that leads from a state into itself, where the CRF cannot tell a move from a stay by
its state: the run is one longer than the state. Networks with second states can tell, and lack as much all the same."""


class LengthTerms(NamedTuple):
    """What the reads' scores of an edit lack for the bases that it adds, or have too much for those that it takes."""

    each: npt.NDArray[np.float64]
    """(2, M) by base (A and T, G and C) and run length L, the last value for all longer ones: what each read's score
    lacks of an edit that makes L bases of L - 1."""
    once: float
    """What a base more has against it, however many reads there are."""


def length_terms(network: NetworkConfig) -> LengthTerms:
    """Those of a model. Nought for CTC models."""
    if network.head != "crf":
        return LengthTerms(np.zeros((2, 2)), 0.0)
    longest = max(LACKING.shape[1], network.state_length + 2)
    each = np.pad(LACKING, ((0, 0), (1, longest - LACKING.shape[1])), "edge")
    each[:, network.state_length + 1] += AMBIGUOUS
    return LengthTerms(each, A_BASE)


@kernel
def _total(codes: Any, reads: Any, terms: Any) -> float:
    """What the scores of so many reads lack of all bases of a sequence."""
    each = terms.each
    longest = each.shape[1] - 1
    total, length = -len(codes) * terms.once, 0
    for i in range(len(codes)):
        length = length + 1 if i > 0 and codes[i] == codes[i - 1] else 1
        strong = 1 if codes[i] == 1 or codes[i] == 2 else 0
        total += reads * each[strong, min(length, longest)]
    return float(total)


@kernel
def length_term(codes: Any, first: Any, last: Any, new: Any, reads: Any, terms: Any) -> float:
    """What the scores of so many reads lack of the edit that puts `new` in place of bases first..last-1."""
    around = terms.each.shape[1]  # of longer runs this much tells all
    begin, end = max(0, first - around), min(len(codes), last + around)
    then = np.empty(first - begin + len(new) + end - last, np.uint8)
    then[: first - begin] = codes[begin:first]
    then[first - begin : first - begin + len(new)] = new
    then[first - begin + len(new) :] = codes[last:end]
    return float(_total(then, reads, terms) - _total(codes[begin:end], reads, terms))


@kernel
def add_length_terms(codes: Any, reads: Any, terms: Any, scores: Any) -> None:
    """Add to the summed scores (n, 11) of each edit (assembly/edit.py) what the reads (n,) over it lack of it."""
    put = np.empty(2, np.uint8)
    for i in range(len(codes)):
        for column in range(EDITS):
            last, new = written(codes, i, column, put)
            scores[i, column] += length_term(codes, i, last, new, reads[i], terms)
