"""The optimizer: orthogonalised momentum for the recurrent layers, AdamW for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) replaces the momentum of a weight matrix by the
nearest orthogonal matrix, so that every direction of it learns at the same rate. An LSTM's matrices are taken apart
into those of its four gates. Updates are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), so that
one learning rate serves both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor

from basecaller.device import fast_bfloat16
from basecaller.model.network import Network

MOMENTUM = 0.95
UPDATE_SIZE = 0.2
"""Root mean square of an update's elements, in learning rates: what AdamW's updates have."""
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5
GATES = 4


class GateMuon(torch.optim.Optimizer):
    """Muon over the weight matrices of LSTM layers, (4 * H, I) each, all on one device."""

    def __init__(self, matrices: list[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self.precision = torch.bfloat16 if fast_bfloat16(matrices[0].device) else torch.float32
        """Of the orthogonalisation, which is as good in either."""

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every matrix from its gradient; no closure is taken."""
        assert closure is None
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum"] = torch.zeros_like(matrix)
                momentum = state["momentum"].mul_(MOMENTUM).add_(matrix.grad)
                gates = matrix.grad.add(momentum, alpha=MOMENTUM).view(GATES, -1, matrix.shape[1])  # Nesterov's
                update = orthogonalised(gates, self.precision).view_as(matrix)
                size = UPDATE_SIZE * math.sqrt(max(gates.shape[1:]))
                matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * size)
        return None


def orthogonalised(matrices: Tensor, precision: torch.dtype) -> Tensor:
    """About the nearest orthogonal matrix of each of (..., R, C): singular values between 0.7 and 1.2."""
    a, b, c = _NEWTON_SCHULZ
    x: Tensor = (matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(precision)
    for _ in range(_ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x


class Optimizer:
    """Muon for the recurrent layers' matrices and AdamW for all else, as one."""

    def __init__(self, network: Network, lr: float, weight_decay: float) -> None:
        names = dict(network.named_parameters())
        self.recurrent = {name: p for name, p in names.items() if "encoder.layers." in name and p.ndim == 2}
        self.others = {name: p for name, p in names.items() if name not in self.recurrent}
        self.muon = GateMuon(list(self.recurrent.values()), lr, weight_decay)
        self.adam = torch.optim.AdamW(self.others.values(), lr=lr, weight_decay=weight_decay)

    def step(self, lr: float) -> None:
        """One step at this learning rate."""
        for optimizer in (self.muon, self.adam):
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """What must be kept to go on: tensors by `parameter.quantity`."""
        found: dict[str, Tensor] = {}
        for parameters, optimizer in self._parts():
            for index, values in optimizer.state_dict()["state"].items():
                name = list(parameters)[index]
                found |= {f"{name}.{key}": value for key, value in values.items()}
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what `state` gave."""
        for parameters, optimizer in self._parts():
            state: dict[int, dict[str, Any]] = {}
            for index, name in enumerate(parameters):
                keys = [key for key in tensors if key.rpartition(".")[0] == name]
                state[index] = {key.rpartition(".")[2]: tensors[key] for key in keys}
            optimizer.load_state_dict(optimizer.state_dict() | {"state": state})

    def _parts(self) -> tuple[tuple[dict[str, torch.nn.Parameter], torch.optim.Optimizer], ...]:
        return (self.recurrent, self.muon), (self.others, self.adam)
