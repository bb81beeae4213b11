"""The mean of several models: of their weights, or of their scores.

The mean of the weights is one network that has learnt less by heart than any of them.

Moments of one training, thousands of steps apart, err on the training reads each in their own way and agree in what is
true of all reads; their mean keeps the latter (Izmailov et al. 2018; Wortsman et al. 2022, "Model soups").

The mean of the scores keeps all networks, which need not be of one training or one width (an ensemble; Hansen and
Salamon 1990): where one of them errs by itself, the others outvote it. It takes the time of all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch

from basecaller.errors import ModelError
from basecaller.model.network import Network


def average(networks: Sequence[Network]) -> Network:
    """A network whose weights are the means of those of one or more networks of one shape; `ModelError` otherwise."""
    if any(network.config != networks[0].config for network in networks):
        raise ModelError("only networks of one shape have a mean")
    mean = copy.deepcopy(networks[0])
    with torch.no_grad():
        for ours, *theirs in zip(mean.parameters(), *(network.parameters() for network in networks), strict=True):
            ours.copy_(torch.stack(theirs).mean(0))
    return mean


def ensemble(networks: Sequence[Network]) -> Network:
    """A network whose scores are the means of those of one or more networks; `ModelError` where they differ in stride,
    head or state length. Networks that are ensembles themselves are taken apart."""
    members = [member for network in networks for member in (network, *network.beside)]
    configs = [replace(member.config, beside=()) for member in members]
    joined = Network(replace(configs[0], beside=tuple(configs[1:])))
    state: dict[str, torch.Tensor] = {}
    for number, member in enumerate(members):
        place = f"beside.{number - 1}." if number else ""
        state |= {place + name: value for name, value in member.state_dict().items() if not name.startswith("beside.")}
    joined.load_state_dict(state)
    return joined.train(networks[0].training)
