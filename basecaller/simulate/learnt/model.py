"""The network that says, sample by sample, whether a strand steps on and what current comes next.

An autoregressive model (as WaveNet is of sound: van den Oord et al. 2016) of a stretch's path through its bases and of
its signal together. By the chain rule their likelihood is a product over samples of

    p(bases stepped on | all before)  p(current | all before, bases stepped on)

An LSTM carries what was before; a convolution over the bases tells what pore and motor hold. The first factor is a
softmax over 0 to `STEPS` - 1 bases, the second a mixture of normal distributions about the level of the base.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from basecaller.errors import UsageError
from basecaller.simulate.pore import find_file

FORMAT = "1"
STEPS = 6
"""A sample is of the same base as the one before, or of one of the next STEPS - 1."""
REACH = 14
"""Bases on either side that a base's context tells of."""
CONTEXT, HIDDEN, WIDTH, STEP_WIDTH, NORMALS = 48, 96, 96, 64, 5
NEIGHBOURS = (-2, -1, 1, 2)
"""Bases whose levels the network sees beside that of the base itself."""
TRAITS = 4
"""Numbers by which whole reads differ: logs of samples a base, of noise, of roughness, and of short bases' share."""
LEAST_LOG, MOST_LOG, TYPICAL_LOG = -6.0, 2.0, -2.3
"""Bounds of a normal's log deviation, and what it starts from."""
PACE = 3.0
"""Logs of dwell times are divided by this."""


class Mixture(NamedTuple):
    """Normal distributions (..., NORMALS) of a sample: log weights, means, and log deviations."""

    weights: Tensor
    means: Tensor
    deviations: Tensor

    def log_density(self, samples: Tensor) -> Tensor:
        """(...) of samples (...)."""
        far = (samples[..., None] - self.means) * torch.exp(-self.deviations)
        return torch.logsumexp(self.weights - 0.5 * far**2 - self.deviations - 0.5 * np.log(2 * np.pi), -1)


class SignalNetwork(nn.Module):
    """See the module. Levels, signal and what comes out are in units of the pore's levels."""

    def __init__(self) -> None:
        super().__init__()
        self.surroundings = nn.Conv1d(5, 64, 2 * REACH + 1, padding=REACH)
        self.context = nn.Conv1d(64, CONTEXT, 1)
        self.lstm = nn.LSTM(2 + len(NEIGHBOURS) + 2 + TRAITS + CONTEXT, HIDDEN)
        self.step = nn.Sequential(nn.Linear(HIDDEN + CONTEXT, STEP_WIDTH), nn.Tanh(), nn.Linear(STEP_WIDTH, STEPS))
        self.current = nn.Sequential(
            nn.Linear(HIDDEN + CONTEXT + 1 + len(NEIGHBOURS) + STEPS, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 3 * NORMALS)
        )
        with torch.no_grad():
            dict(self.lstm.named_parameters())["bias_ih_l0"][HIDDEN : 2 * HIDDEN] = 1  # remember, to begin with

    def contexts(self, bases: Tensor, levels: Tensor) -> Tensor:
        """Bases (N, B) 0..3 and their levels (N, B) -> (N, B, CONTEXT)."""
        seen = nn.functional.one_hot(bases.long(), 4).float().transpose(1, 2)
        around = torch.relu(self.surroundings(torch.cat([seen, levels[:, None]], 1)))
        return self.context(around).transpose(1, 2)  # type: ignore[no-any-return]

    def steps(self, memory: Tensor, context: Tensor) -> Tensor:
        """(..., STEPS) log-probabilities of stepping on by so many bases, from a base of that context."""
        return self.step(torch.cat([memory, context], -1)).log_softmax(-1)  # type: ignore[no-any-return]

    def mixture(self, memory: Tensor, context: Tensor, before: Tensor, level: Tensor, around: Tensor,
                step: Tensor) -> Mixture:
        """The next sample, of a base with that context (..., CONTEXT), level (...) and levels `around` it (..., 4) less
        its own, after the sample `before` (...) and a step (..., STEPS) one-hot."""
        parts = [memory, context, (before - level)[..., None], around, step]
        weights, means, deviations = self.current(torch.cat(parts, -1)).chunk(3, -1)
        return Mixture(weights.log_softmax(-1), means + level[..., None],
                       (deviations + TYPICAL_LOG).clamp(LEAST_LOG, MOST_LOG))


def seen(before: Tensor, level: Tensor, around: Tensor, dwelt: Tensor, dwelt_before: Tensor) -> Tensor:
    """(..., 8) what the LSTM is told of a sample, beside traits and context."""
    return torch.cat([torch.stack([before, before - level], -1), around, torch.stack([dwelt, dwelt_before], -1)], -1)


def levels_around(levels: Tensor) -> Tensor:
    """(N, B) -> (N, B, 4) the levels of the NEIGHBOURS of each base, less its own; beyond the ends they count 0."""
    widest = max(NEIGHBOURS)
    padded = nn.functional.pad(levels, (widest, widest))
    bases = levels.shape[1]
    return torch.stack([padded[:, widest + n : widest + n + bases] for n in NEIGHBOURS], -1) - levels[..., None]


@dataclass(frozen=True, slots=True, eq=False)
class ReadTable:
    """How the stretches that a network has learnt from differ as wholes, a row each."""

    traits: npt.NDArray[np.float32]
    """(R, TRAITS)."""
    scale: npt.NDArray[np.float32]
    """(R,) signal, as scaled for a basecaller, per unit of level..."""
    shift: npt.NDArray[np.float32]
    """(R,) ... and at level 0."""
    group: npt.NDArray[np.int64]
    """(R,) the pore's group of reads."""
    weight: npt.NDArray[np.float32]
    """(R,) how often to draw such a read."""

    @property
    def centre(self) -> npt.NDArray[np.float32]:
        """(TRAITS,) mean of the traits."""
        return np.asarray(self.traits.mean(0), np.float32)

    @property
    def spread(self) -> npt.NDArray[np.float32]:
        """(TRAITS,) deviation of the traits."""
        return np.asarray(self.traits.std(0) + 1e-3, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class SignalModel:
    """A network with the reads that it has learnt from."""

    network: SignalNetwork
    reads: ReadTable
    pore: str
    """Name or path of the pore model whose levels it knows."""
    scaling: str
    """How basecallers' reads were scaled (signal/scale.py)."""

    def standard(self, traits: npt.NDArray[np.float32]) -> Tensor:
        """(N, TRAITS) -> the same with mean 0 and deviation 1 over the reads learnt from."""
        return torch.from_numpy((traits - self.reads.centre) / self.reads.spread)

    def save(self, path: str | Path) -> None:
        """Write as safetensors, to be read by `load_signal_model`."""
        tensors = {f"network.{name}": tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        tensors |= {f"reads.{field.name}": torch.from_numpy(getattr(self.reads, field.name))
                    for field in dataclasses.fields(ReadTable)}
        Path(path).write_bytes(save(tensors, {"format": FORMAT, "pore": self.pore, "scaling": self.scaling}))


def load_signal_model(name_or_path: str | Path = "r9.4.1") -> SignalModel:
    """A signal model that comes with the package (by the name of its pore) or one of your own (by path).

    `UsageError` when there is none such or the file is no signal model.
    """
    path = find_file(name_or_path, ".safetensors", "signal model")
    try:
        with safe_open(str(path), "pt") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise UsageError(f"{path}: signal model of format {about.get('format')}, this version reads {FORMAT}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        network = SignalNetwork()
        network.load_state_dict({name.removeprefix("network."): tensor for name, tensor in tensors.items()
                                 if name.startswith("network.")})
        table = ReadTable(**{field.name: tensors[f"reads.{field.name}"].numpy()
                             for field in dataclasses.fields(ReadTable)})
        return SignalModel(network.eval(), table, about["pore"], about["scaling"])
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise UsageError(f"{path}: not a signal model made by `basecaller simulate fit` ({error})") from None
