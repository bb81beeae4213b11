"""A widened network computes what the narrow one did, until it is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from basecaller.errors import ModelError
from basecaller.model.config import Convolution, NetworkConfig
from basecaller.model.crf import banded_targets, crf_loss
from basecaller.model.network import seeded
from basecaller.model.widen import widen

NARROW = NetworkConfig((Convolution(4, 5), Convolution(8, 9, 3)), width=8, layers=3, direction="both", head="ctc")
SIGNAL = torch.randn(3, 1, 180, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("head", ["ctc", "crf"])
@pytest.mark.parametrize("direction", ["both", "alternating"])
def test_scores_are_those_of_the_narrow_network(head: str, direction: str) -> None:
    narrow = replace(NARROW, head=head, direction=direction, state_length=2)
    wide = replace(narrow, convolutions=(Convolution(6, 5), Convolution(11, 9, 3)), width=13)
    small, large = seeded(narrow, 1), seeded(wide, 2)
    assert not torch.allclose(large(SIGNAL), small(SIGNAL), atol=1e-2)
    widen(small, large)
    torch.testing.assert_close(large(SIGNAL), small(SIGNAL), atol=1e-5, rtol=1e-4)


def test_new_units_can_learn() -> None:
    small, large = seeded(NARROW, 1), seeded(replace(NARROW, width=12), 2)
    widen(small, large)
    large(SIGNAL).square().sum().backward()
    listening = large.head.linear.weight.grad[:, 8:12]
    assert listening.abs().max() > 0


@pytest.mark.parametrize(("k", "second"), [(3, False), (2, True), (3, True)])
def test_a_longer_state_or_a_second_one_for_runs_scores_paths_alike(k: int, second: bool) -> None:
    narrow = replace(NARROW, head="crf", state_length=2)
    small, large = seeded(narrow, 1), seeded(replace(narrow, state_length=k, flip_flop=second), 2)
    widen(small, large)
    rng = np.random.default_rng(3)
    bases = [rng.integers(0, 4, 3 + 20).astype(np.uint8) for _ in range(3)]
    bases[1][5:14] = 2
    losses = []
    for network, length in ((small, 2), (large, k)):
        targets = banded_targets([b[3 - length:] for b in bases], [np.arange(20, dtype=np.int32) * 9] * 3,
                                 state_length=length, steps=60, stride=3, band=None)
        losses.append(crf_loss(network(SIGNAL), targets, length))
    # every path has as many copies as there are bases that may stand before its first state
    copies = float(np.log(4)) * (k - 2)
    torch.testing.assert_close(losses[1], losses[0] + copies / 20, atol=1e-4, rtol=1e-4)


def test_a_network_with_second_states_is_widened_and_keeps_them() -> None:
    narrow = replace(NARROW, head="crf", state_length=2, flip_flop=True)
    small, large = seeded(narrow, 1), seeded(replace(narrow, width=13), 2)
    widen(small, large)
    torch.testing.assert_close(large(SIGNAL), small(SIGNAL), atol=1e-5, rtol=1e-4)
    with torch.no_grad():  # calling lays the scores out another way than training
        torch.testing.assert_close(large(SIGNAL), small(SIGNAL), atol=1e-5, rtol=1e-4)
    for change in ({"flip_flop": False}, {"state_length": 3}):
        with pytest.raises(ModelError, match="widened"):
            widen(small, seeded(replace(narrow, **change), 2))


def test_another_stride_looks_at_the_same_samples_more_often() -> None:
    small, large = seeded(NARROW, 1), seeded(replace(NARROW, convolutions=(Convolution(4, 5), Convolution(8, 9, 1))), 2)
    widen(small, large)
    torch.testing.assert_close(large.front_end(SIGNAL)[:, :, ::3], small.front_end(SIGNAL))
    assert large(SIGNAL).shape[0] == 3 * small(SIGNAL).shape[0]


@pytest.mark.parametrize("change", [{"width": 4}, {"layers": 2}, {"direction": "alternating"}, {"head": "crf"},
                                    {"beside": (NARROW,)}])
def test_other_shapes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="widened"):
        widen(seeded(NARROW, 1), seeded(replace(NARROW, **change), 2))
