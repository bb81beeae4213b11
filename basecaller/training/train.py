"""The training loop."""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from basecaller.device import fast_bfloat16, keep_freed_memory
from basecaller.labels.dataset import Chunk, ChunkSource
from basecaller.model.config import ModelConfig
from basecaller.model.network import Network
from basecaller.model.store import save_model
from basecaller.training.augment import DISTURBED, augment
from basecaller.training.batch import Batch, batch_losses, make_batch, mean_loss
from basecaller.training.checkpoint import FILE, load_checkpoint, save_checkpoint
from basecaller.training.optimizer import Optimizer
from basecaller.training.settings import TrainSettings
from basecaller.training.validate import validate


@dataclass(frozen=True, slots=True)
class Progress:
    """A row of the training log."""

    step: int
    samples: int
    seconds: float
    learning_rate: float
    loss: float
    held_out_loss: float
    held_out_identity: float
    disturbed_loss: float
    """Of the same chunks with `augment.DISTURBED` noise, gain, offset and drift: of poorer reads, other flow cells."""
    disturbed_identity: float


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then a cosine from the full rate to `final_rate` of it (Loshchilov and Hutter 2016)."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = min(1.0, (step - settings.warmup) / max(1, settings.steps - settings.warmup))
    floor = settings.final_rate
    return settings.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def train(
    config: ModelConfig,
    network: Network,
    source: ChunkSource,
    held_out: list[Chunk],
    folder: Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    device: str = "cpu",
    report: Callable[[Progress], None] = lambda progress: None,
) -> Network:
    """Train `network`, leaving in `folder` the model (averaged weights), a checkpoint and `training.tsv`.

    With `resume`, goes on from the folder's checkpoint: the same batches in the same order as an unbroken run.
    Returns the averaged network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    network.to(device).train()
    for each in (network, *network.beside):
        each.encoder.dropout = settings.dropout
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = Optimizer(network, settings.learning_rate, settings.weight_decay)
    first, spent = load_checkpoint(folder, network, average, optimizer) if resume and (folder / FILE).exists() else (
        0, 0.0)
    begun = time.monotonic() - spent
    disturbed = [augment(chunk, DISTURBED, np.random.default_rng(i), len(chunk.signal))
                 for i, chunk in enumerate(held_out)]
    running = 0.0
    mixed = settings.bf16 and fast_bfloat16(torch.device(device))
    with ExitStack() as stack:
        log = stack.enter_context(_log(folder / "training.tsv", first))
        for step, batch in enumerate(_batches(source, config, settings, first, stack), start=first):
            torch.manual_seed(settings.seed + (step << 32))  # of the dropout
            with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=mixed):
                scores = network(batch.signal.to(device, non_blocking=True))
            loss = mean_loss(batch_losses(scores, batch, config.network))
            network.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            if torch.isfinite(norm):
                optimizer.step(learning_rate(step, settings))
            _update_average(average, network, min(settings.average, (1 + step) / (10 + step)))
            value = float(loss.detach())
            running = value if step == first else 0.98 * running + 0.02 * value
            done = step + 1
            if done % settings.validate_every == 0 or done == settings.steps:
                # in batches as large as those of training, whose freed memory they fit into
                calm, poor = (validate(average, config.network, config.decode, chunks, settings.batch_size)
                              for chunks in (held_out, disturbed))
                row = Progress(done, done * settings.batch_size * settings.samples, time.monotonic() - begun,
                               learning_rate(step, settings), running, calm.loss, calm.identity, poor.loss,
                               poor.identity)
                log(row)
                save_model(folder, average, config)
                save_checkpoint(folder, done, row.seconds, network, average, optimizer)
                report(row)
    return average.eval()


def _update_average(average: Network, network: Network, decay: float) -> None:
    with torch.no_grad():
        for ours, theirs in zip(average.parameters(), network.parameters(), strict=True):
            ours.lerp_(theirs, 1 - decay)


def _batches(
    source: ChunkSource, config: ModelConfig, settings: TrainSettings, first: int, stack: ExitStack
) -> Iterator[Batch]:
    """The batches from step `first` on, made one ahead in a thread; a step's batch depends on seed and step alone."""
    pool = stack.enter_context(ThreadPoolExecutor(1))

    def make(step: int) -> Batch:
        rng = np.random.default_rng((settings.seed, step))
        return make_batch(source.draw(rng, settings.batch_size, settings.samples), config.network)

    ahead = pool.submit(make, first)
    for step in range(first, settings.steps):
        batch = ahead.result()
        if step + 1 < settings.steps:
            ahead = pool.submit(make, step + 1)
        yield batch


class _log:
    """Appends rows to a TSV; rows after the resumed step are dropped first."""

    def __init__(self, path: Path, first: int) -> None:
        kept: list[list[str]] = []
        if first and path.exists():
            with path.open(newline="") as handle:
                kept = [row for row in csv.reader(handle, delimiter="\t") if row and row[0].isdigit()
                        and int(row[0]) <= first]
        self.handle = path.open("w", newline="")
        self.writer = csv.writer(self.handle, delimiter="\t", lineterminator="\n")
        self.writer.writerow(Progress.__dataclass_fields__)
        self.writer.writerows(kept)
        self.handle.flush()  # a run that is killed before its next row keeps those of before

    def __call__(self, row: Progress) -> None:
        self.writer.writerow([getattr(row, name) if isinstance(getattr(row, name), int)
                              else f"{getattr(row, name):.6g}" for name in Progress.__dataclass_fields__])
        self.handle.flush()

    def __enter__(self) -> _log:
        return self

    def __exit__(self, *error: object) -> None:
        self.handle.close()
