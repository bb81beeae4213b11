"""The mean of models."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from basecaller.cli.main import main
from basecaller.errors import ModelError
from basecaller.model.average import average, ensemble
from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, read_config, write_config
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


CRF = dataclasses.replace(NETWORK, head="crf", direction="alternating", state_length=2)
WIDER = dataclasses.replace(CRF, width=12, layers=3, convolutions=(Convolution(4, 5), Convolution(8, 9, 3)))


@pytest.mark.parametrize(("first", "second"), [(NETWORK, dataclasses.replace(NETWORK, width=12)), (CRF, WIDER)])
def test_an_ensemble_scores_what_its_networks_score_on_average(first: NetworkConfig, second: NetworkConfig) -> None:
    a, b, c = seeded(first, 1).eval(), seeded(second, 2).eval(), seeded(first, 3).eval()
    signal = torch.randn(2, 1, 300)
    joined = ensemble([ensemble([a, b]), c])
    expected = (a(signal) + b(signal) + c(signal)) / 3
    if first.head == "ctc":  # means of log-probabilities, made to sum to 1 again
        expected = (expected.exp() / expected.exp().sum(-1, keepdim=True)).log()
    torch.testing.assert_close(joined(signal), expected)
    assert not joined.training
    assert joined.parameter_count() == sum(network.parameter_count() for network in (a, b, c))


def test_networks_that_do_not_fit_make_no_ensemble() -> None:
    for other in (CRF, dataclasses.replace(NETWORK, convolutions=(Convolution(16, 5, 5),))):
        with pytest.raises(ModelError, match="same stride, head and state length"):
            ensemble([seeded(NETWORK, 1), seeded(other, 2)])


def test_an_ensemble_is_kept_in_a_model_folder(tmp_path: Path) -> None:
    joined = ensemble([seeded(CRF, 1), seeded(WIDER, 2)]).eval()
    save_model(tmp_path / "both", joined, ModelConfig("both", network=joined.config))
    loaded = load_model(tmp_path / "both")
    signal = torch.randn(1, 1, 300)
    assert loaded.network.config == joined.config
    torch.testing.assert_close(loaded.network(signal), joined(signal))
    write_config(loaded.config, tmp_path / "again.toml")
    assert read_config(tmp_path / "again.toml") == loaded.config


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
    assert main([*command[:-1], str(tmp_path / "scores"), "--scores"]) == 0
    assert load_model(tmp_path / "scores").network.parameter_count() == 2 * model.network.parameter_count()
