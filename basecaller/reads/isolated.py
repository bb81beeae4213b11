"""Reads from files through a `worker.py` process, which is replaced when a file kills it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.errors import BasecallerError, ReadError
from basecaller.reads.metadata import text
from basecaller.reads.read import Read, ReadInfo
from basecaller.reads.worker import FRAME

MAX_CRASHES = 8
"""Crashes in one file after which the rest of it is set aside; a hang counts for half of them."""

PATIENCE = 20.0
"""Seconds of CPU time for one read: the longest (`check.MAX_SAMPLES`) takes a few."""

DECORATION = re.compile(r"\x1b\[[0-9;]*m|^\[[^\]]*\]|\s+At \S+:\d+$")
"""What a library puts around its messages: colours, its function's name, a line of its source."""

MAX_REASON = 240
"""Characters of a reason that are kept."""

MESSAGES = 1 << 16
"""Bytes of messages that are looked at."""


class IsolatedReader:
    """Reads files one after another in a process of its own; a context manager.

    What takes more than `patience` seconds of CPU time counts as a hang. Raises `BasecallerError` where the process
    cannot even start.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> IsolatedReader:
        with contextlib.ExitStack() as stack:
            self._messages = stack.enter_context(tempfile.TemporaryFile())
            self._close = stack.pop_all().close
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._close()

    def read(self, path: Path) -> Iterator[Read | ReadError]:
        """The reads of a file in stored order; a `ReadError` stands for each read, or the file, that is bad."""
        first = crashes = 0
        opened = False
        while True:
            try:
                for head, samples in self._answers(path, first):
                    if isinstance(head, bool):
                        opened = True
                    elif isinstance(head, str):
                        yield ReadError(_brief(head), path)
                    else:
                        first += 1
                        yield (Read(head, samples) if isinstance(head, ReadInfo)
                               else ReadError(_brief(head[1]), path, head[0]))
                return
            except EOFError:
                status = self._stop()
                how = self._ending(status)
            if not opened:
                yield ReadError(how, path)
                return
            crashes += MAX_CRASHES // 2 if status == -signal.SIGPROF else 1
            first += 1
            if crashes >= MAX_CRASHES:
                yield ReadError(f"{how} at read number {first}, not for the first time; the rest is not read", path)
                return
            yield ReadError(f"{how} at read number {first}", path)

    def _answers(self, path: Path, first: int) -> Iterator[tuple[Any, npt.NDArray[np.int16]]]:
        """Have the process read a file; its frames. Raises `EOFError` where it ends before the file does."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and isinstance(process.stdout, BufferedReader)
        try:
            process.stdin.write(json.dumps([str(path), first]).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        try:
            while True:
                head, samples = _frame(process.stdout)
                if head is None:
                    return
                yield head, samples
        except GeneratorExit:  # left in mid-file: the next file's frames must not follow the rest of this one
            self._stop()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            "OMP_NUM_THREADS": "1",  # else numpy and Arrow start a thread per core, for nothing
            "OPENBLAS_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-c", f"from basecaller.reads.worker import main; main({self._patience})"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages, env=environment,
        )
        assert isinstance(process.stdout, BufferedReader)
        try:
            _frame(process.stdout)
        except EOFError:
            process.wait()
            raise BasecallerError(f"the process that reads raw files cannot start: {self._said()[-1:]}") from None
        return process

    def _stop(self) -> int:
        """End the process, if there is one; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None and process.stdout is not None
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            return process.wait(timeout=0.5)  # Ctrl-C shall be quick
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _ending(self, status: int) -> str:
        """How the process ended and what its library said: the first complaint, which names the cause."""
        said = self._said()
        if status == -signal.SIGPROF:
            how = "is malformed: reading it does not end"
        elif status < 0:
            how = f"is malformed: the library that reads it crashes ({signal.Signals(-status).name})"
        else:
            how = "is malformed: the library that reads it gives up"
        return how + (f": {_brief(said[0])}" if said else "")

    def _said(self) -> list[str]:
        """What the libraries wrote to stderr, without its decoration."""
        self._messages.seek(0)
        lines = self._messages.read(MESSAGES).decode("utf-8", "replace").splitlines()
        return [line for line in (text(DECORATION.sub("", line)) for line in lines) if line]


def _brief(reason: str) -> str:
    """A library's complaint may quote whole lines of the file."""
    return reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 4] + " ..."


def _frame(stream: BufferedReader) -> tuple[Any, npt.NDArray[np.int16]]:
    """One frame from the process: its head and signal. Raises `EOFError` where the process ended."""
    size, length = FRAME.unpack(_exactly(stream, FRAME.size))
    head = pickle.loads(_exactly(stream, size))
    samples = np.empty(length // 2, np.int16)
    if length and stream.readinto(samples.data.cast("B")) < length:
        raise EOFError
    return head, samples


def _exactly(stream: BufferedReader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
