"""A window of an inspected read, as what has to be drawn: in samples, pA and letters, whatever draws it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from basecaller.bases import GAP
from basecaller.errors import UsageError
from basecaller.evaluation.alignment import Alignment
from basecaller.model.config import BASES
from basecaller.report.cells import Cell
from basecaller.report.inspection import Inspection

WINDOW = 900
"""Samples drawn when nothing is said: some 100 bases at 450 bases/s and 4 kHz."""
WORST_RUN = 3
"""A homopolymer of this length or more that was miscounted is worth a look."""


@dataclass(frozen=True)
class Base:
    """A called base."""

    letter: str
    start: int
    """Sample."""
    end: int
    quality: int
    reference: str
    """The reference's letter; `-` where the read has a base too many, empty outside of the alignment."""

    @property
    def wrong(self) -> bool:
        return bool(self.reference) and self.reference != self.letter


@dataclass(frozen=True)
class Lost:
    """Bases of the reference that the read lacks."""

    sample: int
    """Between which two called bases."""
    letters: str


@dataclass(frozen=True, eq=False)
class View:
    """Samples `first` (included) to `last` (excluded) of a read."""

    inspection: Inspection
    first: int
    last: int
    bases: tuple[Base, ...]
    lost: tuple[Lost, ...]
    cells: tuple[Cell, ...]

    @property
    def steps(self) -> slice:
        """The steps of the network within the window."""
        trimmed, stride = self.inspection.trimmed, self.inspection.stride
        low = max(0, (self.first - trimmed) // stride)
        return slice(low, max(low, min(len(self.inspection.moves), -(-(self.last - trimmed) // stride))))

    @property
    def edges(self) -> npt.NDArray[np.int64]:
        """Samples at which those steps begin, and the end of the last."""
        steps = self.steps
        return self.inspection.trimmed + np.arange(steps.start, steps.stop + 1) * self.inspection.stride

    @property
    def title(self) -> str:
        """What is seen, in a line or two."""
        seen = self.inspection
        said = f"read {seen.info.read_id} · {len(seen.sequence):,} bases of model {seen.model} · " \
               f"samples {self.first:,} to {self.last:,} of {seen.info.num_samples:,}"
        if seen.alignment is not None:
            hit = seen.alignment
            identity = float(np.mean(hit.called == hit.reference))
            said += f"\n{100 * identity:.1f} % identity to {hit.contig}:{hit.reference_start + 1:,}-" \
                    f"{hit.reference_end:,} ({'+' if hit.strand > 0 else '−'})"
        return said


def make_view(inspection: Inspection, window: tuple[int, int] | None = None, cells: tuple[Cell, ...] = ()) -> View:
    """The window asked for, in samples of the whole read; else one around the clearest error, else the read's start."""
    total = inspection.info.num_samples
    first, last = window if window else interesting(inspection)
    if not 0 <= first < last <= total:
        raise UsageError(f"window {first}:{last} is not within the read's {total:,} samples")
    starts = np.append(inspection.starts, inspection.trimmed + len(inspection.moves) * inspection.stride)
    letters, lost = _against(inspection.alignment, len(inspection.sequence))
    inside = np.flatnonzero((starts[1:] > first) & (starts[:-1] < last))
    bases = tuple(Base(inspection.sequence[i], int(starts[i]), int(starts[i + 1]), int(inspection.qualities[i]),
                       letters[i]) for i in inside)
    seen = tuple(Lost(int(starts[i]), text) for i, text in lost.items() if first <= starts[i] < last)
    return View(inspection, first, last, bases, seen, cells)


def interesting(inspection: Inspection, size: int = WINDOW) -> tuple[int, int]:
    """A window around the longest homopolymer that was called at the wrong length, else around the densest errors,
    else (no reference) around the start of the strand."""
    total = inspection.info.num_samples
    hit = inspection.alignment
    middle = inspection.trimmed + size // 2 - 50
    if hit is not None:
        column = _worst_run(hit)
        wrong = (hit.called != hit.reference).astype(np.float64)
        if column is None and wrong.any():
            column = int(np.argmax(np.convolve(wrong, np.ones(20), "same")))
        if column is not None:
            base = hit.start + int(np.count_nonzero(hit.called[:column] != GAP))
            middle = int(inspection.starts[min(base, len(inspection.sequence) - 1)])
    first = max(0, min(middle - size // 2, total - size))
    return first, min(total, first + size)


def _worst_run(hit: Alignment) -> int | None:
    """The column at which the longest miscounted homopolymer of the reference begins."""
    kept = np.flatnonzero(hit.reference != GAP)
    letters = hit.reference[kept]
    bounds = np.flatnonzero(np.concatenate([[True], letters[1:] != letters[:-1], [True]]))
    best, where = WORST_RUN - 1, None
    for start, end in pairwise(bounds[1:-1]):  # the first and last are cut by the alignment
        if end - start > best:
            columns = slice(kept[start - 1] + 1, kept[end])
            called = hit.called[columns]
            called = called[called != GAP]
            if (called == letters[start]).all() and 0 < len(called) != end - start:
                best, where = end - start, int(kept[start])
    return where


def _against(hit: Alignment | None, length: int) -> tuple[list[str], dict[int, str]]:
    """The reference's letter beside each called base, and what is lost before a base, by the base's index."""
    letters = [""] * length
    lost: dict[int, str] = {}
    if hit is None:
        return letters, lost
    names = BASES + "N-"
    base = hit.start
    for reference, called in zip(hit.reference.tolist(), hit.called.tolist(), strict=True):
        if called == GAP:
            lost[base] = lost.get(base, "") + names[reference]
        else:
            letters[base] = names[reference]
            base += 1
    return letters, lost
