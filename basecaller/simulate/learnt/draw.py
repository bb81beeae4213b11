"""Draw labelled signal from a signal model: as much as one likes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from basecaller.errors import UsageError
from basecaller.labels.dataset import LabelWriter, Origin
from basecaller.labels.label import Stretch
from basecaller.simulate.genome import diverse_sequence
from basecaller.simulate.learnt.examples import USUAL_DWELL
from basecaller.simulate.learnt.model import PACE, STEPS, SignalModel, levels_around, seen
from basecaller.simulate.learnt.settings import READ_SAMPLES, Variety
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.settle import EDGE
from basecaller.simulate.squiggle import levels_of

SLOW = 9.3
"""Samples a base from which on a read counts as slow; one sample more, and it does so entirely."""
BEGINNING = 400
"""Samples after which a read is like any other; those before are not used."""
TOGETHER = 512
"""Reads that are drawn side by side."""
SPARE = 0.8
"""A read may be faster than its trait says, down to this many of its samples a base."""
USUAL = Variety()


def draw_labels(
    path: Path, model: SignalModel, pore: PoreModel, samples: float, read_samples: int = READ_SAMPLES, seed: int = 1,
    variety: Variety = USUAL,
) -> tuple[int, int]:
    """Write a label file of about that many drawn samples, the same for the same seed; returns its reads and bases."""
    reads = max(1, round(samples / read_samples))
    drawn = draw_stretches(model, pore, np.random.default_rng([seed, 2]), read_samples, min(TOGETHER, reads), variety)
    bases = 0
    with LabelWriter(path, scaling=model.scaling) as writer:
        for stretch in islice(drawn, reads):
            writer.add(stretch, Origin())
            bases += len(stretch.bases)
    return reads, bases


def draw_stretches(
    model: SignalModel, pore: PoreModel, rng: np.random.Generator, samples: int, together: int = TOGETHER,
    variety: Variety = USUAL,
) -> Iterator[Stretch]:
    """Labelled stretches of `samples` samples each, without end, of sequences as varied as genomes are.

    Signal is scaled as the label files that the model has learnt from; the first base begins within the stretch.
    `UsageError` where the model lets no read stay within its sequence.
    """
    number, reads = 0, model.reads
    slowness = np.clip(np.exp(reads.traits[:, 0].astype(np.float64)) - SLOW, 0, 1)
    chances = reads.weight * (1 + (variety.slow - 1) * slowness)
    spread = variety.traits * reads.spread
    spread[0] *= variety.speed
    while True:
        earlier = number
        rows = rng.choice(len(chances), together, p=chances / chances.sum())
        traits = reads.traits[rows] + spread * rng.standard_normal((together, reads.traits.shape[1]), np.float32)
        calm = rng.uniform(*variety.noise, together).astype(np.float32)
        length = int((BEGINNING + samples) / (np.exp(traits[:, 0].min()) * SPARE)) + 2 * EDGE
        bases = np.stack([diverse_sequence(length, rng) for _ in range(together)])
        levels = np.stack([levels_of(pore, codes, group)
                           for codes, group in zip(bases, reads.group[rows].tolist(), strict=True)])
        signals, places = _draw(model, bases, levels, traits, BEGINNING + samples, int(rng.integers(2**62)), calm)
        signals = signals * reads.scale[rows, None] + reads.shift[rows, None]
        for codes, signal, place in zip(bases, signals, places, strict=True):
            first, last = int(place[BEGINNING - 1]) + 1, int(place[-1]) + 1
            if last >= length - EDGE or last == first:  # the sequence has come to its end, or the strand stalls
                continue
            starts = np.searchsorted(place[BEGINNING:], np.arange(first, last), "left").astype(np.int32)
            yield Stretch(f"drawn{number}", signal[BEGINNING:], codes[first:last], starts, first)
            number += 1
        if number == earlier:
            raise UsageError("the signal model has learnt too little: strands run through at once, or never step on")


@torch.no_grad()
def _draw(
    model: SignalModel, bases: npt.NDArray[np.uint8], levels: Floats, traits: Floats, samples: int, seed: int,
    calm: Floats,
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Signal (N, S) in units of the levels and the base (N, S) of each sample, of sequences (N, B) with levels (N, B).

    `calm` (N,) are factors on the deviation of each read's samples. A read begins at its base EDGE, and stays at the
    one so far from the end when it gets there.
    """
    network, chance = model.network, torch.Generator().manual_seed(seed)
    count, length = bases.shape
    known = torch.from_numpy(levels)
    contexts = network.contexts(torch.from_numpy(bases), known)
    around = levels_around(known)
    # what the LSTM's weights make of the traits stays the same throughout
    split = network.lstm.input_size - traits.shape[1] - contexts.shape[-1]
    lstm = dict(network.lstm.named_parameters())
    told, of_traits, of_context = lstm["weight_ih_l0"].split([split, traits.shape[1], contexts.shape[-1]], 1)
    always = model.standard(traits) @ of_traits.T + lstm["bias_ih_l0"] + lstm["bias_hh_l0"]
    weights = torch.cat([told, of_context, lstm["weight_hh_l0"]], 1).T.contiguous()
    kinds = torch.eye(STEPS)

    calmed = torch.from_numpy(calm)
    rows, place = torch.arange(count), torch.full((count,), EDGE)
    level, near, context = known[rows, place], around[rows, place], contexts[rows, place]
    current = level + 0.1 * torch.randn(count, generator=chance)
    memory = cell = torch.zeros(count, network.lstm.hidden_size)
    dwelt, dwelt_before = torch.zeros(count), torch.full((count,), float(np.log1p(USUAL_DWELL)))
    signals, places = torch.empty(samples, count), torch.empty(samples, count, dtype=torch.int32)
    for t in range(samples):
        told_now = seen(current, level, near, torch.log1p(dwelt) / PACE, dwelt_before / PACE)
        gates = torch.addmm(always, torch.cat([told_now, context, memory], 1), weights)
        into, forget, new, out = gates.chunk(4, 1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
        memory = torch.sigmoid(out) * torch.tanh(cell)
        step = _choose(network.steps(memory, context), chance)
        moved = step > 0
        dwelt_before = torch.where(moved, torch.log1p(dwelt + 1), dwelt_before)
        dwelt = torch.where(moved, torch.zeros(()), dwelt + 1)
        place = (place + step).clamp(max=length - 1 - EDGE)
        level, near, context = known[rows, place], around[rows, place], contexts[rows, place]
        mixture = network.mixture(memory, context, current, level, near, kinds[step])
        kind = _choose(mixture.weights, chance)[:, None]
        deviation = calmed * torch.exp(mixture.deviations.gather(1, kind)[:, 0])
        current = mixture.means.gather(1, kind)[:, 0] + deviation * torch.randn(count, generator=chance)
        signals[t], places[t] = current, place.int()
    return signals.T.numpy(), places.T.numpy()


def _choose(log_chances: Tensor, chance: torch.Generator) -> Tensor:
    """(N, C) log-probabilities -> (N,) one of C each."""
    drawn = torch.rand(len(log_chances), 1, generator=chance)
    return (drawn > log_chances.exp().cumsum(1)[:, :-1]).sum(1)
