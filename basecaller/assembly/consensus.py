"""Consensus by partial-order alignment (Lee 2002), window by window."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import Grid
from basecaller.assembly.mapping import Segments
from basecaller.assembly.readset import ReadSet
from basecaller.bases import decode, encode, reverse_complement

WINDOW = 220
MOST_READS = 16
"""Reads of a window's alignment; the likelihood round after it uses all."""
LEAST_READS = 3
SCORES = (5, -4, -8, -8, -8, -8)
"""Match, mismatch, gap (linear)."""
BATCH = 256


def polish_windows(contigs: list[Contig], grid: Grid, segments: Segments, reads: ReadSet, threads: int = 1
                   ) -> list[Contig]:
    """Each window replaced by the consensus of the reads over it; with fewer than three reads it stays as it is."""
    starts = np.searchsorted(segments.window, np.arange(grid.number + 1))
    jobs = [(contig, window) for contig in range(len(contigs)) for window in grid.windows(contig)]
    batches = [jobs[i : i + BATCH] for i in range(0, len(jobs), BATCH)]

    def texts(batch: list[tuple[int, int]]) -> list[list[str]]:
        return [_pieces(segments, reads, int(starts[w]), int(starts[w + 1])) for _, w in batch]

    results: list[str] = []
    if threads <= 1 or len(batches) == 1:
        for batch in batches:
            results += _align(texts(batch))
    else:
        with ProcessPoolExecutor(threads) as pool:
            for part in pool.map(_align, map(texts, batches)):
                results += part
    pieces: list[list[npt.NDArray[np.uint8]]] = [[] for _ in contigs]
    for (contig, window), result in zip(jobs, results, strict=True):
        start, end = grid.span(contig, window)
        pieces[contig].append(encode(result) if result else contigs[contig].codes[start:end])
    return [replace(contig, codes=np.concatenate(parts)) for contig, parts in zip(contigs, pieces, strict=True)]


def segment_codes(segments: Segments, reads: ReadSet, row: int) -> npt.NDArray[np.uint8]:
    """The bases of one segment, on the strand of the contig."""
    read = reads.read(int(segments.read[row]))
    start, end = int(segments.start[row]), int(segments.end[row])
    if segments.reverse[row]:
        return reverse_complement(read[len(read) - end : len(read) - start])
    return read[start:end]


def _pieces(segments: Segments, reads: ReadSet, first: int, last: int) -> list[str]:
    """The reads over one window, those of middling length first, at most `MOST_READS`."""
    if last - first < LEAST_READS:
        return []
    lengths = segments.end[first:last] - segments.start[first:last]
    order = np.argsort(np.abs(lengths - np.median(lengths)), kind="stable")[:MOST_READS]
    return [decode(segment_codes(segments, reads, first + int(i))) for i in order]


def _align(batch: list[list[str]]) -> list[str]:
    """Consensus of each list of sequences; empty for an empty list."""
    import spoa

    m, n, g, e, q, c = SCORES
    return [
        spoa.poa(texts, algorithm=1, genmsa=False, m=m, n=n, g=g, e=e, q=q, c=c)[0] if texts else "" for texts in batch
    ]
