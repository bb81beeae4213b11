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
from basecaller.reads.files import detect
from basecaller.reads.metadata import text
from basecaller.reads.read import Read

FRAME = struct.Struct("<QQ")
"""Bytes of the pickled head, bytes of the signal."""

MEMORY = 4 << 30
"""Bytes of data that this process may hold: the longest read (`check.MAX_SAMPLES`) several times over."""

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
    for what, limit in (
        (resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, FILE_SIZE)
    ):
        soft, hard = resource.getrlimit(what)
        if soft == resource.RLIM_INFINITY or soft > limit:
            resource.setrlimit(what, (limit, hard))


def _answer(out: BinaryIO, path: Path, first: int, patience: float) -> None:
    """Send every read of a file from the `first`th on and what is wrong with the file, if anything is."""
    try:
        signal.setitimer(signal.ITIMER_PROF, patience)
        with _opener(detect(path))(path) as reads:
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
        _send(out, f"cannot be read: {text(str(error)) or type(error).__name__}")
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
