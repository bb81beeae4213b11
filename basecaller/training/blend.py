"""What a model is fine-tuned on: a user's own reads, cut up and joined anew or whole, among signal of their pore.

A few hundred reads are learnt by heart within a few passes. Their signal joined to new sequence (recombine.py), and
drawn signal of sequence that never comes twice, are not, and taught the shipped models most of what they know
(docs/training.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from basecaller.errors import UsageError
from basecaller.labels.dataset import ChunkSource, LabelFile, Mixture
from basecaller.labels.label import Stretch
from basecaller.labels.levels import KmerLevels
from basecaller.model.config import ModelConfig, ScalingMethod
from basecaller.simulate.learn import expected_levels
from basecaller.simulate.learnt.draw import draw_labels
from basecaller.simulate.learnt.model import SignalModel, load_signal_model
from basecaller.simulate.learnt.settings import VARIOUS
from basecaller.simulate.pore import PoreModel, load_pore
from basecaller.simulate.settle import settle
from basecaller.training.recombine import Recombined
from basecaller.training.simulated import SimulatedChunks

SEEN = 2.0
"""How often a drawn sample is seen, on average."""
LEAST_DRAWN, MOST_DRAWN = 1e6, 40e6


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the chunks; the rest are the user's own reads as they are."""

    simulated: float = 0.5
    recombined: float = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Pore:
    """What is known of the pore that the reads went through."""

    levels: KmerLevels
    model: PoreModel | None = None
    """Places bases by their dwell times, and simulates; without it neither is done."""
    signal_model: SignalModel | None = None
    """Draws signal that is closer to real signal than what `model` simulates."""

    def settle(self, stretch: Stretch) -> Stretch:
        """A labelled stretch with its bases where the pore's dwell times place them."""
        return stretch if self.model is None else settle(stretch, self.model)


def pore_of(config: ModelConfig) -> Pore:
    """All that the package knows of a model's pore."""
    model = load_pore(config.chemistry.pore)
    try:
        signal_model = load_signal_model(config.chemistry.pore)
    except UsageError:  # no such model for every pore
        return Pore(expected_levels(model), model)
    fits = signal_model.scaling == config.signal.scaling
    return Pore(expected_levels(model), model, signal_model if fits else None)


def blend(
    own: LabelFile, pore: Pore, shares: Shares, scaling: ScalingMethod, samples: float, drawn: Path, seed: int,
    say: Callable[[str], None],
) -> ChunkSource:
    """A source for a training on so many samples: the used stretches of `own`, as they are and recombined, and others
    simulated, or drawn into the label file `drawn` (used again if it is there) where a signal model is known."""
    sources: list[tuple[ChunkSource, float]] = [(own, 1 - shares.simulated - shares.recombined)]
    try:
        sources.append((Recombined([own], pore.levels), shares.recombined))
    except UsageError as error:
        say(f"no recombined chunks: {error}")
    if shares.simulated > 0 and pore.signal_model is not None and pore.model is not None:
        if not drawn.exists():
            amount = min(max(shares.simulated * samples / SEEN, LEAST_DRAWN), MOST_DRAWN)
            say(f"drawing {amount / 1e6:.0f} M samples of signal")
            draw_labels(drawn, pore.signal_model, pore.model, amount, seed=seed, variety=VARIOUS)
        sources.append((LabelFile(drawn), shares.simulated))
    elif shares.simulated > 0 and pore.model is not None:
        sources.append((SimulatedChunks(pore.model, scaling=scaling), shares.simulated))
    return Mixture(sources)
