"""The whole network: signal in, scores out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from basecaller.model.config import NetworkConfig
from basecaller.model.convolution import FrontEnd, flatten_time
from basecaller.model.recurrent import Encoder


class CtcHead(nn.Module):
    """(T, N, channels) -> (T, N, 5) log-probabilities of blank, A, C, G, T (Graves et al. 2006)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, 5)

    def forward(self, features: Tensor) -> Tensor:
        scores: Tensor = self.linear(features)
        return scores.float().log_softmax(-1)


class CrfHead(nn.Module):
    """(T, N, channels) -> (T, N, states * 5) transition scores; see model/crf.py for what they mean."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.stay_score, self.clamp = config.stay_score, config.clamp
        self.plain, self.flip_flop = 4**config.state_length, config.flip_flop
        self.linear = nn.Linear(channels, self.plain * 4 + (4 if config.flip_flop else 0))

    def forward(self, features: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return self._scores(features)
        moves: Tensor = self.linear(features)
        return self._laid_out(self.clamp * moves.float().tanh(), self.stay_score)

    def _laid_out(self, moves: Tensor, stay: float) -> Tensor:
        """(..., moves) with the stays between them; last the second states, each with the one move into it."""
        first, second = moves[..., : self.plain * 4].unflatten(-1, (self.plain, 4)), moves[..., self.plain * 4 :]
        scores = nn.functional.pad(first, (1, 0), value=stay).flatten(-2)
        if not self.flip_flop:
            return scores
        return torch.cat([scores, nn.functional.pad(second.diag_embed(), (1, 0), value=stay).flatten(-2)], -1)

    def _scores(self, features: Tensor) -> Tensor:
        """The same without gradients, in one piece of memory: the stays have rows of their own in the product."""
        weight = self._laid_out(self.linear.weight.T, 0.0).T
        bias = self._laid_out(self.linear.bias, 0.0)
        scores = nn.functional.linear(features, weight, bias).float().tanh_().mul_(self.clamp)
        scores.unflatten(-1, (-1, 5))[..., 0] = self.stay_score
        return scores


class Network(nn.Module):
    """Convolutions, LSTM layers and a CTC or CTC-CRF head, as a `NetworkConfig` describes them.

    Where the config names further networks, they are in `beside`, and the scores are the mean of all.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stride = config.stride
        self.front_end = FrontEnd(config.convolutions)
        self.encoder = Encoder(self.front_end.channels, config.width, config.layers, config.direction)
        self.head: nn.Module
        if config.head == "ctc":
            self.head = CtcHead(self.encoder.channels)
        else:
            self.head = CrfHead(self.encoder.channels, config)
        self.beside = nn.ModuleList(Network(other) for other in config.beside)

    def forward(self, signal: Tensor) -> Tensor:
        """(N, 1, S) float32 normalised signal -> (T, N, C) float32 scores, T = S // stride.

        CTC: log-probabilities, class 0 the blank, 1..4 = A, C, G, T. CRF: unnormalised transition scores.
        """
        features = self.encoder(flatten_time(self.front_end(signal)))
        scores: Tensor = self.head(features).float()
        for other in self.beside:
            scores = scores + other(signal)
        if self.beside:
            scores = scores / (1 + len(self.beside))
            if self.config.head == "ctc":
                scores = scores.log_softmax(-1)
        return scores

    def parameter_count(self) -> int:
        """Trainable numbers in the network."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def seeded(config: NetworkConfig, seed: int) -> Network:
    """A freshly initialised network, the same for the same seed, leaving torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(config)
