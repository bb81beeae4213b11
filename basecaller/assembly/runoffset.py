"""What a model's signal scores owe to the length of a sequence.

The product of the reads' posteriors counts the model's own idea of how likely sequences are once per read, where Bayes'
rule has it once in all. A base more makes a random sequence four times less likely, so that each read's score of an
edit lacks up to log 4 for every base that the edit adds: without it homopolymers come out too short, however many reads
there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.kernel import kernel
from basecaller.assembly.pairmodel import run_lengths
from basecaller.model.config import NetworkConfig

SHORT = 0.5
"""Of a base of a run that is no longer than the CRF's state (natural logarithm); the signal itself says something of
the length, so that it is less than log 4. Fitted together with those below on E. coli reads, of one locus that the
model was not trained on and one, at two depths, that it was, and on human ones: where it leaves about as many bases
too many as lost. It goes with the score of a stay in the models' configs."""
AMBIGUOUS = 1.0
"""Of the first base of a run that leads from a state into itself, where the CRF cannot tell a move from a stay by its
state: the run is one longer than the state."""
LONG = 0.4
"""Of every base after that."""


def run_offsets(network: NetworkConfig) -> npt.NDArray[np.float64]:
    """By run length L, the last value for all longer ones: what each read's score lacks of an edit that makes L bases
    of L - 1. Nought for CTC models."""
    if network.head != "crf":
        return np.zeros(2)
    offsets = np.full(network.state_length + 3, LONG)
    offsets[: network.state_length + 1] = SHORT
    offsets[network.state_length + 1] = AMBIGUOUS
    return offsets


@kernel
def add_offsets(codes: Any, reads: Any, offsets: Any, scores: Any) -> None:
    """Add to the summed scores (n, 11) of each edit what the reads (n,) over it lack for the length that it changes."""
    runs = run_lengths(codes)
    longest = len(offsets) - 1
    for i in range(len(codes)):
        n = reads[i]
        for b in range(4):
            length = min(runs[i] + 1, longest) if b == codes[i] else 1
            scores[i, 4 + b] += n * offsets[length]
        scores[i, 8] -= n * offsets[min(runs[i], longest)]
        scores[i, 9] -= 2 * n * offsets[1]
        scores[i, 10] += 2 * n * offsets[1]


@kernel
def _total(codes: Any, offsets: Any) -> float:
    runs = run_lengths(codes)
    longest = len(offsets) - 1
    total = 0.0
    i = 0
    while i < len(codes):
        for length in range(1, runs[i] + 1):
            total += offsets[min(length, longest)]
        i += runs[i]
    return total


def length_offset(codes: npt.NDArray[np.uint8], first: int, last: int, new: npt.NDArray[np.uint8],
                  offsets: npt.NDArray[np.float64]) -> float:
    """What each read lacks, likewise, of the edit that puts `new` in place of bases first..last-1."""
    around = len(offsets)
    before, after = codes[max(0, first - around) : first], codes[last : last + around]
    now, then = np.concatenate([before, codes[first:last], after]), np.concatenate([before, new, after])
    return float(_total(then, offsets) - _total(now, offsets))
