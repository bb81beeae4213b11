"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass

PIECES = (5, 13)
"""Bases of the pieces of recombined chunks, fewest and most."""

NOISE = 0.3
"""Standard deviation of the white noise that augmentation adds to normalised signal, at most."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train; the defaults are the recipe of the shipped models."""

    steps: int = 20_000
    batch_size: int = 16
    samples: int = 4800
    """Samples in a chunk; at least as many as chunks have in calling: a network that has only seen shorter ones inserts
    more and more bases the longer it reads."""
    learning_rate: float = 2e-3
    final_rate: float = 0.01
    """Learning rate at the end, as a part of the first."""
    warmup: int = 300
    weight_decay: float = 0.01
    dropout: float = 0.0
    """Part of the channels between recurrent layers that a chunk goes without, the same at all its steps."""
    clip: float = 2.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is what is validated and kept."""
    bf16: bool = True
    """Compute in bfloat16 where the hardware does."""
    seed: int = 1
    validate_every: int = 500
