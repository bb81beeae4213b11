"""How a signal network is fitted, and how various the reads are that are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to fit."""

    steps: int = 5000
    batch_size: int = 32
    samples: int = 1000
    """A window."""
    learning_rate: float = 3e-3
    """The highest; lowered along a cosine."""
    warmup: int = 50
    """Steps."""
    final_rate: float = 0.02
    """Of the highest, at the end."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Norm of the gradient."""
    report_every: int = 100
    """Steps."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Variety:
    """How new reads differ from those that the signal model has learnt from."""

    traits: float = 0.25
    """By how much their traits differ from those of the read that they are like, in deviations over reads."""
    speed: float = 1.0
    """How many times as much as the other traits their speed does."""
    noise: tuple[float, float] = (0.8, 0.8)
    """Least and largest factor on the deviation of a read's samples, since what the network does not know of real
    signal it takes for noise: at 1 its signal is harder to call than any real one (docs/simulator.md)."""
    slow: float = 1.0
    """How many times as often as its share of the learnt signal says a slow read is drawn."""


READ_SAMPLES = 12_000
"""Of each drawn read."""
VARIOUS = Variety(0.6, 1.5, (0.75, 0.95), 2.5)
"""Of the signal that the shipped models learnt from last."""
