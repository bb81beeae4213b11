"""Training chunks out of simulated reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.bases import Codes
from basecaller.model.config import ScalingMethod
from basecaller.signal.scale import METHODS
from basecaller.simulate.genome import diverse_sequence, draw_fragment
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.squiggle import Traits, draw_traits, simulate_signal

CONTEXT = 5
"""Bases given of what stands before a chunk."""
CHUNKS_PER_READ = 3
"""Chunks taken of one simulated read..."""
READ_CHUNKS = 6
"""... which is about this many chunks long, so that it is scaled as a whole read is."""
SPEEDS = 1.6
"""How much wider the speeds of reads are spread than in the few runs that the pore was learnt from: others are slower
or faster."""


class RandomChunks(NamedTuple):
    """Simulated chunks of signal and the bases in them."""

    signals: Floats
    """(n, S) float32, scaled as the whole read that each was cut from."""
    targets: list[Codes]
    """n x (B,) uint8, 0..3: the bases that start in each chunk."""
    starts: list[npt.NDArray[np.int32]]
    """n x (B,) int32: the sample of the chunk at which each starts."""
    contexts: list[Codes]
    """n x (CONTEXT,) the bases before the first."""


def various_traits(pore: PoreModel, rng: np.random.Generator) -> Traits:
    """The traits of a new read, of a speed as various as `SPEEDS` says."""
    traits, usual = draw_traits(pore, rng), float(np.exp(pore.speed[0]))
    return dataclasses.replace(traits, speed=usual * (traits.speed / usual) ** SPEEDS)


def random_chunks(
    pore: PoreModel,
    genomes: Sequence[Codes] | None,
    n: int,
    chunk_samples: int,
    rng: np.random.Generator,
    scaling: ScalingMethod = "med_mad",
) -> RandomChunks:
    """`n` chunks of `chunk_samples` samples of simulated reads, as training wants them.

    Sequences come from `genomes` (codes 0..3, either strand) and, for half of the reads, from `diverse_sequence`;
    all from the latter where `genomes` is None or empty. `scaling` is a method of signal/scale.py.
    """
    signals = np.empty((n, chunk_samples), np.float32)
    targets: list[Codes] = []
    starts: list[npt.NDArray[np.int32]] = []
    contexts: list[Codes] = []
    while len(targets) < n:
        traits = various_traits(pore, rng)
        bases = int(READ_CHUNKS * chunk_samples * traits.speed / pore.sampling_rate) + 50
        given = genomes and rng.random() < 0.5
        codes = draw_fragment(genomes or (), bases, rng) if given else diverse_sequence(bases, rng)
        signal, base_starts = simulate_signal(pore, codes, rng, traits)
        first = int(base_starts[min(CONTEXT, len(codes) - 1)])
        slots = (len(signal) - first) // chunk_samples
        if slots < 1 or len(codes) <= CONTEXT:
            continue
        current = traits.current(signal)
        signal = METHODS[scaling](current).apply(current)
        spare = int(rng.integers(0, len(signal) - first - slots * chunk_samples + 1))
        for slot in rng.permutation(slots)[: min(CHUNKS_PER_READ, n - len(targets))].tolist():
            begin = first + spare + slot * chunk_samples
            inside = slice(*np.searchsorted(base_starts, (begin, begin + chunk_samples)).tolist())
            if inside.start == inside.stop:  # one long stall
                continue
            signals[len(targets)] = signal[begin : begin + chunk_samples]
            targets.append(codes[inside])
            starts.append((base_starts[inside] - begin).astype(np.int32))
            contexts.append(codes[inside.start - CONTEXT : inside.start])
    return RandomChunks(signals, targets, starts, contexts)

