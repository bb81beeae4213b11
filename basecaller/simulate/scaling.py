"""A table by which reads of a pore are scaled (signal/scale.py), from simulated reads, whose levels are known."""

from __future__ import annotations

import dataclasses

import numpy as np

from basecaller.signal.scale import LevelTable, med_mad
from basecaller.simulate.chunks import various_traits
from basecaller.simulate.genome import diverse_sequence, random_genome
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.squiggle import simulate_signal

READS = 6_000
LENGTHS = (600, 1_500)
"""Bases of the shortest and the longest read, which are as long as the windows that reads are judged by."""
AT = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)
"""Quantiles."""
COMPOSITIONS = (0.3, 0.7)
"""Shares of G and C in a read."""
ODD = 6
"""One read in this many is of a sequence with statistics of its own (see `diverse_sequence`)."""
RIDGE = 10.0
ORDINARY = (0.005, 0.995)
"""Quantiles of the reads between which they are taken as they are."""
FURTHEST = 4.0
"""Deviations of the simulated reads by which a read may differ from the mean."""


def learn_scaling(pore: PoreModel, rng: np.random.Generator, reads: int = READS) -> LevelTable:
    """Ridge regression of the levels' mean and deviation, in a signal scaled by `med_mad`, on its quantiles."""
    quantiles, found = np.empty((reads, len(AT))), np.empty((reads, 2))
    for i in range(reads):
        length = int(rng.integers(*LENGTHS))
        odd = i % ODD == 0
        codes = diverse_sequence(length, rng) if odd else random_genome(length, rng, rng.uniform(*COMPOSITIONS))
        traits = various_traits(pore, rng)
        signal, _ = simulate_signal(pore, codes, rng, traits)
        current = traits.current(signal)
        rough = med_mad(current)
        quantiles[i] = np.quantile(rough.apply(current), AT)
        found[i] = (traits.shift - rough.shift) / rough.scale, traits.scale / rough.scale
    middle, width = quantiles.mean(axis=0), quantiles.std(axis=0)
    inputs = np.column_stack([np.ones(reads), (quantiles - middle) / width])
    weights = np.linalg.solve(inputs.T @ inputs + RIDGE * np.diag([0.0] + [1.0] * len(AT)), inputs.T @ found)
    weights[1:] /= width[:, None]
    weights[0] -= middle @ weights[1:]
    shift, scale = found.mean(axis=0)
    # a read that stood still for half of its time is no measure of how reads differ
    far = FURTHEST * np.clip(found, *np.quantile(found, ORDINARY, axis=0)).std(axis=0)
    return LevelTable(np.array(AT), weights[:, 0], weights[:, 1], (float(shift), float(scale)),
                      (float(far[0]), float(far[1] / scale)))


def as_json(table: LevelTable) -> str:
    """The table as signal/scale.py reads it."""
    fields = dataclasses.asdict(table)
    rows = [f'  "{name}": {[float(f"{value:.6g}") for value in values]}' for name, values in fields.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"
