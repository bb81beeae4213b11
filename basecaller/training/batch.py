"""From chunks to tensors, and the loss of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from basecaller.labels.dataset import Chunk
from basecaller.model.config import NetworkConfig
from basecaller.model.crf import CrfTargets, banded_targets, crf_loss

BAND = 30
"""Bases by which the lattice of the CRF loss may stray from the labels' positions."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Training examples as tensors."""

    signal: Tensor
    """(N, 1, S) float32."""
    chunks: list[Chunk]
    crf: CrfTargets | None
    """The targets of a CRF network."""


def make_batch(chunks: list[Chunk], network: NetworkConfig) -> Batch:
    """Stack chunks of one length, with the targets that the network's head needs."""
    signal = torch.from_numpy(np.stack([chunk.signal for chunk in chunks])[:, None])
    if network.head == "ctc":
        return Batch(signal, chunks, None)
    k = network.state_length
    targets = [np.concatenate([chunk.context[len(chunk.context) - k :], chunk.bases]) for chunk in chunks]
    crf = banded_targets(targets, [chunk.starts for chunk in chunks], state_length=k,
                         steps=signal.shape[-1] // network.stride, stride=network.stride, band=BAND)
    return Batch(signal, chunks, crf)


def batch_losses(scores: Tensor, batch: Batch, network: NetworkConfig) -> Tensor:
    """(N,) loss of each chunk per target base, nats; infinite where a target does not fit into the steps."""
    if batch.crf is not None:
        return crf_loss(scores, batch.crf, network.state_length)
    lengths = torch.tensor([len(chunk.bases) for chunk in batch.chunks])
    flat = torch.from_numpy(np.concatenate([chunk.bases for chunk in batch.chunks]).astype(np.int64) + 1)
    steps = torch.full((scores.shape[1],), scores.shape[0])
    losses = torch.nn.functional.ctc_loss(scores, flat.to(scores.device), steps, lengths, reduction="none")
    return losses / lengths.to(losses.device).clamp(min=1)


def mean_loss(losses: Tensor) -> Tensor:
    """The mean of the finite losses (a target that does not fit teaches nothing)."""
    finite = torch.isfinite(losses)
    return torch.where(finite, losses, 0.0).sum() / finite.sum().clamp(min=1)
