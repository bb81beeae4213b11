"""The convolutional front end: from samples to one feature vector per stride."""

from __future__ import annotations

from torch import Tensor, nn

from basecaller.model.config import Convolution

ACTIVATIONS: dict[str, type[nn.Module]] = {"swish": nn.SiLU, "relu": nn.ReLU, "tanh": nn.Tanh, "none": nn.Identity}


class FrontEnd(nn.Module):
    """Convolutions one after another: (N, 1, S) samples -> (N, channels, S // stride).

    Every convolution is padded so that step t is centred on the samples of its own stride.
    """

    def __init__(self, convolutions: tuple[Convolution, ...]) -> None:
        super().__init__()
        self.stride = 1
        layers: list[nn.Module] = []
        channels = 1
        for c in convolutions:
            layers.append(nn.Conv1d(channels, c.channels, c.kernel, stride=c.stride, padding=c.kernel // 2))
            layers.append(ACTIVATIONS[c.activation]())
            channels = c.channels
            self.stride *= c.stride
        self.layers = nn.Sequential(*layers)
        self.channels = channels

    def forward(self, signal: Tensor) -> Tensor:
        """(N, 1, S) -> (N, channels, S // stride); a remainder of S is cut off."""
        features: Tensor = self.layers(signal)
        return features[:, :, : signal.shape[-1] // self.stride]


def flatten_time(features: Tensor) -> Tensor:
    """(N, channels, T) -> (T, N, channels), the order that the recurrent layers read."""
    return features.permute(2, 0, 1).contiguous()


