"""Reads against a reference: hits found with minimap2 (mappy), and their SAM records."""

from __future__ import annotations

import array
from dataclasses import dataclass
from pathlib import Path

import mappy
import numpy as np
import pysam

from basecaller.decode.call import Call
from basecaller.errors import UsageError
from basecaller.output.record import unaligned

_MATCH, _INSERTION, _DELETION, _SOFT_CLIP = 0, 1, 2, 4
_REVERSE, _SUPPLEMENTARY = 16, 2048


@dataclass(frozen=True, slots=True)
class Hit:
    """One alignment of a read; coordinates are 0-based and half-open, those of the read as it was called."""

    contig: str
    contig_index: int
    strand: int
    """1 or -1."""
    ref_start: int
    ref_end: int
    read_start: int
    read_end: int
    mapping_quality: int
    cigar: tuple[tuple[int, int], ...]
    """(operation, length) along the reference, without clips; 0 match or mismatch, 1 insertion, 2 deletion."""
    edit_distance: int
    """SAM tag NM."""
    md: str
    """SAM tag MD."""

    def bases(self, operation: int) -> int:
        """Bases under one operation of the CIGAR."""
        return sum(length for code, length in self.cigar if code == operation)

    @property
    def insertions(self) -> int:
        return self.bases(_INSERTION)

    @property
    def deletions(self) -> int:
        return self.bases(_DELETION)

    @property
    def aligned(self) -> int:
        """Read bases that stand opposite a reference base."""
        return self.bases(_MATCH)

    @property
    def correct(self) -> int:
        """Read bases that stand opposite the same reference base."""
        return self.aligned - (self.edit_distance - self.insertions - self.deletions)

    @property
    def score(self) -> int:
        """Alignment score (SAM tag AS) with minimap2's costs of its preset map-ont: 2, -4, gaps 4+2n or 24+n."""
        gaps = sum(min(4 + 2 * n, 24 + n) for code, n in self.cigar if code in (_INSERTION, _DELETION))
        return 2 * self.correct - 4 * (self.aligned - self.correct) - gaps


class Reference:
    """An indexed reference; safe to use from several threads."""

    def __init__(self, path: str | Path) -> None:
        """Index a FASTA file, plain or gzip, or load a minimap2 index; `UsageError` when it cannot be read."""
        self.path = Path(path)
        if not self.path.is_file():
            raise UsageError(f"{self.path}: no such reference file")
        self._aligner = mappy.Aligner(str(self.path), preset="map-ont", best_n=1)
        try:
            names = list(self._aligner.seq_names) if self._aligner else []
        except UnicodeDecodeError:
            names = []
        if not names:
            raise UsageError(f"{self.path}: no reference sequence in it (FASTA, plain or gzip, is expected)")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"{self.path}: two sequences are named {twice}")
        self.contigs: tuple[tuple[str, int], ...] = tuple((name, len(self._aligner.seq(name))) for name in names)
        """(name, length) of each sequence, in the order of the file."""
        self._index = {name: number for number, (name, _) in enumerate(self.contigs)}

    def map(self, sequence: str) -> list[Hit]:
        """Where a read aligns: the main hit first, then those of its other parts (chimeric reads); no repeats."""
        if not sequence:
            return []
        return [
            Hit(
                contig=found.ctg,
                contig_index=self._index[found.ctg],
                strand=found.strand,
                ref_start=found.r_st,
                ref_end=found.r_en,
                read_start=found.q_st,
                read_end=found.q_en,
                mapping_quality=found.mapq,
                cigar=tuple((operation, length) for length, operation in found.cigar),
                edit_distance=found.NM,
                md=found.MD,
            )
            for found in self._aligner.map(sequence, MD=True)
            if found.is_primary
        ]


def aligned(
    call: Call, hits: list[Hit], header: pysam.AlignmentHeader, *, moves: bool = True, group: bool = True
) -> list[pysam.AlignedSegment]:
    """The records of one aligned read: those of its further parts (supplementary) first, the primary one last.

    Bases outside a hit are clipped softly. SEQ and QUAL are turned round for hits of the reverse strand, the tags are
    not: the move table `mv` and the signal positions stay in the order in which the strand went through the pore.
    """
    records = []
    for number, hit in enumerate(hits):
        record = unaligned(call, header, moves=moves, group=group)
        record.flag = (_REVERSE if hit.strand < 0 else 0) | (_SUPPLEMENTARY if number else 0)
        record.reference_id = hit.contig_index
        record.reference_start = hit.ref_start
        record.mapping_quality = hit.mapping_quality
        if hit.strand < 0:
            record.query_sequence = mappy.revcomp(call.sequence)
            record.query_qualities = array.array("B", np.ascontiguousarray(call.qualities[::-1]).tobytes())
        record.cigartuples = _clipped(hit, len(call.sequence))
        record.set_tag("NM", hit.edit_distance, "i")
        record.set_tag("MD", hit.md, "Z")
        record.set_tag("AS", hit.score, "i")
        others = [_split(other, len(call.sequence)) for other in hits if other is not hit]
        if others:
            record.set_tag("SA", "".join(others), "Z")
        records.append(record)
    return records[1:] + records[:1]


def _clipped(hit: Hit, length: int) -> list[tuple[int, int]]:
    """The CIGAR of a hit with the rest of the read, `length` bases in all, clipped softly."""
    left, right = hit.read_start, length - hit.read_end
    if hit.strand < 0:
        left, right = right, left
    ends = [(_SOFT_CLIP, n) for n in (left, right)]
    return [item for item in (ends[0], *hit.cigar, ends[1]) if item[1]]


def _split(hit: Hit, length: int) -> str:
    """One entry of the SAM tag SA."""
    cigar = "".join(f"{n}{'MIDNS'[operation]}" for operation, n in _clipped(hit, length))
    strand = "-" if hit.strand < 0 else "+"
    return f"{hit.contig},{hit.ref_start + 1},{strand},{cigar},{hit.mapping_quality},{hit.edit_distance};"
