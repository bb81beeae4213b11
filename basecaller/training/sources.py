"""Puts together what a training draws from and what it is validated on."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basecaller.errors import UsageError
from basecaller.labels.dataset import Chunk, ChunkSource, LabelFile, Mixture
from basecaller.model.config import ModelConfig
from basecaller.simulate.learn import expected_levels
from basecaller.simulate.pore import load_pore
from basecaller.training.augment import NONE, Augmentation, Augmented
from basecaller.training.recombine import Recombined
from basecaller.training.settings import PIECES, TrainSettings
from basecaller.training.simulated import SimulatedChunks

VALIDATION_CHUNKS = 192
VALIDATION_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What a training works on."""

    source: ChunkSource
    held_out: list[Chunk]
    description: str


def gather(
    labels: list[Path], hold_out: list[str], simulated: float, pore: str, config: ModelConfig, settings: TrainSettings,
    *, augmentation: Augmentation = NONE, recombined: float = 0.0, pieces: tuple[int, int] = PIECES,
    simulated_from: Sequence[Path] = (),
) -> Data:
    """Label files by their `weight`, mixed with the shares `simulated` and `recombined` of such chunks,
    the latter of `pieces` of that many bases (fewest and most), the former of reads of `pore` or from the label files
    `simulated_from`.

    Stretches that touch a region of `hold_out` are not trained on; validation chunks come from them, or are simulated
    where there are none.
    """
    if min(simulated, recombined) < 0 or simulated + recombined > 1 or (simulated < 1 and not labels):
        raise UsageError("the simulated and recombined shares must lie between 0 and 1, together too, and the "
                         "simulated one be 1 where there are no labels")
    rng = np.random.default_rng(VALIDATION_SEED)
    files, aside = open_labels(labels, hold_out)
    for file in files:
        _check_scaling(file, config)
    real = sum(float(file.table.samples[file.use].sum()) for file in files)
    sources: list[tuple[ChunkSource, float]] = [(file, file.weight()) for file in files]
    held = [(file, float(file.table.samples[file.use].sum())) for file in aside]
    total = sum(weight for _, weight in sources) or 1.0
    shares = [(source, weight / total * (1 - simulated - recombined)) for source, weight in sources]
    squiggles: ChunkSource | None = None
    if simulated_from:
        drawn = [LabelFile(path) for path in simulated_from]
        for file in drawn:
            _check_scaling(file, config)
        squiggles = Mixture((file, float(file.table.samples.sum())) for file in drawn)
    elif simulated > 0 or not held:
        squiggles = SimulatedChunks(load_pore(pore), scaling=config.signal.scaling)
    if squiggles is not None:
        shares.append((squiggles, simulated))
    if recombined > 0:
        shares.append((Recombined(files, expected_levels(load_pore(pore)), pieces), recombined))
    source: ChunkSource = Mixture(shares)
    if augmentation != NONE:
        source = Augmented(source, augmentation)
    validation: ChunkSource = Mixture(held) if held else squiggles or source
    description = (f"{real / 1e6:.1f} M labelled samples, " if files else "") + f"{simulated:.0%} simulated, " \
        f"{recombined:.0%} recombined"
    return Data(source, validation.draw(rng, VALIDATION_CHUNKS, settings.samples), description)


def open_labels(paths: Sequence[Path], hold_out: Sequence[str]) -> tuple[list[LabelFile], list[LabelFile]]:
    """Label files without their stretches that touch a region of `hold_out`, and those that have some with them only.

    `UsageError` where no stretch touches any region.
    """
    regions = [_region(text) for text in hold_out]
    files, held = [LabelFile(path) for path in paths], []
    for file in files:
        test = file.within(regions)
        if test.any():
            aside = copy.copy(file)
            aside.use = test
            held.append(aside)
            file.use = ~test
    if regions and not held:
        raise UsageError(f"no labelled stretch touches {', '.join(hold_out)}")
    return files, held


def _check_scaling(file: LabelFile, config: ModelConfig) -> None:
    if file.scaling != config.signal.scaling:
        raise UsageError(f"{file.path}: labelled with {file.scaling} scaling, the model wants "
                         f"{config.signal.scaling}; label with --scaling {config.signal.scaling}")


def _region(text: str) -> tuple[str, int, int]:
    """`contig`, or `contig:start-end` (0-based, half-open)."""
    found = re.fullmatch(r"(.+?):(\d+)-(\d+)", text)
    return (found[1], int(found[2]), int(found[3])) if found else (text, 0, 2**62)
