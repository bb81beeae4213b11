"""Augmentation: the same bases at another speed, gain, offset, drift and noise, and each a little off its level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from basecaller.labels.dataset import Chunk, ChunkSource
from basecaller.training.settings import NOISE


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a chunk may be changed; standard deviations in units of the normalised signal."""

    speed: float = 0.15
    """The signal is stretched or squeezed by up to this part."""
    gain: float = 0.04
    """Standard deviation of the logarithm of the scale."""
    offset: float = 0.05
    drift: float = 0.08
    """Standard deviation of the change of the offset from one end of the chunk to the other."""
    wander: float = 0.05
    """Standard deviation of the logarithm of the speed, drawn anew every `PACE` samples."""
    events: float = 0.05
    """Each base's signal is moved by an offset of its own, of a standard deviation between 0 and this. Real events lie
    0.12 about the level of their k-mer; that the same event never comes twice keeps it from being learnt by heart."""
    noise: float = NOISE
    """White noise of a standard deviation between 0 and this, small ones more often: its root is uniform. Flow cells
    differ more in noise than the reads at hand, and a network that has seen little of it fails on poor reads."""


NONE = Augmentation(speed=0, gain=0, offset=0, drift=0, wander=0, events=0, noise=0)
DISTURBED = replace(NONE, gain=0.1, offset=0.15, drift=0.15, noise=0.5)
"""What validation does to chunks to see how a network takes poorer signal than that it learns from."""
PACE = 100
"""Samples from one change of speed to the next."""


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
    used = round(samples * (1 + rng.uniform(-how.speed, how.speed)))
    where = _places(samples, used, how.wander, rng)
    signal = np.interp(where, np.arange(used, dtype=np.float32), chunk.signal[:used]).astype(np.float32)
    count = int(np.searchsorted(chunk.starts, used))
    starts = np.interp(chunk.starts[:count], where, np.arange(samples)).astype(np.int32)
    moved = rng.normal(0, how.events * rng.uniform(), count + 1).astype(np.float32)
    signal += np.repeat(moved, np.diff(starts, prepend=0, append=samples))
    signal *= np.float32(np.exp(rng.normal(0, how.gain)))
    signal += np.float32(rng.normal(0, how.offset))
    signal += np.linspace(-0.5, 0.5, samples, dtype=np.float32) * np.float32(rng.normal(0, how.drift))
    signal += rng.standard_normal(samples, dtype=np.float32) * np.float32(how.noise * rng.uniform() ** 2)
    return Chunk(signal, chunk.context, chunk.bases[:count], starts)


def _places(samples: int, used: int, wander: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(samples,) where each new sample lies among the `used` old ones, at a speed that wanders."""
    knots = np.exp(rng.normal(0, wander, samples // PACE + 2))
    pace = np.interp(np.arange(samples), np.arange(len(knots)) * PACE, knots)
    pace *= used / pace.sum()
    return (np.cumsum(pace) - (pace + 1) / 2).astype(np.float32)
