"""The result of basecalling one read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.reads.read import ReadInfo
from basecaller.signal.scale import Scaling

Array = npt.NDArray[np.float32]
"""Scores, weights or posteriors."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The labelling that a decoder chose for one matrix of scores, before qualities are fitted and rounded."""

    labels: npt.NDArray[np.uint8]
    """(L,) uint8: 0..3 for A, C, G, T."""
    moves: npt.NDArray[np.uint8]
    """(T,) uint8, as in `Decoded`."""
    errors: npt.NDArray[np.float32]
    """(L,) float32: probability that the base is wrong, as the scores have it."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Bases read off one matrix of scores."""

    sequence: str
    """Upper-case A, C, G, T, in the order in which the strand went through the pore (5' to 3' for DNA)."""
    qualities: npt.NDArray[np.uint8]
    """(L,) uint8 Phred scores, one per base."""
    moves: npt.NDArray[np.uint8]
    """(T,) uint8: 1 where a new base is emitted, 0 where the last one goes on; sums to L."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One called read: what the output formats are written from."""

    info: ReadInfo
    sequence: str
    qualities: npt.NDArray[np.uint8]
    """(L,) uint8 Phred scores."""
    moves: npt.NDArray[np.uint8]
    """(T,) uint8, one per `stride` samples from sample `trimmed` on."""
    stride: int
    """Samples per entry of `moves`."""
    trimmed: int
    """Samples cut from the start of the signal before calling."""
    scaling: Scaling
    model: str
    """Name of the model that called the read."""
    mean_qscore: float
    """-10 log10 of the mean error probability; see decode/quality.py for the rule."""
    front_adapter: int = 0
    """Bases of adapters and primers that were cut from the start, their samples counted in `trimmed`."""
    back_adapter: int = 0
    """Bases of adapters and primers that were cut from the end."""
