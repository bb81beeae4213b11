"""The optimizer: against an exact orthogonal factor, and that it goes on as if never stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from basecaller.model.config import Convolution, NetworkConfig
from basecaller.model.network import Network, seeded
from basecaller.training.optimizer import GateMuon, Optimizer, orthogonalised

CONFIG = NetworkConfig((Convolution(4, 5, 3),), width=8, layers=2, direction="alternating")
SIGNAL = torch.randn(4, 1, 90, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("precision", "stray"), [(torch.bfloat16, 0.06), (torch.float32, 1e-4)])
def test_orthogonalised_keeps_directions_and_evens_their_sizes(precision: torch.dtype, stray: float) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(4, 12, 20)
    u, sizes, v = torch.linalg.svd(matrices, full_matrices=False)
    inner = u.mT @ orthogonalised(matrices, precision).float() @ v.mT  # diagonal in the matrix's own directions
    diagonal = inner.diagonal(dim1=-2, dim2=-1)
    assert sizes.max() / sizes.min() > 3
    assert diagonal.min() > 0.6 and diagonal.max() < 1.3
    assert (inner - torch.diag_embed(diagonal)).abs().max() < stray


def test_bfloat16_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = torch.zeros(32, 8, requires_grad=True)
    for has_amx in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has_amx=has_amx: has_amx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
        assert GateMuon([matrix], 0.01, 0.1).precision == (torch.bfloat16 if has_amx else torch.float32)


def test_first_update_is_the_learning_rate_times_its_size_for_every_gate() -> None:
    torch.manual_seed(0)
    matrix = torch.zeros(4 * 8, 8, requires_grad=True)
    matrix.grad = torch.randn(4, 8, 8).mul(torch.tensor([1e-6, 1e-2, 1.0, 100.0]).view(4, 1, 1)).view(32, 8)
    GateMuon([matrix], lr=0.01, weight_decay=0.1).step()
    size = matrix.detach().view(4, -1).square().mean(1).sqrt()
    torch.testing.assert_close(size, torch.full((4,), 0.002), rtol=0.25, atol=0)


def _train(network: Network, optimizer: Optimizer, steps: int) -> None:
    for _ in range(steps):
        network.zero_grad()
        network(SIGNAL)[..., 1].exp().mean().backward()
        optimizer.step(0.01)


@pytest.mark.parametrize("config", [CONFIG, replace(CONFIG, beside=(CONFIG,))])
def test_restored_goes_on_as_if_it_had_not_stopped(config: NetworkConfig) -> None:
    whole, first, second = (seeded(config, 3) for _ in range(3))
    _train(whole, Optimizer(whole, 0.01, 0.01), 5)
    optimizer = Optimizer(first, 0.01, 0.01)
    _train(first, optimizer, 2)
    second.load_state_dict(first.state_dict())
    restored = Optimizer(second, 0.01, 0.01)
    restored.restore({name: value.clone() for name, value in optimizer.state().items()})
    _train(second, restored, 3)
    for ours, theirs in zip(second.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_recurrent_matrices_of_all_networks_are_muons() -> None:
    optimizer = Optimizer(seeded(replace(CONFIG, beside=(CONFIG,)), 3), 0.01, 0.01)
    assert len(optimizer.recurrent) == 2 * 2 * CONFIG.layers
    assert not any("bias" in name or "head" in name for name in optimizer.recurrent)
