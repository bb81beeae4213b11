"""The process in which raw files are opened: a library that crashes, exits, hangs or devours memory takes only this.

Started by `isolated.py`. A request is a line of JSON on stdin, `[path, first read]`; the answers go to stdout as
frames: a `FRAME`, a pickled head and the raw signal. The head is True once the file is open, then for each read a
`ReadInfo` or a `(read id, reason)` for one that is bad, a string for what is wrong with the file, None at its end.
The very first frame, True, says that the process has started.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.reads.check import complaint
from basecaller.reads.files import detect
from basecaller.reads.read import Read

FRAME = struct.Struct("<QQ")
"""Bytes of the pickled head, bytes of the signal."""

LEAST_MEMORY, MEMORY_PER_BYTE, MOST_MEMORY = 512 << 20, 100, 4 << 30
"""Bytes that reading a file may take beyond what the libraries do: so many, and by the size of the file, up to the
longest read (`check.MAX_SAMPLES`) several times over. Only Linux enforces it."""

FILE_SIZE = 1 << 30
"""Bytes of messages and of one cut-out record that may be written."""


def main(patience: float) -> None:
    """Answer requests until stdin ends. Opening a file, or one read, may take `patience` seconds of CPU time.

    CPU time, as a slow disk or a stopped job is no hang; what hangs ends in SIGPROF.
    """
    _limit()
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # what a library prints must not mix with the frames
    try:
        _send(out, True)
        for line in sys.stdin:
            path, first = json.loads(line)
            os.ftruncate(2, 0)  # keep only what is said about this file
            os.lseek(2, 0, os.SEEK_SET)
            _answer(out, Path(path), first, patience)
            signal.setitimer(signal.ITIMER_PROF, 0)
    except BrokenPipeError:  # the reader lost interest
        os._exit(0)


def _limit() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, FILE_SIZE)


def _limit_memory(path: Path) -> None:
    """Let a file take memory in proportion to its size."""
    status = Path("/proc/self/status")
    if status.exists():
        used = next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if "VmData:" in line)
        _lower(resource.RLIMIT_DATA, used + min(LEAST_MEMORY + MEMORY_PER_BYTE * path.stat().st_size, MOST_MEMORY))


def _lower(what: int, limit: int) -> None:
    """Set a limit of this process, within what whoever started it allows."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _answer(out: BinaryIO, path: Path, first: int, patience: float) -> None:
    """Send every read of a file from the `first`th on and what is wrong with the file, if anything is."""
    try:
        opener = _opener(detect(path))
        _limit_memory(path)
        signal.setitimer(signal.ITIMER_PROF, patience)
        with opener(path) as reads:
            _send(out, True)
            for item in reads(first):
                if isinstance(item, ReadError):
                    _send(out, (item.read_id, item.reason))
                else:
                    _send(out, item.info, item.signal)
                signal.setitimer(signal.ITIMER_PROF, patience)
    except BrokenPipeError:
        raise
    except ReadError as error:
        _send(out, error.reason)
    except Exception as error:  # whatever a library raises is this file's fault
        _send(out, complaint(error))
    _send(out, None)


def _opener(kind: str) -> Callable[[Path], AbstractContextManager[Callable[[int], Iterator[Read | ReadError]]]]:
    """The reader of a format; each library is loaded when first needed."""
    if kind == "fast5":
        from basecaller.reads.fast5 import open_fast5

        return open_fast5
    if kind == "pod5":
        from basecaller.reads.pod5 import open_pod5

        return open_pod5
    from basecaller.reads.slow5 import open_slow5

    return open_slow5


def _send(out: BinaryIO, head: object, samples: npt.NDArray[np.int16] | None = None) -> None:
    body = pickle.dumps(head, protocol=5)
    out.write(FRAME.pack(len(body), 0 if samples is None else samples.nbytes))
    out.write(body)
    if samples is not None:
        out.write(samples.data.cast("B"))
    out.flush()
