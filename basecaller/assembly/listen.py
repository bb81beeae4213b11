"""The posteriors of reads, computed once from their signal and kept on disk while contigs are polished with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import encode
from basecaller.decode import decode_chunk
from basecaller.device import TILE, Runner
from basecaller.errors import ReadError, UsageError
from basecaller.model.config import ModelConfig
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read
from basecaller.signal.chunk import Span, cut, stitch
from basecaller.signal.prepare import prepare

Posteriors = npt.NDArray[np.uint16]
ONE = 65535
"""What a probability of 1 is stored as."""


@dataclass(frozen=True, eq=False)
class Heard:
    """Reads, their posteriors and the step at which each base was emitted."""

    reads: ReadSet
    posteriors: Posteriors
    """(sum of T, 5) uint16 probabilities times `ONE`, a memory map: class 0 is the blank, 1..4 are A, C, G, T."""
    first: npt.NDArray[np.int64]
    """(R + 1,) int64: where each read's steps begin."""
    emitted: npt.NDArray[np.int32]
    """(B,) int32: for every base of `reads`, its step within its read."""


def listen(
    reads: Iterable[Read], model: Model, runner: Runner, spool: Path, quarantine: Quarantine,
    wanted: set[str] | None = None,
) -> Heard:
    """Run the network over reads (only those of the ids in `wanted`, if given) and write the posteriors to `spool`.

    Memory is bounded by the longest read (and five bytes for every base called). Reads that cannot be called go into
    `quarantine`. Raises `UsageError` for a model whose head is not CTC: the posteriors of a CRF's single steps, taken
    for independent, lose bases.
    """
    if model.config.network.head != "ctc":
        raise UsageError(f"model {model.name} has a CRF head; polishing with the signal needs a CTC model")
    records = []
    emitted: list[npt.NDArray[np.int32]] = []
    first = [0]
    with spool.open("wb") as handle:
        for read in reads:
            if wanted is not None and read.read_id not in wanted:
                continue
            try:
                signal = prepare(read, model.config.signal).signal
            except ReadError as error:
                quarantine.add_error(error)
                continue
            text, quality, moves, p = _call(signal, model.config, runner)
            if len(text) == 0:
                continue
            records.append((read.read_id, encode(text), quality))
            emitted.append(np.flatnonzero(moves).astype(np.int32))
            handle.write(p.tobytes())
            first.append(first[-1] + len(p))
    posteriors: Posteriors = np.zeros((0, 5), np.uint16)
    if first[-1]:
        posteriors = np.memmap(spool, np.uint16, "r", shape=(first[-1], 5))
    steps = np.concatenate([np.zeros(0, np.int32), *emitted])
    return Heard(pack(records), posteriors, np.array(first, np.int64), steps)


def _call(
    signal: npt.NDArray[np.float32], config: ModelConfig, runner: Runner
) -> tuple[str, npt.NDArray[np.uint8], npt.NDArray[np.uint8], Posteriors]:
    """Sequence, qualities, moves and posteriors (T, 5) of one read's normalised signal."""
    stride, chunk = config.network.stride, config.signal.chunk
    spans = cut(len(signal), chunk, config.signal.overlap, stride)
    parts, pieces = [], []
    for at in range(0, len(spans), TILE):
        some = spans[at : at + TILE]
        chunks = np.zeros((TILE, 1, chunk), np.float32)
        for row, span in enumerate(some):
            chunks[row, 0, : span.end - span.start] = signal[span.start : span.end]
        scores = runner.scores(chunks)
        for row, span in enumerate(some):
            mine = np.ascontiguousarray(scores[: (span.end - span.start) // stride, row])
            parts.append(decode_chunk(mine, config.network, config.decode))
            pieces.append(stored(np.exp(mine)))
    if not parts:
        return "", np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros((0, 5), np.uint16)
    whole = stitch(parts, spans, stride)
    return whole.sequence, whole.qualities, whole.moves, _join(pieces, spans, stride)


def stored(probabilities: npt.NDArray[np.floating]) -> Posteriors:
    """Probabilities as they are kept on disk."""
    kept: Posteriors = (np.clip(probabilities, 0, 1) * ONE + 0.5).astype(np.uint16)
    return kept


def _join(pieces: list[Posteriors], spans: list[Span], stride: int) -> Posteriors:
    """The chunks' posteriors as one matrix, cut amid the overlaps."""
    kept = []
    for i, (piece, span) in enumerate(zip(pieces, spans, strict=True)):
        begin = 0 if i == 0 else (spans[i - 1].end + span.start) // 2 // stride
        end = span.end // stride if i + 1 == len(spans) else (span.end + spans[i + 1].start) // 2 // stride
        kept.append(piece[begin - span.start // stride : end - span.start // stride])
    return np.concatenate(kept)
