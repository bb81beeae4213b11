"""What `basecall` says while it works and at its end: a line that moves on a terminal, one sentence at last."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from basecaller.decode.call import Call


class Tally:
    """Counts calls; shows progress on standard error when that is a terminal. A context manager."""

    def __init__(self, *, show: bool) -> None:
        self.reads = self.bases = self.samples = 0
        self._wrong = 0.0
        self._start = time.monotonic()
        self._sizes: dict[str, int] = {}
        self._path = ""
        self._progress = Progress(
            SpinnerColumn(), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True, disable=not (show and sys.stderr.isatty()),
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Tally:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def expect(self, files: Sequence[Path]) -> None:
        """Files that will be read: their sizes are what progress and the time left are reckoned by."""
        for file in files:
            self._sizes[str(file)] = file.stat().st_size if file.is_file() else 0
        # Of a single file nobody knows how far it is read.
        total = sum(self._sizes.values())
        self._progress.update(self._task, total=total if len(self._sizes) > 1 else None)

    def add(self, call: Call) -> None:
        """Count one call."""
        self.reads += 1
        self.bases += len(call.sequence)
        self.samples += call.info.num_samples
        self._wrong += len(call.sequence) * 10 ** (-call.mean_qscore / 10)
        if self._progress.disable:
            return
        if call.info.path != self._path:
            self._progress.advance(self._task, self._sizes.get(self._path, 0))
            self._path = call.info.path
        self._progress.update(self._task, description=(
            f"{self.reads:,} reads, {self.bases:,} bases, {self.samples / self.seconds / 1e6:.2f} M samples/s"))

    @property
    def seconds(self) -> float:
        """Since the start."""
        return max(1e-3, time.monotonic() - self._start)

    def sentence(self) -> str:
        """What was called, how good, how fast."""
        quality = f", mean Q {-10 * math.log10(self._wrong / self.bases):.1f}" if self.bases else ""
        return (f"{self.reads:,} reads called, {self.bases:,} bases{quality}, {self.samples:,} samples in "
                f"{self.seconds:.1f} s ({self.samples / self.seconds / 1e6:.2f} M samples/s)")
