"""The network against torch's own parts, and its settings."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from basecaller.errors import ModelError
from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, SignalConfig, read_config, write_config
from basecaller.model.network import Network, seeded
from basecaller.model.recurrent import Encoder
from basecaller.model.store import load_model, save_model

SMALL = NetworkConfig(convolutions=(Convolution(4, 5), Convolution(8, 9, 3)), width=8, layers=2)
CRF = dataclasses.replace(SMALL, head="crf", direction="alternating", state_length=2)


def test_bidirectional_encoder_is_torchs_own_stacked_lstm() -> None:
    torch.manual_seed(0)
    encoder = Encoder(6, 5, 2, "both")
    stacked = nn.LSTM(6, 5, num_layers=2, bidirectional=True)
    for i, layer in enumerate(encoder.layers):
        for name, value in layer.named_parameters():
            getattr(stacked, name.replace("_l0", f"_l{i}")).data.copy_(value)
    x = torch.randn(11, 3, 6)
    torch.testing.assert_close(encoder(x), stacked(x)[0])


def test_alternating_encoder_reads_backward_first() -> None:
    encoder = Encoder(6, 5, 2, "alternating").double()
    x = torch.randn(9, 1, 6, dtype=torch.float64)
    changed = x.clone()
    changed[8] += 1.0
    first = encoder.layers[0](x.flip(0))[0].flip(0)
    torch.testing.assert_close(encoder(x), encoder.layers[1](first)[0])
    # the last step changes what comes first, so it is seen through the backward layer
    assert not torch.allclose(encoder(x)[0], encoder(changed)[0])


@pytest.mark.parametrize("config", [SMALL, CRF])
def test_scores_have_one_step_a_stride_and_the_classes_of_the_head(config: NetworkConfig) -> None:
    scores = Network(config)(torch.randn(2, 1, 301))
    assert scores.shape == (100, 2, config.classes)
    assert scores.dtype == torch.float32


def test_ctc_scores_are_log_probabilities_and_crf_stays_are_fixed() -> None:
    torch.testing.assert_close(Network(SMALL)(torch.randn(1, 1, 60)).exp().sum(-1), torch.ones(20, 1))
    scores = Network(CRF)(torch.randn(1, 1, 60)).view(20, 1, 16, 5)
    assert (scores[..., 0] == CRF.stay_score).all()
    assert (scores[..., 1:].abs() <= CRF.clamp).all()


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_crf_scores_without_gradients_are_those_with(context: type) -> None:
    torch.manual_seed(2)
    head = Network(CRF).head
    features = torch.randn(7, 3, 8) * 3
    with_gradients = head(features)
    with context():
        torch.testing.assert_close(head(features), with_gradients, rtol=1e-5, atol=1e-5)
    assert with_gradients.requires_grad


def test_start_has_open_forget_gates_and_orthogonal_weights() -> None:
    layer = Encoder(8, 8, 1, "both").layers[0]
    assert torch.equal(layer.bias_ih_l0 + layer.bias_hh_l0, torch.tensor([0.0] * 8 + [1.0] * 8 + [0.0] * 16))
    for gate in layer.weight_hh_l0_reverse.split(8):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)


def test_a_change_of_one_sample_reaches_only_its_own_step_through_the_front_end() -> None:
    front = Network(SMALL).front_end
    x = torch.randn(1, 1, 90)
    changed = x.clone()
    changed[0, 0, 46] += 1.0
    steps = (front(x) != front(changed)).any(1)[0].nonzero().flatten()
    # receptive field: 5 then 9 samples, centred; step 15 owns samples 45 to 47
    assert steps.min() >= 13 and steps.max() <= 17 and 15 in steps


def test_seed_gives_the_same_network_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two = seeded(SMALL, 1), seeded(SMALL, 1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.head.linear.weight, seeded(SMALL, 2).head.linear.weight)


def test_config_survives_a_round_trip(tmp_path) -> None:
    config = ModelConfig("x", network=CRF, signal=SignalConfig(chunk=300, overlap=60))
    write_config(config, tmp_path / "config.toml")
    assert read_config(tmp_path / "config.toml") == config


@pytest.mark.parametrize("text, says", [
    ('name = "x"\nwidht = 3', "widht"),
    ('name = "x"\n[network]\nwidth = "wide"', "width"),
    ('name = "x"\n[network]\nhead = "hmm"', "'ctc', 'crf'"),
    ('name = "x"\n[signal]\nchunk = 1000', "multiple of the network's stride"),
    ("name = ", "not valid TOML"),
    ("[network]\nwidth = 3", "name"),
])
def test_a_wrong_config_is_refused_by_name(tmp_path, text: str, says: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ModelError, match=says):
        read_config(tmp_path / "config.toml")


def test_models_are_stored_and_loaded_and_damage_is_named(tmp_path) -> None:
    network = seeded(CRF, 1)
    config = ModelConfig("mine", network=CRF, signal=SignalConfig(chunk=300, overlap=60))
    save_model(tmp_path / "mine", network, config, card="# mine\n")
    model = load_model(tmp_path / "mine")
    assert model.config == config and not model.network.training
    x = torch.randn(1, 1, 60)
    torch.testing.assert_close(model.network(x), network(x))
    with pytest.raises(ModelError, match=r"no model 'r9\.4\.1_fats'"):
        load_model("r9.4.1_fats")
    weights = tmp_path / "mine" / "weights.safetensors"
    assert weights.stat().st_mode == (tmp_path / "mine" / "card.md").stat().st_mode  # others may read it, too
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(tmp_path / "mine")
