"""The recurrent encoder: stacked LSTM layers that read the signal in both directions."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class Lstm(nn.LSTM):
    """One LSTM layer over (T, N, inputs) with orthogonal weights and a forget-gate bias of 1.

    Orthogonal start: Saxe et al. 2013; forget-gate bias: Jozefowicz et al. 2015.
    """

    def __init__(self, inputs: int, width: int, *, bidirectional: bool) -> None:
        super().__init__(inputs, width, bidirectional=bidirectional)
        for name, parameter in self.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
                if name.startswith("bias_ih"):
                    with torch.no_grad():
                        parameter[width : 2 * width] = 1.0  # gates are stored as input, forget, cell, output
            else:
                for gate in parameter.data.split(width):
                    nn.init.orthogonal_(gate)


class Encoder(nn.Module):
    """LSTM layers: (T, N, inputs) -> (T, N, channels).

    `both`: every layer is bidirectional, channels = 2 * width. `alternating`: one direction a layer, backward
    first, turn about (as the production callers do): both directions at half the cost, channels = width.
    """

    def __init__(self, inputs: int, width: int, layers: int, direction: Literal["both", "alternating"]) -> None:
        super().__init__()
        both = direction == "both"
        self.channels = 2 * width if both else width
        self.layers = nn.ModuleList(
            Lstm(inputs if i == 0 else self.channels, width, bidirectional=both) for i in range(layers)
        )
        self.dropout = 0.0
        """In training: part of the channels after each layer that a sequence goes without, the same at all steps (Gal
        and Ghahramani 2016)."""
        self.backward_layer = tuple(not both and i % 2 == 0 for i in range(layers))

    def forward(self, features: Tensor) -> Tensor:
        """(T, N, inputs) -> (T, N, channels)."""
        for layer, backward in zip(self.layers, self.backward_layer, strict=True):
            if backward:
                features = features.flip(0)
            features = layer(features)[0]
            if backward:
                features = features.flip(0)
            if self.training and self.dropout:
                kept = torch.rand_like(features[:1]) >= self.dropout
                features = features * (kept / (1 - self.dropout)).to(features.dtype)
        return features
