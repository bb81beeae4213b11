"""Labels from basecalls with move tables: self-training, and truths that are only nearly right.

Forced alignment (label.py) trusts signal and sequence only where they agree closely, which a truth with an error in
every dozen bases never does. A caller's own moves say where each of its bases lies, though. Taken as they are, they
make labels of unlabelled reads (self-training); aligned to a better caller's sequence of the same read, they carry that
sequence to the signal. Stretches where the two callers disagree too often are left out.
"""

from __future__ import annotations

import re

import edlib
import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes, decode
from basecaller.called import Moved
from basecaller.labels.label import Stretch, cut_out, windowed
from basecaller.signal.prepare import Prepared

WINDOW = 100
"""Bases over which the agreement of two callers is judged."""
LEAST_AGREEMENT = 0.75
"""Part of a window's bases that both must have called alike."""
SHORTEST_STRETCH = 200
"""Bases in a row that make a stretch."""


def carried(call: Moved, prepared: Prepared, truth: Codes | None) -> list[Stretch]:
    """The stretches of a read, labelled with its own call, or with `truth` where the two agree often enough."""
    starts = (call.starts - prepared.trimmed).astype(np.float64)
    bases, good = call.bases, np.ones(len(call.bases), bool)
    if truth is not None:
        ours, theirs = _same_bases(call.bases, truth)
        if len(ours) < SHORTEST_STRETCH:
            return []
        agree = np.zeros(len(truth))
        agree[theirs] = 1.0
        good = windowed(agree, WINDOW) >= LEAST_AGREEMENT * windowed(np.ones(len(truth)), WINDOW)
        good[: theirs[0]] = good[theirs[-1] + 1 :] = False  # beyond the other call nothing is known
        bases, starts = truth, np.interp(np.arange(len(truth)), theirs, starts[ours])
    return cut_out(call.read_id, prepared.signal, bases, starts, len(prepared.signal), good, SHORTEST_STRETCH)


def _same_bases(call: Codes, truth: Codes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices into both of the bases that a global alignment matches."""
    path = edlib.align(decode(call), decode(truth), mode="NW", task="path")["cigar"] or ""
    ours, theirs = [], []
    at_call = at_truth = 0
    for length, kind in re.findall(r"(\d+)([=XID])", path):
        count = int(length)
        if kind == "=":
            ours.append(np.arange(at_call, at_call + count))
            theirs.append(np.arange(at_truth, at_truth + count))
        at_call += count if kind != "D" else 0
        at_truth += count if kind != "I" else 0
    nothing = [np.empty(0, np.int64)]
    return np.concatenate(ours or nothing), np.concatenate(theirs or nothing)
