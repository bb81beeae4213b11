"""What single units of the recurrent layers follow: found by correlation, as Karpathy did for characters.

(Karpathy, Johnson and Fei-Fei 2015, Visualizing and understanding recurrent networks.) The unit for a property is
chosen on the first half of the read; the correlation stated is that on the second half, which had no say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.report.inspection import Inspection

Floats = npt.NDArray[np.float32]
RUN = 3
"""Bases of one kind that make a homopolymer here."""
SPEED_BASES = 15
"""Bases on each side over which the speed is measured."""


@dataclass(frozen=True, eq=False)
class Cell:
    """The unit that follows a property of the read best."""

    follows: str
    layer: int
    """Counted from 1, the signal's side."""
    unit: int
    """Counted from 0; in a layer that reads both ways the second half reads backward."""
    backward: bool
    correlation: float
    """Pearson's, on the half of the read that did not choose the unit."""
    activation: Floats
    """(T,)."""

    @property
    def shown(self) -> Floats:
        """(T,) -1 to 1: high where the property holds, whichever way the unit says so, over the unit's own range."""
        middle = np.median(self.activation)
        reach = float(np.quantile(np.abs(self.activation - middle), 0.99)) or 1.0
        return np.asarray(np.sign(self.correlation) * np.clip((self.activation - middle) / reach, -1, 1), np.float32)

    @property
    def short(self) -> str:
        """`homopolymer · L3 u17 ← r 0.61`: the arrow says which way the unit reads."""
        return f"{self.follows} · L{self.layer} u{self.unit} {'←' if self.backward else '→'} r {self.correlation:+.2f}"

    @property
    def name(self) -> str:
        """`homopolymer: layer 3, unit 17, backward (r = +0.61)`."""
        way = "backward" if self.backward else "forward"
        return f"{self.follows}: layer {self.layer}, unit {self.unit}, {way} (r = {self.correlation:+.2f})"


def find_cells(inspection: Inspection, backward_layers: tuple[bool, ...], both: bool) -> tuple[Cell, ...]:
    """For each property the unit that follows it best, among all layers; empty without activations."""
    if not inspection.activations or len(inspection.sequence) < 4 * SPEED_BASES:
        return ()
    half = len(inspection.moves) // 2
    found = []
    for follows, values in properties(inspection).items():
        best = (-1.0, 0, 0)
        for index, layer in enumerate(inspection.activations):
            strength = np.abs(correlation(layer[:half], values[:half]))
            unit = int(np.argmax(strength))
            best = max(best, (float(strength[unit]), index, unit))
        _, index, unit = best
        layer = inspection.activations[index]
        backward = unit >= layer.shape[1] // 2 if both else backward_layers[index]
        held_out = correlation(layer[half:, unit : unit + 1], values[half:])[0]
        found.append(Cell(follows, index + 1, unit, backward, float(held_out), layer[:, unit]))
    return tuple(found)


def properties(inspection: Inspection) -> dict[str, Floats]:
    """What a unit may follow, as (T,) numbers: one per step."""
    moves = inspection.moves
    at = np.maximum(np.cumsum(moves, dtype=np.int64) - 1, 0)
    letters = np.frombuffer(inspection.sequence.encode(), np.uint8)
    dwell = np.diff(np.append(np.flatnonzero(moves), len(moves))).astype(np.float64)
    smooth = np.convolve(np.pad(dwell, SPEED_BASES, mode="edge"), np.ones(2 * SPEED_BASES + 1), "valid")
    bounds = np.flatnonzero(np.concatenate([[True], letters[1:] != letters[:-1], [True]]))
    lengths = np.repeat(np.diff(bounds), np.diff(bounds))
    current = inspection.current[inspection.trimmed :][: len(moves) * inspection.stride]
    padded = np.pad(current, (0, len(moves) * inspection.stride - len(current)), mode="edge")
    found = {
        "homopolymer": (lengths >= RUN)[at],
        **{f"base {base}": (letters == ord(base))[at] for base in "ACGT"},
        "speed": -np.log(smooth)[at],
        "a new base": moves,
        "current": padded.reshape(len(moves), -1).mean(axis=1),
    }
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def correlation(units: Floats, values: Floats) -> npt.NDArray[np.float64]:
    """(units,) Pearson's correlation of the columns of (T, units) with (T,); 0 where either does not vary."""
    x = units - units.mean(axis=0, dtype=np.float64)
    y = values - values.mean(dtype=np.float64)
    scale = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(scale > 0, (x * y[:, None]).sum(axis=0) / scale, 0.0))
