"""Cutting covers every sample once and a bit; stitching gives back what an uncut decoding gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from basecaller.decode.call import Decoded
from basecaller.signal.chunk import Span, cut, fill, stitch


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """(samples, size, overlap, stride) as a model config allows them."""
    stride = draw(st.integers(1, 7))
    size = stride * draw(st.integers(8, 60))
    overlap = 2 * stride * draw(st.integers(0, size // (4 * stride)))
    assume(overlap < size)
    return draw(st.integers(1, 6 * size)), size, overlap, stride


@given(layouts())
def test_spans_cover_the_read_on_the_grid(layout: tuple[int, int, int, int]) -> None:
    samples, size, overlap, stride = layout
    spans = cut(samples, size, overlap, stride)
    assert spans[0].start == 0
    assert samples - stride < spans[-1].end <= samples
    assert all(span.start % stride == 0 for span in spans)
    if samples > size:
        assert {span.end - span.start for span in spans} == {size}
    for left, right in pairwise(spans):
        assert left.start < right.start
        assert left.end - right.start >= overlap
    for left, right in pairwise(spans[:-1]):
        assert left.end - right.start == overlap
    # No more chunks than needed.
    assert len(spans) == 1 or len(spans) <= -(-(samples - overlap) // (size - overlap))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (0, []),
        (1, [(0, 1)]),
        (100, [(0, 100)]),
        (101, [(0, 100)]),  # the one sample more is less than a step
        (102, [(0, 100), (2, 102)]),
        (180, [(0, 100), (80, 180)]),
        (181, [(0, 100), (80, 180)]),
        (182, [(0, 100), (80, 180), (82, 182)]),
    ],
)
def test_spans_of_small_cases(samples: int, expected: list[tuple[int, int]]) -> None:
    assert cut(samples, 100, 20, 2) == [Span(*pair) for pair in expected]


def random_decoded(steps: int, rng: np.random.Generator, rate: float = 0.35) -> Decoded:
    moves = (rng.random(steps) < rate).astype(np.uint8)
    length = int(moves.sum())
    sequence = "".join(rng.choice(list("ACGT"), length))
    return Decoded(sequence, rng.integers(1, 50, length).astype(np.uint8), moves)


def window(whole: Decoded, start: int, end: int) -> Decoded:
    first, last = int(whole.moves[:start].sum()), int(whole.moves[:end].sum())
    return Decoded(whole.sequence[first:last], whole.qualities[first:last], whole.moves[start:end])


def spoil_edges(part: Decoded, edge: int, rng: np.random.Generator) -> Decoded:
    """Replace the first and last `edge` steps by nonsense, as a chunk without context gives."""
    steps = part.moves.size
    pieces = [random_decoded(edge, rng), window(part, edge, steps - edge), random_decoded(edge, rng)]
    return Decoded(
        "".join(p.sequence for p in pieces),
        np.concatenate([p.qualities for p in pieces]),
        np.concatenate([p.moves for p in pieces]),
    )


@given(layouts(), st.integers(0, 2**32 - 1))
def test_stitching_gives_back_the_uncut_decoding(layout: tuple[int, int, int, int], seed: int) -> None:
    samples, size, overlap, stride = layout
    rng = np.random.default_rng(seed)
    whole = random_decoded(samples // stride, rng)
    spans = cut(samples, size, overlap, stride)
    edge = overlap // stride // 8
    parts = [window(whole, span.start // stride, span.end // stride) for span in spans]
    if len(parts) > 1:
        parts = [parts[0], *(spoil_edges(part, edge, rng) for part in parts[1:-1]), parts[-1]]
    stitched = stitch(parts, spans, stride)
    assert stitched.sequence == whole.sequence
    assert np.array_equal(stitched.moves, whole.moves)
    assert np.array_equal(stitched.qualities, whole.qualities)


@given(st.integers(0, 2**32 - 1))
def test_a_base_that_wanders_across_the_seam_is_neither_doubled_nor_lost(seed: int) -> None:
    """Two chunks that place bases up to a step apart, right where a fixed seam would cut."""
    rng = np.random.default_rng(seed)
    steps, size, overlap = 160, 100, 40
    whole = random_decoded(steps, rng, rate=0.3)
    left, right = window(whole, 0, size), window(whole, 60, 160)
    middle = 80
    shifted = right.moves.copy()
    for step in range(middle - 3, middle + 3):  # move single bases one step, either way
        here, there = step - 60, step - 60 + int(rng.choice([-1, 1]))
        if shifted[here] and not shifted[there]:
            shifted[here], shifted[there] = 0, 1
    right = Decoded(right.sequence, right.qualities, shifted)
    stitched = stitch([left, right], cut(steps, size, overlap), 1)
    assert stitched.sequence == whole.sequence
    assert stitched.moves.size == steps
    assert int(stitched.moves.sum()) == len(stitched.sequence) == stitched.qualities.size


def test_padding_of_a_short_read_is_dropped() -> None:
    """The decoder saw 20 steps, of which the read has 7."""
    rng = np.random.default_rng(5)
    padded = random_decoded(20, rng)
    stitched = stitch([padded], cut(15, 40, 4, 2), 2)
    assert stitched.moves.size == 7
    assert stitched.sequence == padded.sequence[: int(padded.moves[:7].sum())]


def test_the_rest_of_a_short_reads_chunk_is_its_own_signal() -> None:
    chunk = np.zeros(10, np.float32)
    fill(chunk, np.arange(1, 5, dtype=np.float32), Span(0, 4))
    assert chunk.tolist() == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
    fill(chunk, np.arange(30, dtype=np.float32), Span(20, 30))
    assert chunk.tolist() == list(range(20, 30))


def test_nothing_decoded() -> None:
    assert stitch([], [], 3).sequence == ""
    with pytest.raises(ValueError, match="0 decoded chunks for 1 spans"):
        stitch([], [Span(0, 10)], 1)
