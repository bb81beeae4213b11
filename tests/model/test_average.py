"""The mean of models."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from basecaller.cli.main import main
from basecaller.errors import ModelError
from basecaller.model.average import average
from basecaller.model.config import ModelConfig, NetworkConfig
from basecaller.model.network import seeded
from basecaller.model.store import load_model, save_model

NETWORK = dataclasses.replace(NetworkConfig(), width=8, layers=2)


def test_weights_are_the_means_and_the_networks_stay_as_they_are() -> None:
    networks = [seeded(NETWORK, seed) for seed in range(3)]
    mean = average(networks)
    for ours, *theirs in zip(mean.parameters(), *(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(ours, sum(theirs) / 3)
    assert not torch.equal(next(mean.parameters()), next(networks[0].parameters()))
    with pytest.raises(ModelError, match="one shape"):
        average([*networks, seeded(dataclasses.replace(NETWORK, width=16), 1)])


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        save_model(tmp_path / f"m{seed}", seeded(NETWORK, seed), ModelConfig(f"m{seed}", network=NETWORK))
    command = ["average", str(tmp_path / "m1"), str(tmp_path / "m2"), "-o", str(tmp_path / "mean")]
    assert main(command) == 0
    model = load_model(tmp_path / "mean")
    assert model.name == "mean"
    expected = average([load_model(tmp_path / f"m{seed}").network for seed in (1, 2)])
    for ours, theirs in zip(model.network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert main(command) == 2
    assert "there already" in capsys.readouterr().err
