"""Overlaps of all reads with all reads, through shared minimizers; PAF in and out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.chain import (
    TRIES,
    chain,
    coarse_table,
    collect,
    group_end,
    position_bits,
    positions,
    stretch,
    trace,
    with_room,
    workspace,
)
from basecaller.assembly.kernel import kernel
from basecaller.assembly.minimizer import CLEAN, NOISY, Sketch, build_index
from basecaller.assembly.parallel import blocks, run_blocks
from basecaller.assembly.readset import ReadSet
from basecaller.errors import BasecallerError
from basecaller.packed import open_unpacked

MAX_GAP = 5000
MIN_SPAN = 500
"""Bases of an overlap, on both reads."""
MIN_ANCHORS = 4
MIN_SCORE = 60.0
MAX_CHAINS = 4
"""Per pair of reads and strand: repeats and small circles meet more than once."""
MOST = 2000
"""A minimizer seen more often than this says nothing."""
SAMPLE = 64
"""Reads by which the error rate is judged."""
NOISY_SHARE = 0.2
Int = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """One row per overlap, columns as in PAF; the start and end are on the forward strand of each read, half open."""

    query: Int
    query_start: Int
    query_end: Int
    reverse: npt.NDArray[np.bool_]
    target: Int
    target_start: Int
    target_end: Int
    matches: Int
    """Bases covered by shared minimizers."""
    span: Int

    def __len__(self) -> int:
        return len(self.query)

    def longer(self, span: int) -> Overlaps:
        """Those of at least `span` bases of both reads."""
        return self.take((self.query_end - self.query_start >= span) & (self.target_end - self.target_start >= span))

    def take(self, rows: npt.NDArray[Any]) -> Overlaps:
        """Some rows, by mask or index."""
        return Overlaps(*(getattr(self, field.name)[rows] for field in fields(self)))


def _from_rows(rows: npt.NDArray[np.int32]) -> Overlaps:
    q, qs, qe, reverse, t, ts, te, matches, span = (np.ascontiguousarray(rows[:, i]) for i in range(9))
    return Overlaps(q, qs, qe, reverse.astype(np.bool_), t, ts, te, matches, span)


@kernel
def _overlap_block(
    codes: Any, offsets: Any, keys: Any, buckets: Any, coarse: Any, field: int, first: int, last: int,
    sketch: Sketch, longest: int, min_span: int,
) -> Any:
    """Overlaps of reads first..last-1 with all reads after each."""
    scratch = (np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.uint8))
    anchors = np.empty(1 << 16, np.uint64)
    score, back, used, path = workspace(len(anchors))
    out = np.empty((1024, 9), np.int32)
    n_out = 0
    for q in range(first, last):
        length = offsets[q + 1] - offsets[q]
        anchors, n = collect(
            codes[offsets[q] : offsets[q + 1]], sketch, keys, buckets, offsets, coarse, field,
            offsets[q + 1], scratch, anchors,
        )
        if n > len(score):
            score, back, used, path = workspace(len(anchors))
        i = 0
        while i < n:
            j = group_end(anchors, i, n, field)
            if j - i >= MIN_ANCHORS:
                chain(anchors, i, j, field, sketch.k, MAX_GAP, score, back)
                used[i:j] = False
                found = 0
                for _ in range(TRIES):
                    count = trace(i, j, score, back, used, path)
                    if count == 0 or score[path[0]] < MIN_SCORE or found == MAX_CHAINS:
                        break
                    if count < MIN_ANCHORS:
                        continue
                    target, reverse, ts, te, qs, qe = stretch(anchors, path, count, sketch.k, field)
                    if qe - qs < min_span or te - ts < min_span:
                        continue
                    found += 1
                    matched = np.int64(sketch.k)
                    for x in range(count - 1):
                        t1, q1 = positions(anchors[path[x]], field)
                        t0, q0 = positions(anchors[path[x + 1]], field)
                        matched += min(t1 - t0, q1 - q0, np.int64(sketch.k))
                    out = with_room(out, n_out)
                    out[n_out, 0] = q
                    out[n_out, 1] = length - qe if reverse else qs
                    out[n_out, 2] = length - qs if reverse else qe
                    out[n_out, 3] = reverse
                    out[n_out, 4] = target
                    out[n_out, 5] = ts
                    out[n_out, 6] = te
                    out[n_out, 7] = matched
                    out[n_out, 8] = max(qe - qs, te - ts)
                    n_out += 1
            i = j
    return out[:n_out].copy()


def find_overlaps(reads: ReadSet, min_span: int = MIN_SPAN, threads: int = 1) -> Overlaps:
    """Each overlap of two different reads once (query before target), at least `min_span` bases on both."""
    if len(reads) < 2:
        return _from_rows(np.zeros((0, 9), np.int32))
    coarse = coarse_table(reads.offsets)
    longest = int(reads.lengths.max())
    field = position_bits(longest, len(reads))
    index = build_index(reads.codes, reads.offsets, CLEAN, MOST, threads)

    def search(first: int, last: int) -> npt.NDArray[np.int32]:
        rows: npt.NDArray[np.int32] = _overlap_block(
            reads.codes, reads.offsets, index.keys, index.buckets, coarse, field, first, last, index.sketch, longest,
            min_span,
        )
        return rows

    if _is_noisy(np.concatenate([search(i, i + 1) for i in range(0, len(reads), 1 + len(reads) // SAMPLE)])):
        index = build_index(reads.codes, reads.offsets, NOISY, MOST, threads)
    return _from_rows(np.concatenate(run_blocks(search, blocks(reads.lengths), threads)))


def _is_noisy(rows: npt.NDArray[np.int32]) -> bool:
    """Whether the overlaps of a sample of reads share so few minimizers that smaller ones are called for."""
    return len(rows) == 0 or bool(np.median(rows[:, 7] / rows[:, 8]) < NOISY_SHARE)


def write_paf(overlaps: Overlaps, names: list[str], lengths: npt.NDArray[np.int64], path: str | Path) -> None:
    """Write overlaps as PAF (twelve columns)."""
    o = overlaps
    with Path(path).open("w", encoding="utf-8") as handle:
        for i in range(len(o)):
            q, t = o.query[i], o.target[i]
            handle.write(
                f"{names[q]}\t{lengths[q]}\t{o.query_start[i]}\t{o.query_end[i]}\t{'-' if o.reverse[i] else '+'}\t"
                f"{names[t]}\t{lengths[t]}\t{o.target_start[i]}\t{o.target_end[i]}\t{o.matches[i]}\t{o.span[i]}\t255\n"
            )


def read_paf(path: str | Path, names: Sequence[str], lengths: npt.NDArray[np.int64] | None = None, *,
             others: bool = False) -> Overlaps:
    """Read a PAF file (gzipped or not) over reads of these names and, if given, `lengths`; self-overlaps are left out.

    A malformed line or one that goes beyond its read raises `BasecallerError`, and so does a read of another name; with
    `others`, overlaps of such reads are passed over, and it is an error only where no overlap is left.
    """
    numbers = {name: i for i, name in enumerate(names)}
    rows: list[tuple[int, ...]] = []
    number = 0
    try:
        with open_unpacked(path) as handle:
            for line in handle:
                number += 1
                f = line.decode().rstrip("\r\n").split("\t")
                query, target = ((int(f[i]), int(f[i + 1])) for i in (2, 7))
                unknown = [name for name in (f[0], f[5]) if name not in numbers]
                if unknown and not others:
                    raise BasecallerError(f"{path}, line {number}: read {unknown[0]!r} is not among the reads given")
                if unknown or f[0] == f[5]:
                    continue
                for name, (start, end) in ((f[0], query), (f[5], target)):
                    if not 0 <= start < end or (lengths is not None and end > lengths[numbers[name]]):
                        raise BasecallerError(f"{path}, line {number}: {start} to {end} does not lie within {name}")
                rows.append((numbers[f[0]], *query, f[4] == "-", numbers[f[5]], *target, int(f[9]), int(f[10])))
    except (IndexError, ValueError):
        raise BasecallerError(f"{path}, line {number}: not a line of PAF") from None
    except (OSError, EOFError, zlib.error) as error:
        raise BasecallerError(f"{path}: cannot be read ({error})") from None
    if number and not rows and others:
        raise BasecallerError(f"{path}: holds no overlap of two of the reads given")
    return _from_rows(np.array(rows, np.int32).reshape(-1, 9))
