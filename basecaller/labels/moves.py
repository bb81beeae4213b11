"""Labels from basecalls with move tables: self-training, and truths that are only nearly right.

Forced alignment (label.py) trusts signal and sequence only where they agree closely, which a truth with an error in
every dozen bases never does. A caller's own moves say where each of its bases lies, though. Taken as they are, they
make labels of unlabelled reads (self-training); aligned to a better caller's sequence of the same read, they carry that
sequence to the signal. Stretches where the two callers disagree too often are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import edlib
import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes, decode, encode
from basecaller.called import read_calls
from basecaller.errors import UsageError
from basecaller.labels.label import Stretch, cut_out, windowed
from basecaller.signal.prepare import Prepared

WINDOW = 100
"""Bases over which the agreement of two callers is judged."""
LEAST_AGREEMENT = 0.75
"""Part of a window's bases that both must have called alike."""
SHORTEST_STRETCH = 200
"""Bases in a row that make a stretch."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A call with the place of each of its bases in the signal."""

    read_id: str
    bases: Codes
    """(L,) 0..3."""
    starts: npt.NDArray[np.int32]
    """(L,) first sample of each base, counted from the start of the untrimmed read."""
    mean_qscore: float


def read_moves(path: Path) -> Iterator[Moved]:
    """The calls of a BAM, SAM or FASTQ file that carry move tables (`mv`, `ts`); `UsageError` when none does."""
    found = False
    for read in read_calls(path, tags=True):
        if "mv" not in read.tags:
            continue
        found = True
        table = np.asarray(read.tags["mv"], dtype=np.int64)
        steps = np.flatnonzero(table[1:])
        if len(steps) != len(read.sequence):
            raise UsageError(f"{path}: the move table of {read.name} does not fit its sequence")
        starts = int(read.tags.get("ts", 0)) + table[0] * steps
        yield Moved(read.name, encode(read.sequence), starts.astype(np.int32), float(read.tags.get("qs", 0)))
    if not found:
        raise UsageError(f"{path}: holds no call with a move table (`basecall -o calls.bam` writes them)")


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
