"""Labels: which base of a known sequence every stretch of a read's signal belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.labels.align import SignalAlignment, align_signal, fit_scaling
from basecaller.labels.levels import KmerLevels

BANDS = (600, 3000)
"""Bands tried in turn, until the alignment is good."""
GOOD_SCORE = 0.8
"""Mean log-likelihood ratio per sample of a read that is aligned right (a lost band gives 0.3 to 0.5)."""
WINDOW = 25
"""k-mers over which the fit is judged."""
WINDOW_SCORE = 0.5
"""A base is trusted when the mean score over its window is at least this."""
WINDOW_SKIPS = 4
"""... at most this many k-mers of the window were skipped."""
LONGEST_DWELL = 600
"""... and none of it stood longer than this many samples."""
SHORTEST_STRETCH = 100
"""Trusted bases in a row that make a stretch."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A piece of signal whose bases are known and trusted."""

    read_id: str
    signal: npt.NDArray[np.float32]
    """(S,) float32, normalised as the whole read is."""
    bases: npt.NDArray[np.uint8]
    """(B,) 0..3."""
    starts: npt.NDArray[np.int32]
    """(B,) the sample of `signal` at which each base starts; never decreasing."""
    first: int
    """Index of bases[0] in the known sequence."""


def align_read(
    signal: npt.NDArray[np.float32], bases: npt.NDArray[np.uint8], levels: KmerLevels, rounds: int = 3
) -> tuple[SignalAlignment, tuple[float, float]] | None:
    """Align a read's normalised signal (S,) to its bases, refining shift and scale in rounds.

    Returns the alignment of its k-mers and the (shift, scale) under which the signal fits the levels; None when
    no alignment is good enough to trust.
    """
    if len(bases) < levels.k + 1 or (bases > 3).any():
        return None
    expected, spread = levels.of(bases)
    best: tuple[SignalAlignment, tuple[float, float]] | None = None
    for band in BANDS:
        for direction in (1, -1):  # a sequence that begins deep in the read may be found from its end
            found = _refine(signal[::direction], expected[::direction], spread[::direction], band, rounds)
            if found is None:
                continue
            alignment, scaling = found if direction == 1 else (_reversed(found[0], len(signal)), found[1])
            if best is None or alignment.scores.mean() > best[0].scores.mean():
                best = alignment, scaling
            if best[0].scores.mean() >= GOOD_SCORE:
                return best
    return None


def _refine(
    signal: npt.NDArray[np.float32], expected: npt.NDArray[np.float32], spread: npt.NDArray[np.float32], band: int,
    rounds: int,
) -> tuple[SignalAlignment, tuple[float, float]] | None:
    """The best alignment over rounds of aligning and rescaling, with the (shift, scale) that it was found under."""
    best: tuple[SignalAlignment, tuple[float, float]] | None = None
    shift, scale = _first_scaling(signal, expected)
    for _ in range(rounds):
        alignment = align_signal((signal - shift) / scale, expected, spread, band)
        if alignment is None:
            break
        if best is None or alignment.scores.mean() > best[0].scores.mean():
            best = alignment, (shift, scale)
        if alignment.scores.mean() < GOOD_SCORE * 0.6:
            break
        shift, scale = fit_scaling(signal, alignment, expected)
        if not scale > 0.3:
            break
    return best


def _first_scaling(signal: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Shift and scale by which a signal has the median and MAD of the levels it should show.

    (Levels are standardised by their deviation, a signal by its MAD; what that means depends on the pore.)
    """
    middle, centre = float(np.median(signal)), float(np.median(expected))
    scale = float(np.median(np.abs(signal - middle)) / max(np.median(np.abs(expected - centre)), 1e-6))
    return middle - scale * centre, scale


def _reversed(alignment: SignalAlignment, samples: int) -> SignalAlignment:
    """An alignment of the reversed signal to the reversed sequence, turned round."""
    ends = np.append(alignment.starts[1:], alignment.end)
    return SignalAlignment((samples - ends[::-1]).astype(np.int32), samples - int(alignment.starts[0]),
                           alignment.scores[::-1])


def trusted(alignment: SignalAlignment) -> npt.NDArray[np.bool_]:
    """(K,) whether the signal agrees with the sequence around each k-mer (variants, stalls and lost bands do not)."""
    dwell = np.diff(np.append(alignment.starts, alignment.end))
    counted = np.minimum(dwell, 20)
    score = windowed(alignment.scores * counted, WINDOW) / np.maximum(windowed(counted, WINDOW), 1)
    return np.asarray(
        (score >= WINDOW_SCORE)
        & (windowed(dwell == 0, WINDOW) <= WINDOW_SKIPS)
        & (windowed(dwell > LONGEST_DWELL, WINDOW) == 0)
    )


def stretches(
    read_id: str, signal: npt.NDArray[np.float32], bases: npt.NDArray[np.uint8], levels: KmerLevels
) -> list[Stretch]:
    """The trusted stretches of a read whose sequence is known; none where the signal does not fit it."""
    aligned = align_read(signal, bases, levels)
    if aligned is None:
        return []
    alignment, _ = aligned
    codes = bases[levels.centre : levels.centre + len(alignment.starts)]
    return cut_out(read_id, signal, codes, alignment.starts, alignment.end, trusted(alignment), SHORTEST_STRETCH,
                   levels.centre)


def cut_out(
    read_id: str, signal: npt.NDArray[np.float32], bases: npt.NDArray[np.uint8], starts: npt.NDArray[np.generic],
    end: int, good: npt.NDArray[np.bool_], shortest: int, offset: int = 0,
) -> list[Stretch]:
    """The stretches of at least `shortest` bases in a row that are `good`.

    `bases`, `starts` and `good` are (B,) each; the last base ends at sample `end`; `offset` is the index of the first
    in the known sequence.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    found = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first < shortest:
            continue
        begin = int(starts[first])
        stop = int(starts[last]) if last < len(starts) else end
        places = (starts[first:last] - begin).astype(np.int32)
        found.append(Stretch(read_id, signal[begin:stop], bases[first:last], places, int(first) + offset))
    return found


def windowed(values: npt.NDArray[np.generic], width: int) -> npt.NDArray[np.float64]:
    """Sums over windows of `width` values centred on each, fewer at the ends."""
    half = width // 2
    total = np.concatenate([[0.0], np.cumsum(values.astype(np.float64))])
    index = np.arange(len(values))
    return np.asarray(total[np.minimum(index + width - half, len(values))] - total[np.maximum(index - half, 0)])
