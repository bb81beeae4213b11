"""Reads from files through a `worker.py` process, which is replaced when a file kills it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from basecaller.errors import BasecallerError, ReadError
from basecaller.reads.metadata import text
from basecaller.reads.read import Read, ReadInfo
from basecaller.reads.worker import HEADER

MAX_CRASHES = 8
"""Crashes in one file after which the rest of it is set aside."""


class IsolatedReader:
    """Reads files one after another in a process of its own; a context manager.

    Raises `BasecallerError` where the process cannot even start.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> IsolatedReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stop()
        self._messages.close()

    def read(self, path: Path) -> Iterator[Read | ReadError]:
        """The reads of a file in stored order; a `ReadError` stands for each read, or the file, that is bad."""
        position = crashes = 0
        while True:
            try:
                for item in self._request(path, position):
                    position += 1
                    yield item
                return
            except EOFError:
                how = self._stop()
            crashes += 1
            position += 1
            where = f"at its read number {position}" if position > 1 else "at its start"
            if crashes == MAX_CRASHES:
                yield ReadError(f"{how} {where} and at {crashes - 1} places before; the rest is not read", path)
                return
            yield ReadError(f"{how} {where}", path)

    def _request(self, path: Path, first: int) -> Iterator[Read | ReadError]:
        """Have the process read a file. Raises `EOFError` where the process ends before the file does."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps([str(path), first]).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        while True:
            size, samples = HEADER.unpack(_exactly(process.stdout, HEADER.size))
            head = pickle.loads(_exactly(process.stdout, size))
            if head is None:
                return
            if isinstance(head, ReadInfo):
                signal = np.empty(samples // 2, np.int16)
                _fill(process.stdout, signal.data.cast("B"))
                yield Read(head, signal)
            else:
                yield ReadError(head[1], path, head[0])

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        return subprocess.Popen(
            [sys.executable, "-c", "from basecaller.reads.worker import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages, env=environment, bufsize=-1,
        )

    def _stop(self) -> str:
        """End the process, if there is one; how it ended and what its library said last."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdin is not None and process.stdout is not None
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            status = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        return self._ending(status)

    def _ending(self, status: int) -> str:
        self._messages.seek(0)
        said = [line for line in self._messages.read().decode("utf-8", "replace").splitlines() if line.strip()]
        if any("No module named" in line for line in said[-1:]):
            raise BasecallerError(f"the process that reads raw files cannot start: {said[-1]}")
        if status == -signal.SIGPROF:
            how = "reading hangs"
        elif status < 0:
            how = f"is malformed: the library that reads it crashed ({signal.Signals(-status).name})"
        else:
            how = "is malformed: the library that reads it gave up"
        return how + (f" saying {text(said[-1])!r}" if said else "")


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _fill(stream: IO[bytes], buffer: memoryview) -> None:
    done = 0
    while done < len(buffer):
        count = stream.readinto(buffer[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
