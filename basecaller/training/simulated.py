"""Simulated signal as a source of training chunks: endless, and its truth is exact."""

from __future__ import annotations

import numpy as np

from basecaller.bases import Codes
from basecaller.labels.dataset import Chunk
from basecaller.model.config import ScalingMethod
from basecaller.simulate.chunks import random_chunks
from basecaller.simulate.pore import PoreModel


class SimulatedChunks:
    """Draws chunks of simulated reads of a pore, of given genomes or of random sequences."""

    def __init__(self, pore: PoreModel, genomes: list[Codes] | None = None, scaling: ScalingMethod = "med_mad") -> None:
        self.pore, self.genomes, self.scaling = pore, genomes, scaling

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` random chunks of `samples` samples."""
        drawn = random_chunks(self.pore, self.genomes, count, samples, rng, self.scaling)
        return [Chunk(signal, context, bases, starts) for signal, bases, starts, context in zip(
            drawn.signals, drawn.targets, drawn.starts, drawn.contexts, strict=True)]
