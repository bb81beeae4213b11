"""Cut a read into overlapping chunks of one size, and stitch what was decoded from them back together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Decoded

AGREEMENT = (8, 4, 2, 1)
"""Steps on each side of a seam on which both chunks should say the same; the first that can be had is taken."""


class Span(NamedTuple):
    """Samples `start` (included) to `end` (excluded) of a read."""

    start: int
    end: int


def cut(num_samples: int, size: int, overlap: int, stride: int = 1) -> list[Span]:
    """Spans of `size` samples that cover a read, neighbours sharing `overlap` samples.

    The last span is moved back to end with the read, rather than left short, so that no chunk lacks
    context; it then shares more with the one before. Every start is a multiple of `stride` (`size` and
    `overlap` must be too), so up to `stride - 1` samples at the end, less than one step, may be left out.
    A read shorter than `size` is one short span, for `fill` to make up. No samples, no spans.
    """
    if num_samples <= 0:
        return []
    if num_samples <= size:
        return [Span(0, num_samples)]
    last = (num_samples - size) // stride * stride
    starts = [*range(0, last, size - overlap), last]
    return [Span(start, start + size) for start in starts]


def fill(chunk: npt.NDArray[np.float32], signal: npt.NDArray[np.float32], span: Span) -> None:
    """Put a span of a read's signal into a chunk (S,); the rest of the chunk gets it again, as often as fits.

    What comes of the rest is thrown away, but a bidirectional network comes to the read from there: out of current like
    the read's own, it calls reads of 250 bases as it calls others, out of zeros, which no pore gives, hardly.
    """
    chunk[:] = np.resize(signal[span.start : span.end], len(chunk))


def stitch(parts: Sequence[Decoded], spans: Sequence[Span], stride: int) -> Decoded:
    """One `Decoded` of `spans[-1].end // stride` steps from the chunks' own, in the order of `cut`.

    Of each overlap the first half is taken from the left chunk and the second from the right one. The seam
    is moved from the middle to the nearest step around which both agree on every move and base, so that no
    base that one of them places a step earlier than the other is doubled or lost.
    """
    if len(parts) != len(spans):
        raise ValueError(f"{len(parts)} decoded chunks for {len(spans)} spans")
    if not spans:
        return Decoded("", np.zeros(0, np.uint8), np.zeros(0, np.uint8))
    steps = spans[-1].end // stride
    starts = [span.start // stride for span in spans]
    seams = [0]
    for i in range(1, len(parts)):
        seams.append(_seam(parts[i - 1], starts[i - 1], parts[i], starts[i], seams[-1]))
    seams.append(steps)

    sequence: list[str] = []
    qualities: list[npt.NDArray[np.uint8]] = []
    moves: list[npt.NDArray[np.uint8]] = []
    for part, start, left, right in zip(parts, starts, seams[:-1], seams[1:], strict=True):
        first, last = left - start, right - start
        skipped = int(part.moves[:first].sum(dtype=np.int64))
        kept = part.moves[first:last]
        end = skipped + int(kept.sum(dtype=np.int64))
        sequence.append(part.sequence[skipped:end])
        qualities.append(part.qualities[skipped:end])
        moves.append(kept)
    return Decoded("".join(sequence), np.concatenate(qualities), np.concatenate(moves))


def _seam(left: Decoded, left_start: int, right: Decoded, right_start: int, lowest: int) -> int:
    """The step, counted in the read, from which on the right chunk is used."""
    begin, end = right_start, left_start + left.moves.size
    middle = (begin + end) // 2
    same = _symbols(left)[begin - left_start :] == _symbols(right)[: end - begin]
    # The middle half only: towards its ends a chunk lacks context, and agreement there means less.
    quarter = (end - begin) // 4
    candidates = np.arange(max(begin + quarter, lowest), end - quarter + 1)
    differing = np.concatenate(([0], np.cumsum(~same)))
    for width in AGREEMENT:
        inside = candidates[(candidates - width >= begin) & (candidates + width <= end)] - begin
        agreed = inside[differing[inside + width] == differing[inside - width]]
        if agreed.size:
            return int(agreed[np.argmin(np.abs(agreed + begin - middle))]) + begin
    return max(middle, lowest)


def _symbols(part: Decoded) -> npt.NDArray[np.uint8]:
    """(T,) uint8: the letter that each step emits, 0 where it emits none."""
    symbols = np.zeros(part.moves.size, np.uint8)
    symbols[part.moves != 0] = np.frombuffer(part.sequence.encode("ascii"), np.uint8)
    return symbols
