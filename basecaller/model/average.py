"""The mean of several models' weights: one network that has learnt less by heart than any of them.

Moments of one training, thousands of steps apart, err on the training reads each in their own way and agree in what is
true of all reads; their mean keeps the latter (Izmailov et al. 2018; Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

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
