"""The network's scores for the signal of reads, computed anew each time that they are asked for: nothing is stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import encode
from basecaller.decode import decode_chunk
from basecaller.device import TILE, Runner
from basecaller.errors import ReadError
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read
from basecaller.signal.chunk import Span, cut, fill, stitch
from basecaller.signal.prepare import Prepared, prepare

Scores = npt.NDArray[np.float16]
"""(T, C) of one read, as the head gives them: log-probabilities (CTC), transition scores (CRF)."""
Chunks = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Heard:
    """Reads as the model calls them, and the step at which each base was emitted."""

    reads: ReadSet
    emitted: npt.NDArray[np.int32]
    """(B,) int32: for every base of `reads`, its step within its read."""
    steps: npt.NDArray[np.int64]
    """(R,) int64: steps of each read."""


@dataclass(eq=False, slots=True)
class _Pending:
    """A read on its way through the network."""

    prepared: Prepared
    spans: list[Span]
    pieces: list[npt.NDArray[np.float32]]


class Listener:
    """Runs a model over the reads of a source, as often as asked; memory is bounded by the batch and the longest read.

    `source` opens the reads, in the same order every time. Reads that cannot be called go into `quarantine`.
    `threads` do not change what is heard.
    """

    def __init__(self, source: Callable[[], Iterable[Read]], model: Model, runner: Runner, quarantine: Quarantine,
                 threads: int = 1) -> None:
        self.source, self.model, self.runner, self.quarantine = source, model, runner, quarantine
        self.threads = threads
        self._index: dict[str, int] = {}

    def calls(self, wanted: set[str] | None = None) -> Heard:
        """Call the reads (only those of the ids in `wanted`, if given)."""
        config = self.model.config
        records: list[tuple[str, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = []
        emitted, steps = [np.zeros(0, np.int32)], []
        for read_id, spans, pieces in self._heard(lambda name: wanted is None or name in wanted):
            parts = [decode_chunk(piece, config.network, config.decode) for piece in pieces]
            whole = stitch(parts, spans, config.network.stride)
            if not whole.sequence:
                continue
            self._index[read_id] = len(records)
            records.append((read_id, encode(whole.sequence), whole.qualities))
            emitted.append(np.flatnonzero(whole.moves).astype(np.int32))
            steps.append(len(whole.moves))
        return Heard(pack(records), np.concatenate(emitted), np.array(steps, np.int64))

    def scores(self, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Scores]]:
        """Index and scores of each of the `chosen` (R,) reads that `calls` has given, in the source's order."""
        stride = self.model.config.network.stride
        for read_id, spans, pieces in self._heard(lambda name: name in self._index and bool(chosen[self._index[name]])):
            yield self._index[read_id], _join(pieces, spans, stride)

    def _heard(self, choose: Callable[[str], bool]) -> Iterator[tuple[str, list[Span], list[npt.NDArray[np.float32]]]]:
        """Id, spans and each span's scores of the reads of the chosen ids."""
        stride, chunk = self.model.config.network.stride, self.model.config.signal.chunk
        waiting: deque[_Pending] = deque()
        for rows, scores in self._run(self._batches(choose, waiting)):
            for row, (pending, span) in enumerate(rows):
                steps = (span.end - span.start) // stride
                pending.pieces.append(np.ascontiguousarray(scores[: min(steps, chunk // stride), row]))
            while waiting and len(waiting[0].pieces) == len(waiting[0].spans):
                done = waiting.popleft()
                yield done.prepared.info.read_id, done.spans, done.pieces

    def _batches(self, choose: Callable[[str], bool], waiting: deque[_Pending]
                 ) -> Iterator[tuple[Chunks, list[tuple[_Pending, Span]]]]:
        """Chunks of the network's batch size, and whose they are; each read is put into `waiting`."""
        config = self.model.config
        size = self.runner.batch_size
        chunks = np.zeros((size, 1, config.signal.chunk), np.float32)
        rows: list[tuple[_Pending, Span]] = []
        for read in self.source():
            if not choose(read.read_id):
                continue
            try:
                prepared = prepare(read, config.signal)
            except ReadError as error:
                self.quarantine.add_error(error)
                continue
            spans = cut(len(prepared.signal), config.signal.chunk, config.signal.overlap, config.network.stride)
            pending = _Pending(prepared, spans, [])
            waiting.append(pending)
            for span in spans:
                fill(chunks[len(rows), 0], prepared.signal, span)
                rows.append((pending, span))
                if len(rows) == size:
                    yield chunks, rows
                    chunks, rows = np.zeros_like(chunks), []
        yield chunks[: -(-len(rows) // TILE) * TILE], rows

    def _run(self, batches: Iterator[tuple[Chunks, list[tuple[_Pending, Span]]]]
             ) -> Iterator[tuple[list[tuple[_Pending, Span]], npt.NDArray[np.float32]]]:
        """Each batch through the network, in order, `threads` at a time."""
        ahead: deque[tuple[list[tuple[_Pending, Span]], Future[npt.NDArray[np.float32]]]] = deque()
        with ThreadPoolExecutor(self.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for chunks, rows in batches:
                if not rows:
                    continue
                ahead.append((rows, pool.submit(self.runner.scores, chunks)))
                if len(ahead) > self.threads:
                    first, scores = ahead.popleft()
                    yield first, scores.result()
            for rest, scores in ahead:
                yield rest, scores.result()


def _join(pieces: list[npt.NDArray[np.float32]], spans: list[Span], stride: int) -> Scores:
    """The chunks' scores as one matrix, cut amid the overlaps."""
    kept = []
    for i, (piece, span) in enumerate(zip(pieces, spans, strict=True)):
        begin = 0 if i == 0 else (spans[i - 1].end + span.start) // 2 // stride
        end = span.end // stride if i + 1 == len(spans) else (span.end + spans[i + 1].start) // 2 // stride
        kept.append(piece[begin - span.start // stride : end - span.start // stride].astype(np.float16))
    return np.concatenate(kept)
