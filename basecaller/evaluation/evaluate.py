"""`evaluate`: the accuracy of called reads against a known reference, as one pass over the reads.

Each read of at least `min_length` bases is mapped, and its best primary hit is scored:
identity = matching bases / alignment columns (matches + mismatches + inserted + deleted bases).
"""

from __future__ import annotations

import multiprocessing
import signal
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import TextIO

import numpy as np

from basecaller.called import CalledRead, read_calls
from basecaller.decode.quality import mean_qscore
from basecaller.evaluation.alignment import Mapper
from basecaller.evaluation.reliability import calibration_error
from basecaller.evaluation.tally import Tally

MIN_LENGTH = 200
_BATCH_BASES = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadScore:
    """One row of `reads.tsv`; a read that maps nowhere has no contig and all zeros."""

    read_id: str
    length: int
    aligned: int = 0
    """Bases of the read between the ends of its hit."""
    matches: int = 0
    mismatches: int = 0
    inserted: int = 0
    deleted: int = 0
    identity: float = 0.0
    mean_q: float = float("nan")
    """Of the whole read, from its qualities; NaN where it has none."""
    contig: str = ""
    start: int = 0
    end: int = 0
    strand: str = ""
    mapping_quality: int = 0


@dataclass(slots=True)
class Evaluation:
    """What `evaluate` found."""

    reads: int = 0
    """Reads of at least the minimal length."""
    bases: int = 0
    """Bases of the mapped reads."""
    mapped_bases: int = 0
    """Of these, bases between the ends of the reads' hits."""
    identities: array[float] = field(default_factory=lambda: array("d"))
    """One per mapped read."""
    mean_qs: array[float] = field(default_factory=lambda: array("d"))
    """One per mapped read."""
    tally: Tally = field(default_factory=Tally)

    def add(self, scores: Iterable[ReadScore], tally: Tally) -> None:
        """Add reads and the counts over their alignments."""
        self.tally.merge(tally)
        for score in scores:
            self.reads += 1
            if score.contig:
                self.bases += score.length
                self.mapped_bases += score.aligned
                self.identities.append(score.identity)
                self.mean_qs.append(score.mean_q)

    def summary(self) -> dict[str, int | float]:
        """Counts and rates, rounded to four places; only the counts where nothing maps."""
        found: dict[str, int | float] = {"reads": self.reads, "mapped": len(self.identities)}
        if not self.identities:
            return found
        columns = self.tally.columns / self.tally.columns.sum()
        found |= {
            "mapped_bases": self.mapped_bases,
            "read_coverage": self.mapped_bases / self.bases,
            "median_identity": float(np.median(self.identities)),
            "mean_identity": float(np.mean(self.identities)),
            "pooled_identity": float(columns[0]),
            "mismatch": float(columns[1]),
            "insertion": float(columns[2]),
            "deletion": float(columns[3]),
        }
        quality = self.tally.quality
        error = calibration_error(quality[:, 0], quality[:, 3] / 2)
        if error is not None:
            found["calibration_error"] = error
        return {key: round(value, 4) for key, value in found.items()}


def evaluate(
    calls: str | Path,
    reference: str | Path,
    *,
    min_length: int = MIN_LENGTH,
    threads: int = 1,
    per_read: TextIO | None = None,
) -> Evaluation:
    """Score the reads of a FASTA, FASTQ, SAM or BAM file against a FASTA reference.

    The counts do not depend on `threads` (processes that map; the index is shared). `per_read` gets the table of
    reads, in stored order, as they are scored. Raises `UsageError` for missing files, `ReadError` for broken ones.
    """
    scorer = _Scorer(Mapper(reference))
    evaluation = Evaluation()
    if per_read:
        per_read.write("\t".join(column.name for column in fields(ReadScore)) + "\n")
    batches = _batches(read for read in read_calls(calls) if len(read.sequence) >= min_length)
    for scores, tally in _map(scorer, batches, threads):
        evaluation.add(scores, tally)
        if per_read:
            per_read.writelines(_row(score) for score in scores)
    return evaluation


class _Scorer:
    """Maps and counts a batch of reads."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper

    def __call__(self, reads: list[CalledRead]) -> tuple[list[ReadScore], Tally]:
        tally = Tally()
        return [self._score(read, tally) for read in reads], tally

    def _score(self, read: CalledRead, tally: Tally) -> ReadScore:
        mean_q = float("nan") if read.qualities is None else mean_qscore(read.qualities)
        hit = self._mapper.align(read)
        if hit is None:
            return ReadScore(read.name, len(read.sequence), mean_q=mean_q)
        columns = tally.add(hit)
        matches, mismatches, inserted, deleted = columns.tolist()
        return ReadScore(
            read_id=read.name,
            length=hit.length,
            aligned=hit.end - hit.start,
            matches=matches,
            mismatches=mismatches,
            inserted=inserted,
            deleted=deleted,
            identity=matches / int(columns.sum()),
            mean_q=mean_q,
            contig=hit.contig,
            start=hit.reference_start,
            end=hit.reference_end,
            strand="+" if hit.strand > 0 else "-",
            mapping_quality=hit.mapping_quality,
        )


_inherited: _Scorer | None = None
"""Set in forked processes only: the parent's scorer, whose index cannot be sent."""


def _inherit(scorer: _Scorer) -> None:
    global _inherited
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    _inherited = scorer


def _score_batch(reads: list[CalledRead]) -> tuple[list[ReadScore], Tally]:
    assert _inherited is not None
    return _inherited(reads)


def _map(
    scorer: _Scorer, batches: Iterator[list[CalledRead]], threads: int
) -> Iterator[tuple[list[ReadScore], Tally]]:
    """Score batches in order, in forked processes (mappy holds Python's lock) where there are to be several."""
    if threads == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(scorer, batches)
        return
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(threads, mp_context=fork, initializer=_inherit, initargs=(scorer,)) as pool:
        waiting: deque[Future[tuple[list[ReadScore], Tally]]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_score_batch, batch))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(reads: Iterable[CalledRead]) -> Iterator[list[CalledRead]]:
    batch: list[CalledRead] = []
    bases = 0
    for read in reads:
        batch.append(read)
        bases += len(read.sequence)
        if bases >= _BATCH_BASES:
            yield batch
            batch, bases = [], 0
    if batch:
        yield batch


def _row(score: ReadScore) -> str:
    return "\t".join(f"{value:.5f}" if isinstance(value, float) else str(value) for value in astuple(score)) + "\n"
