"""What a training starts from: a fresh network, a trained model, or a trained model widened."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from basecaller.errors import UsageError
from basecaller.model.config import ModelConfig, read_config
from basecaller.model.network import Network, seeded
from basecaller.model.store import load_model
from basecaller.model.widen import widen


def fresh_or_trained(config: Path | None, start: str | None, seed: int, name: str) -> tuple[ModelConfig, Network]:
    """The settings and network to train: fresh from `config`, those of the model `start` under a new name, or, with
    both, the network of `config` that begins with what `start` has learnt."""
    if start is None and config is None:
        raise UsageError("name the model to build (--config), the model to go on from (--from), or both")
    if config is None:
        assert start is not None
        model = load_model(start)
        return dataclasses.replace(model.config, name=name), model.network
    settings = read_config(config)
    network = seeded(settings.network, seed)
    if start is not None:
        widen(load_model(start).network, network)
    return settings, network
