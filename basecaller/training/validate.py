"""Loss and identity of a network on chunks with known bases: the curve of a training."""

from __future__ import annotations

from dataclasses import dataclass

import edlib
import numpy as np
import torch

from basecaller.decode import decode_batch
from basecaller.labels.dataset import Chunk
from basecaller.model.config import BASES, DecodeConfig, NetworkConfig
from basecaller.model.network import Network
from basecaller.training.batch import batch_losses, make_batch, mean_loss


@dataclass(frozen=True, slots=True)
class Validation:
    """How well a network does on chunks it was not trained on."""

    loss: float
    """Nats per base."""
    identity: float
    """Matches over alignment columns, pooled over all chunks (global alignment, unit costs)."""


def validate(network: Network, config: NetworkConfig, decode: DecodeConfig, chunks: list[Chunk],
             batch_size: int = 64) -> Validation:
    """Call chunks and compare with their bases."""
    device = next(network.parameters()).device
    matches = columns = 0
    losses = []
    was_training = network.training
    network.eval()
    with torch.inference_mode():
        for i in range(0, len(chunks), batch_size):
            part = chunks[i : i + batch_size]
            batch = make_batch(part, config)
            scores = network(batch.signal.to(device))
            losses.append(batch_losses(scores, batch, config).cpu())
            for chunk, called in zip(part, decode_batch(scores.cpu().numpy(), config, decode), strict=True):
                truth = "".join(np.array(list(BASES))[chunk.bases])
                same, width = matching_columns(called.sequence, truth)
                matches, columns = matches + same, columns + width
    network.train(was_training)
    return Validation(float(mean_loss(torch.cat(losses))), matches / max(columns, 1))


def matching_columns(query: str, target: str) -> tuple[int, int]:
    """Matches and columns of the global alignment of two sequences (edlib, unit costs)."""
    if not query or not target:
        return 0, len(query) + len(target)
    cigar: str = edlib.align(query, target, mode="NW", task="path")["cigar"]
    matches = columns = number = 0
    for letter in cigar:
        if letter.isdigit():
            number = number * 10 + int(letter)
            continue
        columns += number
        matches += number if letter == "=" else 0
        number = 0
    return matches, columns
