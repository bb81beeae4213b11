"""What a training starts from: a fresh network from a config, or a trained model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from basecaller.model.config import ModelConfig, read_config
from basecaller.model.network import Network, seeded
from basecaller.model.store import load_model


def fresh_or_trained(config: Path | None, start: str | None, seed: int, name: str) -> tuple[ModelConfig, Network]:
    """The settings and network to train: fresh from `config`, or those of the model `start` under a new name."""
    if start is not None:
        model = load_model(start)
        return dataclasses.replace(model.config, name=name), model.network
    assert config is not None
    settings = read_config(config)
    return settings, seeded(settings.network, seed)
