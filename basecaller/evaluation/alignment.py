"""Called reads against a known reference: mapping them, and laying out the alignment's columns.

Everything downstream (evaluation, calibration, the split for fine-tuning) works on `Alignment`, which always runs in
the read's own direction, 5' to 3' as the strand went through the pore, whichever strand of the reference it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mappy
import numba
import numpy as np
import numpy.typing as npt

from basecaller.bases import GAP, Codes, encode, reverse_complement
from basecaller.called import CalledRead
from basecaller.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The best hit of a read, column by column, in the read's direction."""

    name: str
    length: int
    """Bases of the whole read."""
    start: int
    """First aligned base of the read (0-based)."""
    end: int
    """One past the last aligned base of the read."""
    contig: str
    reference_start: int
    """0-based, on the reference's forward strand."""
    reference_end: int
    """Half-open."""
    strand: int
    """1 forward, -1 reverse."""
    mapping_quality: int
    reference: Codes
    """(K,) codes of the reference's base in each column, `GAP` where the read has a base too many."""
    called: Codes
    """(K,) codes of the read's base in each column, `GAP` where the read lacks one."""
    qualities: npt.NDArray[np.uint8] | None
    """(end - start,) Phred scores of the aligned bases, None where the read has none."""


class Mapper:
    """Maps reads to a reference with minimap2 (preset `map-ont`) and keeps the best primary hit of each."""

    def __init__(self, reference: str | Path) -> None:
        """Index `reference`, a FASTA file (may be gzipped); a file without sequences is a `UsageError`."""
        reference = Path(reference)
        if not reference.is_file():
            raise UsageError(f"{reference}: no such reference file")
        self._aligner = mappy.Aligner(str(reference), preset="map-ont", best_n=1)
        if not self._aligner or not self._aligner.n_seq:
            raise UsageError(f"{reference}: holds no sequence to map to; give a FASTA file")

    def align(self, read: CalledRead) -> Alignment | None:
        """The read's best primary hit, None where it maps nowhere."""
        hit = next((hit for hit in self._aligner.map(read.sequence) if hit.is_primary), None)
        if hit is None:
            return None
        reference = encode(self._aligner.seq(hit.ctg, hit.r_st, hit.r_en))
        cigar = np.array(hit.cigar, dtype=np.int64)
        if hit.strand < 0:
            reference = reverse_complement(reference)
            cigar = cigar[::-1]
        columns = _columns(cigar, np.ascontiguousarray(reference), encode(read.sequence[hit.q_st : hit.q_en]))
        return Alignment(
            name=read.name,
            length=len(read.sequence),
            start=hit.q_st,
            end=hit.q_en,
            contig=hit.ctg,
            reference_start=hit.r_st,
            reference_end=hit.r_en,
            strand=hit.strand,
            mapping_quality=hit.mapq,
            reference=columns[0],
            called=columns[1],
            qualities=None if read.qualities is None else read.qualities[hit.q_st : hit.q_en],
        )


@numba.njit(cache=True)
def _columns(cigar: npt.NDArray[np.int64], reference: Codes, called: Codes) -> Codes:
    """(2, K) codes of reference and read, one column per match, mismatch, inserted or deleted base.

    `cigar` is (n, 2) int64: lengths and operations (0 both, 1 insertion, 2 deletion).
    """
    columns = np.full((2, cigar[:, 0].sum()), GAP, dtype=np.uint8)
    column = i = j = 0
    for length, operation in cigar:
        if operation != 1:
            columns[0, column : column + length] = reference[i : i + length]
            i += length
        if operation != 2:
            columns[1, column : column + length] = called[j : j + length]
            j += length
        column += length
    return columns
