"""The basecaller: reads in, calls out, in the same order, while reading, network and decoding overlap."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from basecaller.adapter import trim_adapters
from basecaller.chemistry import misfit
from basecaller.decode import decode_chunk
from basecaller.decode.call import Call, Decoded
from basecaller.decode.quality import mean_qscore
from basecaller.device import PRECISIONS, TILE, Runner, find_devices
from basecaller.errors import ReadError, UsageError
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read, ReadInfo
from basecaller.reads.source import ReadSource
from basecaller.signal.chunk import Span, cut, fill, stitch
from basecaller.signal.prepare import Prepared, prepare
from basecaller.signal.scale import Scaling

MIN_AHEAD = 1024
"""Chunks of reads not yet handed out up to which reading goes on: some 16 MB of signal."""

STOP_SECONDS = 0.5
"""How long a stopped run waits for its threads."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Basecaller:
    """Calls reads with one model; `for call in Basecaller(load_model("r9.4.1")).call(open_reads("run/")): ...`."""

    def __init__(
        self,
        model: Model,
        *,
        device: str = "auto",
        batch_size: int | None = None,
        threads: int | None = None,
        any_chemistry: bool = False,
        precision: str = "float32",
        trim: bool = True,
    ) -> None:
        """`device`: auto, cpu, cuda, cuda:N, several with commas, cuda:all or mps. `batch_size`: chunks that the
        network sees at once; by default what suits the device's memory. `threads`: CPU threads for network and
        decoding; by default all cores. None of these changes the calls. `any_chemistry`: also call reads that the
        model was not made for. `precision`: float32 or bfloat16, see `basecaller.device.PRECISIONS`. `trim`: cut
        sequencing adapters and primers off the ends of the calls.

        Raises `UsageError` for a device or precision that there is not.
        """
        if precision not in PRECISIONS:
            raise UsageError(f"unknown precision {precision!r}; use {' or '.join(PRECISIONS)}")
        self.model = model
        self.threads = threads or available_cores()
        self.any_chemistry = any_chemistry
        self.precision = precision
        self.trim = trim
        self.runners = [Runner(model.network, each, model.config.signal.chunk, batch_size, precision)
                        for each in find_devices(device)]
        self.quarantine = Quarantine()
        """Reads given to `call` that were set aside; a `ReadSource`'s go into its own instead."""

    @property
    def settings(self) -> str:
        """What the calls of a read depend on, as `key=value` words; the same on every device."""
        name, trim = self.model.name.replace(" ", "_"), "adapters" if self.trim else "no"
        return f"model={name} model_digest={self.model.digest} precision={self.precision} trim={trim}"

    def call(self, reads: Iterable[Read]) -> Iterator[Call]:
        """The calls of `reads`, in their order, each as soon as it and those before it are done.

        A read that cannot be called is set aside in the quarantine and skipped. Memory is bounded by the batch
        and the longest read. Closing the iterator stops the work.
        """
        quarantine = reads.quarantine if isinstance(reads, ReadSource) else self.quarantine
        run = _Run(self, iter(reads), quarantine)
        try:
            yield from run.calls()
        finally:
            run.stop()


@dataclass(eq=False, slots=True)
class _Pending:
    """A read on its way: what is known of it, and the chunks decoded so far."""

    info: ReadInfo
    trimmed: int
    scaling: Scaling
    spans: list[Span]
    parts: list[Decoded | None]
    missing: int


@dataclass(eq=False, slots=True)
class _Batch:
    """Chunks to run together; `rows` says whose they are."""

    chunks: npt.NDArray[np.float32]
    """(N, 1, S), zero in rows that no chunk was put in."""
    rows: list[tuple[_Pending, int]] = field(default_factory=list)


class _Run:
    """One pass over reads: one thread reads and cuts, others run network and decoder, the caller's stitches.

    What they share is guarded by the condition `changed`.
    """

    def __init__(self, caller: Basecaller, reads: Iterator[Read], quarantine: Quarantine) -> None:
        self.caller, self.reads, self.quarantine = caller, reads, quarantine
        self.config = caller.model.config
        self.batch_size = max(runner.batch_size for runner in caller.runners)
        self.changed = threading.Condition()
        self.waiting: deque[_Pending] = deque()
        """Reads not yet handed out, in order."""
        self.batches: deque[_Batch] = deque()
        """Batches that no worker has taken yet."""
        self.growing = self._new_batch()
        self.running = self.ahead = 0
        self.all_read = self.stopped = False
        self.failure: BaseException | None = None
        # A GPU works for one thread at a time; the others decode meanwhile.
        each = -(-caller.threads // len(caller.runners))
        workers = [runner for runner in caller.runners
                   for _ in range(each if runner.device.type == "cpu" else max(2, each))]
        self.most_batches = len(workers)
        self.most_ahead = max(MIN_AHEAD, 2 * self.batch_size * len(workers))
        self.threads = [threading.Thread(target=self._guarded, args=(self._feed,), daemon=True)]
        self.threads += [threading.Thread(target=self._guarded, args=(self._work, runner), daemon=True)
                         for runner in workers]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Have every thread end after what it is at; wait a moment for it."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self.threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))

    def calls(self) -> Iterator[Call]:
        """Calls in the order of the reads, each as soon as it and those before it are complete."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.failure or (
                    self.waiting[0].missing == 0 if self.waiting else self.all_read))
                if self.failure:
                    raise self.failure
                if not self.waiting:
                    return
                pending = self.waiting.popleft()
                self.ahead -= len(pending.spans)
                self.changed.notify_all()
            try:
                yield self._stitched(pending)
            except ReadError as error:
                self.quarantine.add_error(error)

    def _stitched(self, pending: _Pending) -> Call:
        info, stride = pending.info, self.config.network.stride
        parts = [part for part in pending.parts if part is not None]
        if len(parts) < len(pending.parts):
            raise ReadError("the network gives no finite scores for it", info.path, info.read_id)
        whole = stitch(parts, pending.spans, stride)
        if not whole.sequence:
            raise ReadError(f"no base is found in its {info.num_samples} samples", info.path, info.read_id)
        call = Call(info, whole.sequence, whole.qualities, whole.moves, stride, pending.trimmed, pending.scaling,
                    self.caller.model.name, mean_qscore(whole.qualities))
        if self.caller.trim:
            call = trim_adapters(call)
        if not call.sequence:
            raise ReadError("nothing but adapters is in it", info.path, info.read_id)
        return call

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a thread's work; what it raises is raised again in the caller's thread."""
        try:
            work(*arguments)
        except BaseException as error:
            with self.changed:
                self.failure = self.failure or error
                self.changed.notify_all()

    def _feed(self) -> None:
        """Read, prepare and cut, and hand full batches to the workers."""
        try:
            for read in self.reads:
                try:
                    prepared = self._prepared(read)
                except ReadError as error:
                    self.quarantine.add_error(error)
                    continue
                if not self._enter(prepared):
                    return
        finally:
            if isinstance(self.reads, Generator):
                self.reads.close()
        if self._submit():
            with self.changed:
                self.all_read = True
                self.changed.notify_all()

    def _prepared(self, read: Read) -> Prepared:
        why = "" if self.caller.any_chemistry else misfit(read.info, self.config.chemistry)
        if why:
            raise ReadError(f"it {why}", read.info.path, read.read_id)
        return prepare(read, self.config.signal)

    def _enter(self, prepared: Prepared) -> bool:
        """Cut a read into batches, when there is room for it; False when the run was stopped."""
        spans = cut(prepared.signal.size, self.config.signal.chunk, self.config.signal.overlap,
                    self.config.network.stride)
        pending = _Pending(prepared.info, prepared.trimmed, prepared.scaling, spans, [None] * len(spans), len(spans))
        with self.changed:
            while self.ahead >= self.most_ahead and not self.stopped:
                if self.growing.rows and not self.batches and not self.running:
                    # All that is left to do is in this batch: run it as it is, or nothing would ever move.
                    self._hand_over()
                self.changed.wait()
            self.waiting.append(pending)
            self.ahead += len(spans)
        for index, span in enumerate(spans):
            row = len(self.growing.rows)
            fill(self.growing.chunks[row, 0], prepared.signal, span)
            self.growing.rows.append((pending, index))
            if row + 1 == self.batch_size and not self._submit():
                return False
        return not self.stopped

    def _submit(self) -> bool:
        """Hand the growing batch over when the workers can take it; False when the run was stopped."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or len(self.batches) < self.most_batches)
            if self.growing.rows:
                self._hand_over()
            return not self.stopped

    def _hand_over(self) -> None:
        self.batches.append(self.growing)
        self.growing = self._new_batch()
        self.changed.notify_all()

    def _new_batch(self) -> _Batch:
        return _Batch(np.zeros((self.batch_size, 1, self.config.signal.chunk), np.float32))

    def _work(self, runner: Runner) -> None:
        """Run batches through the network and decode them until there are no more."""
        if runner.device.type == "cpu":
            torch.set_num_threads(1)  # of this thread: every core has a worker of its own
        while (batch := self._next()) is not None:
            decoded = self._decoded(runner, batch)
            with self.changed:
                self.running -= 1
                for (pending, index), part in zip(batch.rows, decoded, strict=True):
                    pending.parts[index] = part
                    pending.missing -= 1
                self.changed.notify_all()

    def _next(self) -> _Batch | None:
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or self.batches or self.all_read)
            if self.stopped or not self.batches:
                return None
            self.running += 1
            batch = self.batches.popleft()
            self.changed.notify_all()
            return batch

    def _decoded(self, runner: Runner, batch: _Batch) -> list[Decoded | None]:
        """What each row says; None where the scores are not numbers."""
        used = len(batch.rows)
        scores = runner.scores(batch.chunks[: -(-used // TILE) * TILE])
        return [decode_chunk(row, self.config.network, self.config.decode) if np.isfinite(row.sum()) else None
                for row in (scores[:, n] for n in range(used))]
