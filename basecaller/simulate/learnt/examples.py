"""Labelled stretches as a signal network learns from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from basecaller.bases import Codes
from basecaller.errors import UsageError
from basecaller.labels.dataset import LabelFile
from basecaller.labels.label import Stretch
from basecaller.simulate.learnt.model import PACE, ReadTable
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.settle import EDGE, fit_to_pore

FEWEST_BASES = 400
"""Shorter stretches tell too little of how their read is scaled."""
FAR, LONG_ENOUGH = 0.6, 3
"""An event of so many samples that lies farther than this from its level is an error of labels, which neither it nor
the events beside it are learnt from."""
USUAL_DWELL = 8
"""Samples of the base before the first, which is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A stretch, without its uncertain ends."""

    bases: Codes
    """(B,) all of the stretch."""
    levels: Floats
    """(B,)."""
    signal: Floats
    """(S,) of the bases between the ends, in units of the levels."""
    place: npt.NDArray[np.int32]
    """(S,) the base of each sample."""
    dwelt: Floats
    """(S,) log of the samples that its base has had before it, and..."""
    dwelt_before: Floats
    """(S,) ... of all that the base before had, over PACE."""
    sound: Floats
    """(S,) 1 where the label can be believed, 0 elsewhere."""
    traits: Floats
    """(TRAITS,)."""
    scale: float
    shift: float
    group: int
    weight: float
    """How often to draw from it."""


def examples_of(files: Iterable[LabelFile], pore: PoreModel) -> list[Example]:
    """The stretches that label files may train on; `UsageError` where none is long enough."""
    found = []
    for file in files:
        used = np.flatnonzero(file.use)
        share = file.weight() / max(float(file.table.samples[used].sum()), 1.0)
        for row in used:
            if file.table.length[row] >= FEWEST_BASES:
                signal, bases, starts = file.stretch(int(row))
                stretch = Stretch(str(file.table.read_id[row]), signal, bases, starts, 0)
                found.append(_example(stretch, pore, share * len(signal)))
    if not found:
        raise UsageError(f"no labelled stretch of {FEWEST_BASES} bases or more to learn from")
    return found


def _example(stretch: Stretch, pore: PoreModel, weight: float) -> Example:
    fitted, starts = fit_to_pore(stretch, pore), stretch.starts
    begin, end = int(starts[EDGE]), int(starts[len(starts) - EDGE - 1])
    signal = fitted.signal[begin:end]
    place = (np.searchsorted(starts, np.arange(begin, end), "right") - 1).astype(np.int32)
    begins = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
    event = np.searchsorted(begins, np.arange(len(place)), "right") - 1
    lengths = np.diff(np.append(begins, len(place)))
    means = np.add.reduceat(signal, begins) / lengths
    wrong = (np.abs(means - fitted.levels[place[begins]]) > FAR) & (lengths >= LONG_ENOUGH)
    wrong = wrong | np.roll(wrong, 1) | np.roll(wrong, -1)
    return Example(
        stretch.bases, fitted.levels, signal, place, log_dwell(np.arange(len(place)) - begins[event]),
        log_dwell(np.append(USUAL_DWELL, lengths[:-1])[event]), (~wrong[event]).astype(np.float32),
        _traits(signal, place, fitted.levels), fitted.scale, fitted.shift, fitted.group, weight,
    )


def log_dwell(samples: npt.NDArray[np.generic]) -> Floats:
    """What the network is told of so many samples."""
    return (np.log1p(samples.astype(np.float64)) / PACE).astype(np.float32)


def _traits(signal: Floats, place: npt.NDArray[np.int32], levels: Floats) -> Floats:
    dwell = np.bincount(place - place[0])
    return np.array([
        np.log(len(signal) / len(dwell)),
        np.log(np.median(np.abs(signal - levels[place]))),
        np.log(np.median(np.abs(np.diff(signal)))),
        np.log(0.005 + np.mean(dwell <= 1)),
    ], np.float32)


def table_of(examples: list[Example]) -> ReadTable:
    """What has to be known of the stretches to draw others like them."""
    return ReadTable(
        np.stack([example.traits for example in examples]),
        np.array([example.scale for example in examples], np.float32),
        np.array([example.shift for example in examples], np.float32),
        np.array([example.group for example in examples], np.int64),
        np.array([example.weight for example in examples], np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """N windows of S samples and the one before them; B bases cover each."""

    bases: Tensor
    """(N, B)."""
    levels: Tensor
    """(N, B)."""
    place: Tensor
    """(N, S + 1) int64, into `bases`."""
    signal: Tensor
    """(N, S + 1)."""
    dwelt: Tensor
    """(N, S + 1)."""
    dwelt_before: Tensor
    """(N, S + 1)."""
    sound: Tensor
    """(N, S + 1)."""
    traits: npt.NDArray[np.float32]
    """(N, TRAITS)."""


def draw_windows(examples: list[Example], rng: np.random.Generator, count: int, samples: int) -> Windows:
    """`count` random windows of stretches, each as often as its weight says; the stretches must be longer."""
    weights = np.array([example.weight * (len(example.signal) > samples + 1) for example in examples])
    if not weights.any():
        raise UsageError(f"no labelled stretch of {samples + 2} samples to learn from")
    chosen = [examples[i] for i in rng.choice(len(examples), count, p=weights / weights.sum())]
    firsts = [int(rng.integers(0, len(example.signal) - samples)) for example in chosen]
    cuts = [slice(first, first + samples + 1) for first in firsts]
    lows = [int(example.place[cut.start]) - EDGE for example, cut in zip(chosen, cuts, strict=True)]
    width = 1 + EDGE + max(int(example.place[cut.stop - 1]) - low
                           for example, cut, low in zip(chosen, cuts, lows, strict=True))
    bases, levels = np.zeros((count, width), np.uint8), np.zeros((count, width), np.float32)
    for i, (example, low) in enumerate(zip(chosen, lows, strict=True)):
        covered = example.bases[low : low + width]
        bases[i, : len(covered)] = covered
        levels[i, : len(covered)] = example.levels[low : low + width]

    def cut_out(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(example, name)[cut]
                                          for example, cut in zip(chosen, cuts, strict=True)]))

    place = cut_out("place").long() - torch.tensor(lows)[:, None]
    return Windows(
        torch.from_numpy(bases), torch.from_numpy(levels), place, cut_out("signal"), cut_out("dwelt"),
        cut_out("dwelt_before"), cut_out("sound"), np.stack([example.traits for example in chosen]),
    )
