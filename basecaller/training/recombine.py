"""New sequence in real signal: labelled reads cut where their context agrees, and joined crosswise.

A network that sees the same reads many times learns their sequence by heart, and is no better on others. Here a chunk
is a walk through all labelled reads: a few bases of one, then, at a k-mer that occurs elsewhere too, a few bases of
another that goes on from that k-mer. Within the reach of the pore the signal is that of the sequence it is labelled
with, and it is real; what comes next cannot be known from what was there before, nor from the speed and the noise of
the run, since every chunk aims at a composition of its own. Reads are brought to a common scale by
the levels of the pore model, and every chunk gets the scale of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from basecaller.bases import kmers
from basecaller.errors import UsageError
from basecaller.labels.align import event_means
from basecaller.labels.dataset import CONTEXT, Chunk, LabelFile
from basecaller.labels.levels import KmerLevels
from basecaller.training.settings import PIECES

LONGEST_JOIN = 7
"""Most bases around a crossing that both reads share, so that a megabase of reads has many that do; one more than the
k-mers of the levels where those are shorter."""
STEP = 0.3
"""Least change of level where reads are joined, so that the boundary is where the labels say."""
LONGEST_DWELL = 60
"""Samples of a base that count towards the speed, at most; what is more is a stall."""
FIT = 0.75
"""Least correlation of a stretch's signal with the levels at the places of its bases. Forced alignment gives 0.95 and
more; a caller's moves, which come a stride too early or late, give 0.5, and pieces cut there would miss or double
signal of a base."""
CHOICE = 24
"""Places to go on from that are drawn at each crossing, of which the one that suits the walk best is taken."""
COMPOSITIONS = (0.25, 0.75)
"""Shares of G and C that walks aim at: a network learns how common bases are where the signal leaves a doubt, and
should take it from the read, not from the few genomes that are labelled."""
AHEAD = 10
"""Bases by which the composition at a place is told."""
NEAR = 32
"""Bases on either side by which the speed at a place is told."""
POOL = 30_000_000
"""Samples held in memory; of larger label files a random part."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """All stretches end to end."""

    signal: npt.NDArray[np.float16]
    """(S,) on the scale of the levels."""
    bases: npt.NDArray[np.uint8]
    """(B,)."""
    starts: npt.NDArray[np.int64]
    """(B,) first sample of each base."""
    reads: npt.NDArray[np.int64]
    """(R + 1,) first base of each stretch."""
    scalings: npt.NDArray[np.float64]
    """(R, 2) shift and scale that each stretch came with."""
    files: npt.NDArray[np.int64]
    """(R,) the label file that each stretch is of."""
    manner: npt.NDArray[np.float32]
    """(B, 2) log of the speed around each base and of the noise of its stretch, each over its deviation."""
    composition: npt.NDArray[np.float32]
    """(B,) share of G and C among the bases from each on, over its deviation."""
    deviation: float
    """That deviation."""


class Recombined:
    """A source of chunks recombined from those stretches of label files whose bases are where the signal changes."""

    def __init__(self, files: list[LabelFile], levels: KmerLevels, pieces: tuple[int, int] = PIECES) -> None:
        """`pieces`: fewest and most bases of a piece. Raises `UsageError` where there is nothing to recombine."""
        if not 1 <= pieces[0] <= pieces[1]:
            raise UsageError(f"pieces of {pieces[0]} to {pieces[1]} bases: give the fewest first, at least 1")
        self.pieces = pieces
        pool, joinable = _load(files, levels, pieces[1])
        kind = np.repeat(pool.files, np.diff(pool.reads))
        self.pool = pool
        places = np.flatnonzero(joinable)
        join = min(levels.k + 1, LONGEST_JOIN)
        code = kmers(pool.bases, join)[places - min(levels.centre, join // 2)]
        order = np.argsort(code, kind="stable")
        self.places = places[order]
        """Places to cross over, by k-mer."""
        ordered = code[order]
        self.starting = [self.places[kind[self.places] == file] for file in np.unique(kind[self.places])]
        """Those of each label file: all files begin as many walks, since runs differ and the largest shall not rule."""
        self.first = np.searchsorted(ordered, ordered, side="left")
        self.last = np.searchsorted(ordered, ordered, side="right")
        self.rank = np.full(len(pool.bases), -1, np.int64)
        self.rank[self.places] = np.arange(len(places))
        self.following = _following(joinable, pool.reads)
        """The next place to cross over at or after each base of the same read, -1 where there is none."""
        if len(places) < 2:
            raise UsageError("too little labelled signal to recombine")

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` random chunks of `samples` samples."""
        chunks: list[Chunk] = []
        while len(chunks) < count:
            chunk = self._walk(rng, samples)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _walk(self, rng: np.random.Generator, samples: int) -> Chunk | None:
        """A chunk, None where the walk ran into the end of a read."""
        pool, (fewest, most) = self.pool, self.pieces
        begins = self.starting[rng.integers(len(self.starting))]
        place = int(begins[rng.integers(len(begins))])
        manner = pool.manner[place]
        composition = rng.uniform(*COMPOSITIONS) / pool.deviation
        context = pool.bases[place - CONTEXT : place]
        signal, bases, starts = [], [], []
        length = 0
        while length < samples:
            wanted = place + int(rng.integers(fewest, most + 1))
            end = int(self.following[wanted]) if wanted < len(self.following) else -1
            if not 0 <= end - wanted <= most + 1:  # no place to cross over, or not for long
                return None
            begin, stop = pool.starts[place], pool.starts[end]
            signal.append(pool.signal[begin:stop])
            bases.append(pool.bases[place:end])
            starts.append(pool.starts[place:end] - begin + length)
            length += int(stop - begin)
            rank = self.rank[end]
            places = self.places[rng.integers(self.first[rank], self.last[rank], CHOICE)]
            unlike = ((pool.manner[places] - manner) ** 2).sum(axis=1)
            unlike += (pool.composition[places] - composition) ** 2
            place = int(places[unlike.argmin()])
        shift, scale = pool.scalings[rng.integers(len(pool.scalings))]
        joined = np.concatenate(signal)[:samples].astype(np.float32) * np.float32(scale) + np.float32(shift)
        at = np.concatenate(starts)
        used = int(np.searchsorted(at, samples))
        return Chunk(joined, context, np.concatenate(bases)[:used], at[:used].astype(np.int32))


def _load(files: list[LabelFile], levels: KmerLevels, longest: int) -> tuple[_Pool, npt.NDArray[np.bool_]]:
    """The pool, and where its reads may be cut: at a clear change of level with all of the context around it, and at
    least the `longest` piece before the end."""
    rows = [(number, int(row)) for number, file in enumerate(files) for row in np.flatnonzero(file.use)]
    chosen = np.random.default_rng(0).permutation(len(rows))
    signals, bases, starts, scalings, numbers, joinable = [], [], [], [], [], []
    samples = 0
    for index in chosen:
        number, row = rows[index]
        if samples >= POOL:
            break
        raw, own, begins = files[number].stretch(row)
        if len(own) < 100:
            continue
        expected, _ = levels.of(own)
        means, clean = event_means(raw, begins[levels.centre : levels.centre + len(expected) + 1])
        if clean.sum() < 50:
            continue
        wanted, found = expected[: len(means)][clean], means[clean]
        scale, shift = np.polyfit(wanted, found, 1)
        if not (scale > 0.3 and np.corrcoef(wanted, found)[0, 1] > FIT):
            continue
        step = np.zeros(len(own), bool)
        inside = slice(levels.centre + 1, levels.centre + len(expected))
        step[inside] = np.abs(np.diff(expected)) > STEP
        step[: max(CONTEXT, levels.centre)] = False
        step[len(own) - max(levels.k, longest + 1) :] = False  # a piece ends in its own read
        signals.append(((raw - shift) / scale).astype(np.float16))
        bases.append(own)
        starts.append(begins.astype(np.int64) + samples)
        joinable.append(step)
        scalings.append((shift, scale))
        numbers.append(number)
        samples += len(raw)
    if not signals:
        raise UsageError("no labelled stretch is long enough, and placed well enough, to recombine")
    reads = np.cumsum([0] + [len(own) for own in bases])
    signal, first = np.concatenate(signals), np.concatenate(starts)
    joined = np.concatenate(bases)
    composition = _composition(joined)
    deviation = max(float(composition.std()), 1e-6)
    pool = _Pool(signal, joined, first, reads, np.array(scalings), np.array(numbers), _manner(signal, first, reads),
                 composition / np.float32(deviation), deviation)
    return pool, np.concatenate(joinable)


def _manner(
    signal: npt.NDArray[np.float16], starts: npt.NDArray[np.int64], reads: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """(B, 2) how fast the strand is around each base, and how noisy its stretch: logs, over their deviations."""
    dwell = np.minimum(np.diff(starts, append=len(signal)), LONGEST_DWELL)
    sums, base, sizes = np.concatenate([[0], np.cumsum(dwell)]), np.arange(len(dwell)), np.diff(reads)
    first = np.maximum(base - NEAR, np.repeat(reads[:-1], sizes))
    last = np.minimum(base + NEAR, np.repeat(reads[1:], sizes))
    pace = np.log(np.maximum((sums[last] - sums[first]) / (last - first), 0.1))
    rough = np.array([np.median(np.abs(np.diff(signal[starts[a] : starts[b - 1]].astype(np.float32))))
                      for a, b in pairwise(reads.tolist())])
    noise = np.repeat(np.log(np.maximum(rough, 1e-3)), sizes)
    logs = np.stack([pace, noise], axis=1)
    return np.asarray((logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-6), np.float32)


def _composition(bases: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(B,) share of G and C among the AHEAD bases from each on."""
    sums = np.concatenate([[0], np.cumsum((bases == 1) | (bases == 2))])
    last = np.minimum(np.arange(len(bases)) + AHEAD, len(bases))
    return np.asarray((sums[last] - sums[:-1]) / (last - np.arange(len(bases))), np.float32)


def _following(joinable: npt.NDArray[np.bool_], reads: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(B,) index of the next joinable base at or after each in its own read, -1 where there is none."""
    index = np.where(joinable, np.arange(len(joinable)), len(joinable))
    following = np.minimum.accumulate(index[::-1])[::-1]
    end = np.repeat(reads[1:], np.diff(reads))
    return np.where(following < end, following, -1)
