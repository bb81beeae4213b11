"""How reads err: the probabilities behind a read's likelihood given a sequence, counted from the reads themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import Grid
from basecaller.assembly.kernel import kernel
from basecaller.assembly.mapping import Segments
from basecaller.assembly.readset import ReadSet
from basecaller.assembly.unitcosts import fill_costs

MAX_RUN = 12
"""Runs of one base this long or longer err alike."""
SAMPLE = 400
"""Windows that the counts are taken from."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """Probabilities by the quality that a read gives its base (256 entries; 255: none given) and by run length."""

    match: Floats
    mismatch: Floats
    """Of one certain wrong base."""
    insertion: Floats
    deletion: Floats
    """(MAX_RUN + 1,) of a base that stands in a run of this length."""
    correlation: float
    """Between reads at one place: 0 when they err independently. n reads are worth n / (1 + (n - 1) * correlation)."""
    error: float
    """Mean errors per base."""


@kernel
def run_lengths(codes: Any) -> Any:
    """Length of the run of equal bases that each base stands in."""
    n = len(codes)
    out = np.empty(n, np.int64)
    i = 0
    while i < n:
        j = i
        while j < n and codes[j] == codes[i]:
            j += 1
        out[i:j] = j - i
        i = j
    return out


@kernel
def segment_bases(codes: Any, qualities: Any, offsets: Any, read: int, reverse: bool, start: int, end: int, out: Any,
                  out_quality: Any) -> int:
    """Write the bases and qualities of a stretch of a read, on the strand of the contig; returns how many."""
    first, last = offsets[read], offsets[read + 1]
    for x in range(start, end):
        if reverse:
            at = last - 1 - x
            c = codes[at]
            out[x - start] = 3 - c if c < 4 else c
        else:
            at = first + x
            out[x - start] = codes[at]
        out_quality[x - start] = qualities[at]
    return end - start


@kernel
def _count(codes: Any, qualities: Any, offsets: Any, reads: Any, reverse: Any, starts: Any, ends: Any, template: Any,
           by_quality: Any, by_run: Any, wrong: Any) -> int:
    """Align the segments of one window to it (unit costs) and count what the alignments hold.

    by_quality[q]: matches, mismatches, insertions; by_run[l]: bases, deletions; wrong[i]: reads that err at base i.
    Returns the number of reads counted.
    """
    n = len(template)
    runs = run_lengths(template)
    used = 0
    for s in range(len(reads)):
        m = ends[s] - starts[s]
        x = np.empty(m, np.uint8)
        xq = np.empty(m, np.uint8)
        segment_bases(codes, qualities, offsets, reads[s], reverse[s], starts[s], ends[s], x, xq)
        table = np.empty((n + 1, m + 1), np.int32)
        fill_costs(template, x, table.reshape(-1))
        if table[n, m] * 3 > n:
            continue
        used += 1
        i, j = n, m
        while i > 0 or j > 0:
            if i > 0 and j > 0 and table[i, j] == table[i - 1, j - 1] + (0 if template[i - 1] == x[j - 1] else 1):
                i -= 1
                j -= 1
                same = template[i] == x[j]
                by_quality[xq[j], 0 if same else 1] += 1
                by_run[min(runs[i], MAX_RUN), 0] += 1
                if not same:
                    wrong[i] += 1
            elif i > 0 and table[i, j] == table[i - 1, j] + 1:
                i -= 1
                by_run[min(runs[i], MAX_RUN), 0] += 1
                by_run[min(runs[i], MAX_RUN), 1] += 1
                wrong[i] += 1
            else:
                j -= 1
                by_quality[xq[j], 2] += 1
                wrong[min(i, n - 1)] += 1
    return used


def learn(contigs: list[Contig], grid: Grid, segments: Segments, reads: ReadSet) -> ErrorModel:
    """Count the errors of the reads against the contigs, over windows spread evenly."""
    windows = [(c, w) for c in range(len(contigs)) for w in grid.windows(c)]
    by_quality, by_run = np.zeros((256, 3)), np.zeros((MAX_RUN + 1, 2))
    excess, scale = 0.0, 0.0
    for contig, window in windows[:: 1 + len(windows) // SAMPLE]:
        first, last = np.searchsorted(segments.window, [window, window + 1])
        rows = np.unique(np.linspace(first, last - 1, min(last - first, 30)).astype(np.int64))
        start, end = grid.span(contig, window)
        template = contigs[contig].codes[start:end]
        wrong = np.zeros(len(template))
        n = _count(reads.codes, reads.qualities, reads.offsets, segments.read[rows], segments.reverse[rows],
                   segments.start[rows], segments.end[rows], template, by_quality, by_run, wrong)
        if n < 4:
            continue
        # beta-binomial by moments: what the spread of errors over places has beyond chance
        inner = np.minimum(wrong[5:-5], n)
        share = inner.mean() / n
        excess += float(((inner - n * share) ** 2).sum() - len(inner) * n * share * (1 - share))
        scale += len(inner) * n * (n - 1) * share * (1 - share)
    total = by_quality.sum(axis=0) + np.array([1.0, 0.02, 0.02])
    weight = 200.0  # of the mean rates, in a quality bin with few counts
    counts = by_quality + weight * total / total.sum()
    bases = counts.sum(axis=1)
    mismatch, insertion = counts[:, 1] / bases, counts[:, 2] / bases
    mean_deletion = (by_run[:, 1].sum() + 0.02) / (by_run[:, 0].sum() + 1)
    deletion = (by_run[:, 1] + weight * mean_deletion) / (by_run[:, 0] + weight)
    return ErrorModel(
        match=(1 - mismatch - insertion), mismatch=mismatch / 3, insertion=insertion / 4,
        deletion=np.minimum(np.maximum.accumulate(deletion), 0.4),
        correlation=float(np.clip(excess / scale, 0.0, 0.5)) if scale > 0 else 0.0,
        error=float((total[1] + total[2]) / total.sum() + mean_deletion),
    )
