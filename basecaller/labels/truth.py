"""The known sequence of each read: from a FASTA by read id, or from its call mapped to a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pysam

from basecaller.bases import GAP, Codes, encode
from basecaller.called import read_calls
from basecaller.errors import UsageError
from basecaller.evaluation.alignment import Mapper
from basecaller.labels.dataset import Origin

MAPPING_QUALITY = 30
"""A call is used when its hit is at least this unique."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What went through the pore."""

    bases: Codes
    """(L,) 0..3 = A, C, G, T, in the direction in which the strand went through; larger where unknown."""
    origin: Origin
    """Where it lies in its genome."""


def truth_from_fasta(path: str | Path) -> dict[str, Truth]:
    """True sequences by read id, in the direction of the read.

    A header may say where the sequence lies in its genome, `>read_id contig:start-end` (0-based, half-open).
    """
    try:
        with pysam.FastxFile(str(path)) as handle:
            return {record.name: Truth(encode(record.sequence), _origin(record.comment or "")) for record in handle}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as FASTA ({error})") from None


def _origin(comment: str) -> Origin:
    found = re.search(r"(\S+):(\d+)-(\d+)", comment)
    return Origin(found[1], int(found[2]), int(found[3])) if found else Origin()


def truth_from_calls(calls: str | Path, reference: str | Path, min_identity: float) -> dict[str, Truth]:
    """True sequences by read id: the stretch of the reference that the read's call maps to.

    A call is used when its hit is unique (mapping quality 30 or more) and its identity reaches `min_identity`.
    `UsageError` when none is.
    """
    mapper = Mapper(reference)
    truths = {}
    for call in read_calls(calls):
        hit = mapper.align(call)
        if hit is None or hit.mapping_quality < MAPPING_QUALITY:
            continue
        if (hit.reference == hit.called).mean() < min_identity:
            continue
        origin = Origin(hit.contig, hit.reference_start, hit.reference_end)
        truths[call.name] = Truth(hit.reference[hit.reference != GAP], origin)
    if not truths:
        raise UsageError(f"{calls}: no call maps to {reference} with an identity of {min_identity:g} or more")
    return truths
