"""Fit a signal network to labelled stretches by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from basecaller.simulate.learnt.examples import Example, Windows, draw_windows, table_of
from basecaller.simulate.learnt.model import STEPS, SignalModel, SignalNetwork, levels_around, seen
from basecaller.simulate.learnt.settings import FitSettings

VALIDATION_BATCHES = 6
"""Batches of held-out windows that progress is measured on."""


@dataclass(frozen=True, slots=True)
class FitProgress:
    """A row of progress: nats a sample, of stepping on and of the current."""

    step: int
    stepping: float
    current: float
    held_out_stepping: float
    """NaN where nothing is held out, like the next."""
    held_out_current: float


def losses(model: SignalModel, windows: Windows) -> tuple[Tensor, Tensor]:
    """Minus the log-likelihood of stepping on and of the current, nats a sample; wrongly labelled samples left out."""
    network, place, signal = model.network, windows.place, windows.signal
    rows = torch.arange(len(place))[:, None]
    context = network.contexts(windows.bases, windows.levels)[rows, place].transpose(0, 1)
    level = windows.levels[rows, place].T
    around = levels_around(windows.levels)[rows, place].transpose(0, 1)
    traits = model.standard(windows.traits).expand(len(level) - 1, -1, -1)
    told = seen(signal.T, level, around, windows.dwelt.T, windows.dwelt_before.T)[:-1]
    memory, _ = network.lstm(torch.cat([told, traits, context[:-1]], -1))
    step = (place[:, 1:] - place[:, :-1]).T.clamp(max=STEPS - 1)
    stepping = -network.steps(memory, context[:-1]).gather(-1, step[..., None])[..., 0]
    mixture = network.mixture(memory, context[1:], signal.T[:-1], level[1:], around[1:],
                              nn.functional.one_hot(step, STEPS).float())
    current = -mixture.log_density(signal.T[1:])
    sound = windows.sound.T[1:]
    total = sound.sum().clamp(min=1)
    return (stepping * sound).sum() / total, (current * sound).sum() / total


def fit(
    examples: list[Example], held_out: list[Example], pore: str, scaling: str, settings: FitSettings,
    report: Callable[[FitProgress], None] = lambda progress: None, start: SignalModel | None = None,
) -> SignalModel:
    """A signal model of the examples; `held_out` ones, which it does not learn from, tell how good it is.

    With `start` it goes on from that model's network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = SignalNetwork()
    if start is not None:
        network.load_state_dict(start.network.state_dict())
    model = SignalModel(network, table_of(examples), pore, scaling)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, betas=(0.9, 0.98),
                                  weight_decay=settings.weight_decay)
    validation = [draw_windows(held_out, np.random.default_rng(i), settings.batch_size, settings.samples)
                  for i in range(VALIDATION_BATCHES)] if held_out else []
    rng = np.random.default_rng(settings.seed)
    running = np.zeros(2)
    for step in range(settings.steps):
        rate = settings.final_rate + (1 - settings.final_rate) * (1 + math.cos(math.pi * step / settings.steps)) / 2
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate * min(1.0, (step + 1) / settings.warmup)
        stepping, current = losses(model, draw_windows(examples, rng, settings.batch_size, settings.samples))
        optimizer.zero_grad(set_to_none=True)
        (stepping + current).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
        optimizer.step()
        values = np.array([float(stepping.detach()), float(current.detach())])
        running = values if step == 0 else 0.97 * running + 0.03 * values
        done = step + 1
        if done % settings.report_every == 0 or done == settings.steps:
            report(FitProgress(done, float(running[0]), float(running[1]), *_validate(model, validation)))
    network.eval()
    return model


def _validate(model: SignalModel, batches: list[Windows]) -> tuple[float, float]:
    if not batches:
        return math.nan, math.nan
    with torch.no_grad():
        found = [[float(loss) for loss in losses(model, windows)] for windows in batches]
    stepping, current = np.mean(found, 0).tolist()
    return stepping, current
