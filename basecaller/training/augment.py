"""Augmentation: the same bases at another speed, gain, offset, drift and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from basecaller.labels.dataset import Chunk, ChunkSource


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a chunk may be changed; standard deviations in units of the normalised signal."""

    speed: float = 0.15
    """The signal is stretched or squeezed by up to this part."""
    gain: float = 0.06
    """Standard deviation of the logarithm of the scale."""
    offset: float = 0.08
    drift: float = 0.08
    """Standard deviation of the change of the offset from one end of the chunk to the other."""
    noise: float = 0.3
    """White noise of a standard deviation between 0 and this, small ones more often: its root is uniform. Flow cells
    differ more in noise than the reads at hand, and a network that has seen little of it fails on poor reads."""


NONE = Augmentation(0, 0, 0, 0, 0)
DISTURBED = Augmentation(speed=0, gain=0.1, offset=0.15, drift=0.15, noise=0.5)
"""What validation does to chunks to see how a network takes poorer signal than that it learns from."""


class Augmented:
    """A source whose chunks come augmented."""

    def __init__(self, source: ChunkSource, how: Augmentation) -> None:
        self.source, self.how = source, how

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` random chunks of `samples` samples."""
        longest = int(np.ceil(samples * (1 + self.how.speed)))
        return [augment(chunk, self.how, rng, samples) for chunk in self.source.draw(rng, count, longest)]


def augment(chunk: Chunk, how: Augmentation, rng: np.random.Generator, samples: int) -> Chunk:
    """A changed copy of a chunk, `samples` long; the chunk must be longer by the part `how.speed`."""
    factor = 1 + rng.uniform(-how.speed, how.speed)
    used = round(samples * factor)
    where = (np.arange(samples, dtype=np.float32) + np.float32(0.5)) * np.float32(factor) - np.float32(0.5)
    signal = np.interp(where, np.arange(used, dtype=np.float32), chunk.signal[:used]).astype(np.float32)
    count = int(np.searchsorted(chunk.starts, used))
    starts = np.minimum(chunk.starts[:count] / factor, samples - 1).astype(np.int32)
    signal *= np.float32(np.exp(rng.normal(0, how.gain)))
    signal += np.float32(rng.normal(0, how.offset))
    signal += np.linspace(-0.5, 0.5, samples, dtype=np.float32) * np.float32(rng.normal(0, how.drift))
    signal += rng.standard_normal(samples, dtype=np.float32) * np.float32(how.noise * rng.uniform() ** 2)
    return Chunk(signal, chunk.context, chunk.bases[:count], starts)
