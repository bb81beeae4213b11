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

PER_BASE = 0.3
"""Natural logarithm; the signal itself says something of the length, so that it is less than log 4. Fitted on E. coli
reads that the model was not trained on (9.6 kb): by 0, 0.2, 0.3, 0.4 and 0.6 there are 87, 82, 79, 81, 80 errors left,
of which bases too many 27, 28, 31, 34 and 40, bases lost 39, 33, 28, 26 and 21. It goes with the score of a stay in the
models' configs."""
AMBIGUOUS = 1.1
"""Of the first base of a run that leads from a state into itself, where the CRF cannot tell a move from a stay by its
state: the run is one longer than the state."""


def run_offsets(network: NetworkConfig) -> npt.NDArray[np.float64]:
    """By run length L, the last value for all longer ones: what each read's score lacks of an edit that makes L bases
    of L - 1. Nought for CTC models."""
    if network.head != "crf":
        return np.zeros(2)
    offsets = np.full(network.state_length + 3, PER_BASE)
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
