"""The process in which raw files are opened: a library that crashes, exits, hangs or devours memory takes only this.

Started by `isolated.py`. A request is a line of JSON on stdin, `[path, first read]`; the answers go to stdout as
frames: a `HEADER`, a pickled head and the raw signal. The head is a `ReadInfo`, a `(read_id, reason)` for what is set aside,
or None at the end of the file.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.reads.files import detect
from basecaller.reads.metadata import text
from basecaller.reads.read import Read

HEADER = struct.Struct("<QQ")
"""Bytes of the pickled head, bytes of the signal."""

MEMORY = 4 << 30
"""Bytes of data that this process may hold: the longest read (`check.MAX_SAMPLES`) several times over."""

CPU_SECONDS = 60.0
"""CPU time that opening a file or reading one read may take; a hang ends in SIGPROF."""

MESSAGES = 1 << 20
"""Bytes that the libraries may write to stderr or any other file."""


def main() -> None:
    """Answer requests until stdin ends."""
    _limit()
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # what a library prints must not mix with the frames
    try:
        for line in sys.stdin:
            path, first = json.loads(line)
            os.ftruncate(2, 0)
            _answer(out, Path(path), first)
            signal.setitimer(signal.ITIMER_PROF, 0)
    except BrokenPipeError:  # the reader lost interest
        os._exit(0)


def _limit() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for what, limit in (
        (resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, MESSAGES)
    ):
        soft, hard = resource.getrlimit(what)
        if soft == resource.RLIM_INFINITY or soft > limit:
            resource.setrlimit(what, (limit, hard))


def _answer(out: BinaryIO, path: Path, first: int) -> None:
    """Send every read of a file from the `first`th on, then what is wrong with the file if anything is, then None."""
    try:
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        for item in _read_file(path, first):
            if isinstance(item, ReadError):
                _send(out, (item.read_id, item.reason))
            else:
                _send(out, item.info, item.signal)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    except BrokenPipeError:
        raise
    except ReadError as error:
        _send(out, (error.read_id, error.reason))
    except Exception as error:
        _send(out, (None, f"cannot be read: {text(str(error)) or type(error).__name__}"))
    _send(out, None)


def _read_file(path: Path, first: int) -> Iterator[Read | ReadError]:
    """The reads of a file, by the reader for its content; each library is loaded when first needed."""
    kind = detect(path)
    if kind == "fast5":
        from basecaller.reads.fast5 import read_fast5

        return read_fast5(path, first)
    if kind == "pod5":
        from basecaller.reads.pod5 import read_pod5

        return read_pod5(path, first)
    from basecaller.reads.slow5 import read_slow5

    return read_slow5(path, first)


def _send(out: BinaryIO, head: object, samples: npt.NDArray[np.int16] | None = None) -> None:
    body = pickle.dumps(head, protocol=5)
    out.write(HEADER.pack(len(body), 0 if samples is None else samples.nbytes))
    out.write(body)
    if samples is not None:
        out.write(samples.data.cast("B"))
    out.flush()
