"""A larger network that starts as what a smaller one has learnt.

The wider network computes the same function at first: its first units are those of the narrow one, which do not listen
to the new units yet, and the new units are freshly initialised, so that they have something to offer as soon as
training opens the connections (in the spirit of Net2Net, Chen et al. 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from basecaller.errors import ModelError
from basecaller.model.config import NetworkConfig
from basecaller.model.network import Network
from basecaller.model.states import run_state


def widen(narrow: Network, wide: Network) -> None:
    """Put what `narrow` has learnt into the freshly initialised `wide`, in place; the scores are then the same.

    A CRF head may have a longer state, or a second one for runs: it then tells apart what the other did not, and path
    scores are the same.
    Strides may differ: the kernels see the same samples at other distances, which to the layers behind them is another
    speed of the strand, so that scores are alike but not the same.
    Raises `ModelError` where the networks differ in more than that, or `wide` is the narrower.
    """
    _check(narrow.config, wide.config)
    with torch.no_grad():
        inputs: Sequence[int] = [0]
        for ours, theirs in zip(wide.front_end.layers, narrow.front_end.layers, strict=True):
            if isinstance(ours, nn.Conv1d) and isinstance(theirs, nn.Conv1d):
                outputs = range(theirs.out_channels)
                _put(ours.weight, theirs.weight, outputs, inputs)
                _put(ours.bias, theirs.bias, outputs)
                inputs = outputs
        both = narrow.config.direction == "both"
        old, new = narrow.config.width, wide.config.width
        gates = [gate * new + unit for gate in range(4) for unit in range(old)]
        for ours, theirs in zip(wide.encoder.layers, narrow.encoder.layers, strict=True):
            for name, parameter in theirs.named_parameters():
                kind = "_".join(name.split("_")[:2])
                columns = {"weight_ih": inputs, "weight_hh": range(old)}.get(kind)  # a bias has none
                _put(ours.get_parameter(name), parameter, gates, columns)
            inputs = [*range(old), *range(new, new + old)] if both else range(old)
        rows = _head_rows(narrow.config, wide.config)
        for name, columns in (("linear.weight", inputs), ("linear.bias", None)):
            _put(wide.head.get_parameter(name), narrow.head.get_parameter(name)[rows], range(len(rows)), columns)


def _put(
    target: Tensor | None, source: Tensor | None, rows: Sequence[int], columns: Sequence[int] | None = None
) -> None:
    """Copy `source` into these rows and columns of `target`; the rest of the rows is set to zero."""
    assert target is not None and source is not None
    index = torch.as_tensor(list(rows))
    if columns is None:
        target[index] = source
        return
    block = torch.zeros_like(target[index])
    block[:, torch.as_tensor(list(columns))] = source
    target[index] = block


def _head_rows(narrow: NetworkConfig, wide: NetworkConfig) -> Tensor:
    """For each output of the wide head, the output of the narrow one that says the same."""
    if narrow.head == "ctc":
        return torch.arange(5)
    states, longer = 4**narrow.state_length, 4**wide.state_length
    state, leaving = torch.arange(longer)[:, None], torch.arange(4)[None]
    if longer > states:  # the base that leaves the short state is still part of the long one
        leaving = state // states % 4
    rows: Tensor = (state % states * 4 + leaving).expand(longer, 4).reshape(-1)
    if wide.flip_flop:  # a base more of a run is as likely, whether it leads into its second state or out of it
        same = [rows[run_state(base, longer) * 4 + base] for base in range(4)]
        second = range(states * 4, states * 4 + 4) if narrow.flip_flop else same
        rows = torch.cat([rows, torch.as_tensor(second)])
    return rows


def _check(narrow: NetworkConfig, wide: NetworkConfig) -> None:
    if narrow.beside or wide.beside:
        raise ModelError("a model of several networks cannot be widened; widen each network, then join them")

    def shape(config: NetworkConfig) -> NetworkConfig:
        return replace(config, width=0, state_length=0, flip_flop=False,
                       convolutions=tuple(replace(c, channels=0, stride=1) for c in config.convolutions))

    if shape(narrow) != shape(wide):
        raise ModelError("a model can only be widened into one with the same layers: kernels, activations, "
                         "number of layers, direction and head must be equal")
    before = [c.channels for c in narrow.convolutions] + [narrow.width, narrow.state_length, narrow.flip_flop]
    after = [c.channels for c in wide.convolutions] + [wide.width, wide.state_length, wide.flip_flop]
    if any(new < old for old, new in zip(before, after, strict=True)):
        raise ModelError("a model can only be widened, not made narrower")
    if narrow.flip_flop and narrow.state_length != wide.state_length:
        raise ModelError("a model with second states for runs cannot be widened into longer states")
