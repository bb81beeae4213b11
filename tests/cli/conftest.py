"""A model folder with random weights: calls are nonsense, but always the same nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import seeded
from basecaller.model.store import save_model


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "random"
    config = NetworkConfig((Convolution(8, 5), Convolution(16, 9, 4)), width=16, layers=2)
    network = seeded(config, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 4
    save_model(folder, network, ModelConfig("random", network=config, signal=SignalConfig(chunk=2000, overlap=240)))
    return folder
