"""The contigs of a run: length, circle or not, depth and quality along them, and errors against a reference."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import mappy
import numpy as np
import numpy.typing as npt
import pysam

from basecaller.assembly.gfa import read_table
from basecaller.errors import UsageError
from basecaller.report.folder import RunFolder
from basecaller.report.sample import Sample

Floats = npt.NDArray[np.float64]
MOST_DRAWN = 12
"""Contigs, longest first, that are drawn and checked; the others are listed."""
BINS = 400


@dataclass(frozen=True, eq=False)
class Match:
    """A contig against the reference; columns as in an alignment."""

    aligned: int
    """Bases of the contig that lie on the reference."""
    mismatches: int
    inserted: int
    deleted: int
    columns: int
    pieces: int
    """Alignments that it takes; a circle cut at another place than the reference takes two."""
    target: str

    @property
    def identity(self) -> float:
        errors = self.mismatches + self.inserted + self.deleted
        return 1 - errors / self.columns if self.columns else float("nan")


@dataclass(frozen=True, eq=False)
class Contig:
    """One contig."""

    name: str
    length: int
    circular: bool | None
    """None where it is not recorded."""
    depth: float
    """Mean, as the assembler has it, else as mapped here; NaN when neither is known."""
    quality: float
    """Mean Phred score of the consensus, NaN without."""
    positions: Floats
    """(B,) middle of each bin in bases; empty for a contig that is not drawn."""
    depths: Floats
    """(B,) mean depth in the bin."""
    qualities: Floats
    """(B,) Phred score of the mean error probability in the bin; empty without qualities."""
    match: Match | None = None
    note: str = ""
    """What the assembler says of it."""


@dataclass(frozen=True)
class Unplaced:
    """Reads that reached no contig for one reason."""

    reads: int
    bases: int
    reason: str
    example: str


@dataclass(frozen=True, eq=False)
class Assembly:
    """All contigs, longest first, and the share of the reference that they cover (NaN without a reference)."""

    contigs: tuple[Contig, ...]
    reference_covered: float = float("nan")
    unplaced: tuple[Unplaced, ...] = ()
    depth_step: int = 1
    """Depth was found with every `depth_step`-th read, and multiplied."""

    @property
    def bases(self) -> int:
        return sum(contig.length for contig in self.contigs)


def load_assembly(run: RunFolder, sample: Sample | None, reference: str | Path | None) -> Assembly | None:
    """What the assembly stage left, with the depth of the sampled reads; None when it has not run yet."""
    if run.contigs is None:
        return None
    with pysam.FastxFile(str(run.contigs)) as handle:
        sequences = {entry.name: (entry.sequence or "").upper() for entry in handle}
    names = sorted(sequences, key=lambda name: -len(sequences[name]))
    drawn = names[:MOST_DRAWN]
    facts = read_table(run.contig_table) if run.contig_table else {}
    qualities = _qualities(run.contig_qualities, set(drawn))
    depths = _depths(sample, run.contigs, {name: len(sequences[name]) for name in drawn}) if sample else {}
    matches, covered = _matches({name: sequences[name] for name in drawn}, reference) if reference else ({}, np.nan)
    contigs = []
    for name in names:
        length = len(sequences[name])
        fact = facts.get(name, {})
        along, depth = depths.get(name, np.zeros(0)), _number(fact, "depth")
        quality = qualities.get(name, np.zeros(0, np.uint8))
        errors = 10 ** (quality / -10.0)
        contigs.append(Contig(
            name, length, _circular(name, fact),
            float(along.mean()) if np.isnan(depth) and len(along) else depth,
            float(-10 * np.log10(errors.mean())) if len(errors) else float("nan"),
            _binned(np.arange(length) + 0.5) if name in drawn else np.zeros(0),
            _binned(along), -10 * np.log10(_binned(errors)) if len(errors) else np.zeros(0), matches.get(name),
            fact.get("note") or "",
        ))
    return Assembly(tuple(contigs), float(covered), _unplaced(run.unplaced), sample.step if sample else 1)


def _unplaced(path: Path | None) -> tuple[Unplaced, ...]:
    if path is None:
        return ()
    with path.open(newline="", encoding="utf-8") as handle:
        return tuple(Unplaced(int(row["reads"]), int(row["bases"]), row["reason"], row["example"])
                     for row in csv.DictReader(handle, delimiter="\t"))


def _number(fact: dict[str, str], name: str) -> float:
    try:
        return float(fact[name])
    except (KeyError, ValueError, TypeError):
        return float("nan")


def _circular(name: str, fact: dict[str, str]) -> bool | None:
    said = (fact.get("circular") or "").lower()
    if said:
        return said == "true"
    if name[:3] in ("utg", "ctg") and name[-1:] in "cl":  # miniasm's way of naming
        return name[-1] == "c"
    return None


def _qualities(path: Path | None, wanted: set[str]) -> dict[str, npt.NDArray[np.uint8]]:
    if path is None:
        return {}
    with pysam.FastxFile(str(path)) as handle:
        return {entry.name: np.frombuffer((entry.quality or "").encode(), np.uint8) - np.uint8(33)
                for entry in handle if entry.name in wanted}


def _depths(sample: Sample, contigs: Path, lengths: dict[str, int]) -> dict[str, Floats]:
    """(L,) reads over each base of the contigs, from the primary and supplementary hits of the sampled reads."""
    aligner = mappy.Aligner(str(contigs), preset="map-ont")
    steps = {name: np.zeros(length + 1, np.int64) for name, length in lengths.items()}
    for read in sample.reads:
        for hit in aligner.map(read.sequence):
            if hit.is_primary and hit.ctg in steps:
                steps[hit.ctg][hit.r_st] += 1
                steps[hit.ctg][hit.r_en] -= 1
    return {name: np.cumsum(step[:-1]).astype(np.float64) * sample.step for name, step in steps.items()}


def _binned(values: npt.NDArray[np.generic]) -> Floats:
    """Means over at most `BINS` stretches of equal length."""
    if not len(values):
        return np.zeros(0)
    edges = np.linspace(0, len(values), min(BINS, len(values)) + 1).astype(np.int64)
    return np.asarray(np.add.reduceat(values.astype(np.float64), edges[:-1]) / np.diff(edges))


def _matches(sequences: dict[str, str], reference: str | Path) -> tuple[dict[str, Match], float]:
    """Each contig on the reference, the pieces that lie on bases of it which no better piece has taken."""
    aligner = mappy.Aligner(str(reference), preset="asm20", best_n=50)
    if not aligner:
        raise UsageError(f"{reference}: cannot be read as a FASTA file")
    covered = {name: np.zeros(len(aligner.seq(name)), bool) for name in aligner.seq_names}
    matches = {}
    for name, sequence in sequences.items():
        taken = np.zeros(len(sequence), bool)
        mismatches = inserted = deleted = columns = pieces = 0
        target = ""
        for hit in sorted(aligner.map(sequence), key=lambda hit: -hit.mlen):
            span = slice(hit.q_st, hit.q_en)
            if hit.blen < 200 or taken[span].mean() > 0.2:
                continue
            taken[span] = True
            covered[hit.ctg][hit.r_st : hit.r_en] = True
            added = sum(length for length, kind in hit.cigar if kind == 1)
            lost = sum(length for length, kind in hit.cigar if kind == 2)
            inserted, deleted, columns, pieces = inserted + added, deleted + lost, columns + hit.blen, pieces + 1
            mismatches += hit.blen - hit.mlen - added - lost
            target = target or hit.ctg
        matches[name] = Match(int(taken.sum()), mismatches, inserted, deleted, columns, pieces, target)
    total = sum(map(len, covered.values()))
    return matches, sum(int(c.sum()) for c in covered.values()) / total if total else float("nan")
