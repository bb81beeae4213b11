"""The network's scores for the signal of reads: kept as far as memory allows, and computed anew beyond that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
import torch

from basecaller.assembly.readset import NO_QUALITY, ReadSet, Record, pack
from basecaller.bases import encode
from basecaller.called import Moved
from basecaller.decode import decode_chunk
from basecaller.device import TILE, Runner
from basecaller.errors import ReadError
from basecaller.model.config import ModelConfig
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read
from basecaller.signal.chunk import Span, cut, fill, stitch
from basecaller.signal.prepare import Prepared, prepare

Scores = npt.NDArray[np.float16]
"""(T, C) of one read, as the head gives them: log-probabilities (CTC), transition scores (CRF)."""
Packed = npt.NDArray[np.float16] | npt.NDArray[np.int8]
"""The same, as it is kept: a byte a score of a CRF."""
Chunks = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Heard:
    """Reads as the model calls them, and the step at which each base was emitted."""

    reads: ReadSet
    emitted: npt.NDArray[np.int32]
    """(B,) int32: for every base of `reads`, its step within its read, from the start of the untrimmed signal on."""
    steps: npt.NDArray[np.int64]
    """(R,) int64: steps of each read, likewise."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """Parts of reads, sorted by read."""

    read: Int
    begin: Int
    """Steps from `begin` (included) ..."""
    stop: Int
    """... to `stop` (excluded)."""

    def of(self, index: int) -> slice:
        """Rows of one read."""
        return slice(*np.searchsorted(self.read, (index, index + 1)))


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a read is cut into chunks."""

    spans: list[Span]
    """Of its prepared signal."""
    shares: list[tuple[int, int]]
    """Steps, first and end, that each chunk is heard for: parted amid the overlaps."""
    before: int
    """Steps that were trimmed from the start."""


@dataclass(eq=False, slots=True)
class _Pending:
    """A read on its way through the network."""

    name: str
    cut: _Cut
    chosen: Sequence[int]
    """Which of its chunks the network sees."""
    pieces: list[npt.NDArray[np.float32]]
    """Scores of the first of them."""


Choose = Callable[[str, _Cut], Sequence[int]]
"""Numbers of the chunks of the read of that id that the network shall see."""


class Listener:
    """Runs a model over the reads of a source, as often as asked; memory is bounded by `memory` (bytes of scores kept),
    the batch, and the longest read.

    `source` opens the reads, in the same order every time. Reads that cannot be called go into `quarantine`. First, it
    is `told` how they were called, or `calls` them; `scores` goes by the reads' numbers in that. Neither `threads` nor
    `memory` change what is heard.
    """

    def __init__(self, source: Callable[[], Iterable[Read]], model: Model, runner: Runner, quarantine: Quarantine,
                 threads: int = 1, memory: int = 0) -> None:
        self.source, self.model, self.runner, self.quarantine = source, model, runner, quarantine
        self.threads, self.room = threads, memory
        self._index: dict[str, int] = {}
        self._cuts: dict[int, _Cut] = {}
        self._kept: dict[int, dict[int, Packed]] = {}

    @property
    def found(self) -> int:
        """Reads whose signal has been heard so far."""
        return len(self._cuts)

    def told(self, calls: Iterable[Moved]) -> Heard:
        """The reads as they were called, by their move tables, which may be another model's."""
        stride = self.model.config.network.stride
        records: list[Record] = []
        emitted, steps = [np.zeros(0, np.int32)], []
        for call in calls:
            self._index[call.read_id] = len(records)
            records.append((call.read_id, call.bases, np.full(len(call.bases), NO_QUALITY, np.uint8)))
            emitted.append(call.starts // np.int32(stride))
            steps.append(call.end // stride)
        return Heard(pack(records), np.concatenate(emitted), np.array(steps, np.int64))

    def calls(self, wanted: set[str] | None = None) -> Heard:
        """Call the reads (only those of the ids in `wanted`, if given)."""
        config = self.model.config
        records: list[Record] = []
        emitted, steps = [np.zeros(0, np.int32)], []
        for done in self._heard(lambda name: wanted is None or name in wanted, lambda _, cut: range(len(cut.spans))):
            parts = [decode_chunk(piece, config.network, config.decode) for piece in done.pieces]
            whole = stitch(parts, done.cut.spans, config.network.stride)
            if not whole.sequence:
                continue
            index = self._index[done.name] = len(records)
            records.append((done.name, encode(whole.sequence), whole.qualities))
            emitted.append(np.flatnonzero(whole.moves).astype(np.int32) + np.int32(done.cut.before))
            steps.append(done.cut.before + len(whole.moves))
            self._keep(index, done)
        return Heard(pack(records), np.concatenate(emitted), np.array(steps, np.int64))

    def scores(self, wanted: Stretches) -> Iterator[tuple[int, Scores]]:
        """Number and scores of the reads that something is wanted of; what is not wanted of them may be zeros."""
        reads = np.unique(wanted.read).tolist()
        others = {index for index in reads
                  if index not in self._cuts or self._lacking(index, self._cuts[index], wanted)}

        def choose(name: str, cut: _Cut) -> list[int]:
            return self._lacking(self._index[name], cut, wanted)

        def anew() -> Iterator[tuple[int, Scores]]:
            for done in self._heard(lambda name: self._index.get(name) in others, choose) if others else ():
                index = self._index[done.name]
                yield index, self._joined(index, self._keep(index, done))

        kept = ((index, self._joined(index, self._kept[index])) for index in reads
                if index not in others and self._kept.get(index))
        return chain(kept, anew())

    def _heard(self, wants: Callable[[str], bool], choose: Choose) -> Iterator[_Pending]:
        """The reads that one `wants`, by id, with the scores of the chunks that one chooses of each."""
        stride, chunk = self.model.config.network.stride, self.model.config.signal.chunk
        waiting: deque[_Pending] = deque()
        for rows, scores in self._run(self._batches(wants, choose, waiting)):
            for row, (pending, span) in enumerate(rows):
                steps = (span.end - span.start) // stride
                pending.pieces.append(np.ascontiguousarray(scores[: min(steps, chunk // stride), row]))
            while waiting and len(waiting[0].pieces) == len(waiting[0].chosen):
                yield waiting.popleft()

    def _lacking(self, index: int, cut: _Cut, wanted: Stretches) -> list[int]:
        """Chunks of a read that something is wanted of and whose scores are not kept."""
        rows, kept = wanted.of(index), self._kept.get(index, {})
        begin, stop = wanted.begin[rows] - cut.before, wanted.stop[rows] - cut.before
        return [n for n, (first, end) in enumerate(cut.shares)
                if n not in kept and np.any((begin < end) & (stop > first))]

    def _keep(self, index: int, done: _Pending) -> dict[int, Packed]:
        """The scores of a read's chunks, new ones and those kept; the new ones are kept as far as there is room."""
        self._cuts[index] = done.cut
        kept = self._kept.setdefault(index, {})
        found = dict(kept)
        stride = self.model.config.network.stride
        for n, piece in zip(done.chosen, done.pieces, strict=True):
            (first, end), offset = done.cut.shares[n], done.cut.spans[n].start // stride
            found[n] = self._packed(piece[first - offset : end - offset])
            if found[n].nbytes <= self.room:
                self.room -= found[n].nbytes
                kept[n] = found[n]
        return found

    def _joined(self, index: int, parts: dict[int, Packed]) -> Scores:
        """The scores of a read as one matrix."""
        cut = self._cuts[index]
        some = next(iter(parts.values()))
        joined = np.zeros((cut.before + cut.shares[-1][1], *some.shape[1:]), np.float16)  # empty pages cost nothing
        for n, part in parts.items():
            first, end = cut.shares[n]
            joined[cut.before + first : cut.before + end] = part * self._grain if part.dtype == np.int8 else part
        return joined

    @property
    def _grain(self) -> np.float32:
        """Of scores of a CRF, which lie between two bounds: a byte's worth of them."""
        network = self.model.config.network
        return np.float32(max(network.clamp, network.stay_score) / 127)

    def _packed(self, scores: npt.NDArray[np.float32]) -> Packed:
        if self.model.config.network.head == "crf":
            whole: npt.NDArray[np.int8] = np.rint(scores / self._grain).astype(np.int8)
            return whole
        return scores.astype(np.float16)

    def _batches(self, wants: Callable[[str], bool], choose: Choose, waiting: deque[_Pending]
                 ) -> Iterator[tuple[Chunks, list[tuple[_Pending, Span]]]]:
        """Chunks of the network's batch size, and whose they are; each read is put into `waiting`."""
        config = self.model.config
        size = self.runner.batch_size
        chunks = np.zeros((size, 1, config.signal.chunk), np.float32)
        rows: list[tuple[_Pending, Span]] = []
        for read in self.source():
            if not wants(read.read_id):
                continue
            try:
                prepared = prepare(read, config.signal)
            except ReadError as error:
                self.quarantine.add_error(error)
                continue
            how = _cut(prepared, config)
            pending = _Pending(read.read_id, how, choose(read.read_id, how), [])
            if not pending.chosen:
                continue
            waiting.append(pending)
            for span in (how.spans[n] for n in pending.chosen):
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


def _cut(prepared: Prepared, config: ModelConfig) -> _Cut:
    stride = config.network.stride
    spans = cut(len(prepared.signal), config.signal.chunk, config.signal.overlap, stride)
    seams = [0, *((left.end + right.start) // 2 // stride for left, right in pairwise(spans)), spans[-1].end // stride]
    return _Cut(spans, list(pairwise(seams)), prepared.trimmed // stride)
