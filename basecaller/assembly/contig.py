"""A contig: what the assembler's stages pass on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Contig:
    """One assembled sequence."""

    name: str
    codes: npt.NDArray[np.uint8]
    """(L,) uint8: 0..3."""
    circular: bool
    depth: float = 0.0
    """Mean depth of reads."""
    qualities: npt.NDArray[np.uint8] | None = None
    """(L,) uint8 Phred scores."""
    note: str = ""
    """What a user should know of it: how it was found, what could not be decided."""
