"""A contig: what the assembler's stages pass on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.bases import decode, n50


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

    @property
    def sequence(self) -> str:
        """Its bases as letters."""
        return decode(self.codes)


def expected_errors(contig: Contig) -> float:
    """Wrong bases that the contig's qualities predict."""
    if contig.qualities is None:
        return float("nan")
    return float((10.0 ** (-contig.qualities.astype(float) / 10)).sum())


def sizes(contigs: Sequence[Contig]) -> dict[str, object]:
    """Of all contigs together: bases, N50, and the errors that their qualities predict."""
    return {
        "assembled_bases": sum(len(contig.codes) for contig in contigs),
        "n50": n50([len(contig.codes) for contig in contigs]),
        "expected_errors": round(sum(expected_errors(contig) for contig in contigs), 2),
    }
