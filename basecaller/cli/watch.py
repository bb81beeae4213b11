"""Files of a folder as a sequencer finishes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from basecaller.errors import UsageError
from basecaller.reads.source import open_reads

POLL_S = 2.0
"""Seconds between looks at the folder."""
SETTLED_S = 10.0
"""A file is finished when it has not changed for this long."""


def finished_files(
    folder: Path, timeout: float | None, *, poll: float = POLL_S, settled: float = SETTLED_S
) -> Iterator[list[Path]]:
    """New finished files of `folder` and the folders in it, each once, in a stable order, some at a time.

    Ends when no file has come or changed for `timeout` seconds; None: never. Raises `UsageError` for no folder.
    """
    if not folder.is_dir():
        raise UsageError(f"no folder {folder} to watch")
    given: set[Path] = set()
    states: dict[Path, tuple[int, int, float]] = {}
    last_news = time.monotonic()
    while True:
        now = time.monotonic()
        ready = []
        for path in open_reads(folder).files:
            if path in given:
                continue
            try:
                state = path.stat()
            except OSError:  # renamed or removed meanwhile
                continue
            size, changed, since = states.get(path, (-1, -1, now))
            if (state.st_size, state.st_mtime_ns) != (size, changed):
                # A file that was written long before the watch began need not be waited for.
                age = max(0.0, time.time() - state.st_mtime) if path not in states else 0.0
                since = now - age
                states[path] = (state.st_size, state.st_mtime_ns, since)
                last_news = now
            if now - since >= settled:
                ready.append(path)
        if ready:
            given.update(ready)
            for path in ready:
                del states[path]
            yield ready
            last_news = time.monotonic()
        elif timeout is not None and not states and now - last_news >= timeout:
            return
        else:
            time.sleep(poll)
