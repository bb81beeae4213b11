"""What all writers of reads have in common: a context manager with `write`, and how an output comes to its name."""

from __future__ import annotations

import logging
import select
import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from basecaller.decode.call import Call
from basecaller.errors import BasecallerError, UsageError
from basecaller.output import beside
from basecaller.output.align import Hit

logger = logging.getLogger(__name__)

STDOUT = "-"

W = TypeVar("W", bound="Writer")


class Writer(ABC):
    """Takes calls in order; the file gets its final name when the `with` block ends well.

    When the block ends by an error, what was written stays beside as `<name>.partial` for a later run to continue.
    `keep`: the names of reads whose records are taken over from such a file (see `recover`); None starts afresh.
    Errors of the disk are raised as `BasecallerError` naming the file, a closed pipe as `BrokenPipeError`.
    """

    def __init__(self, path: str | Path, keep: Collection[str] | None = None) -> None:
        self.stdout = str(path) == STDOUT
        self.path = Path(path)
        self.count = 0
        """Reads written, those taken over included."""
        self._keep = keep
        if self.stdout:
            if keep is not None:
                raise UsageError("standard output cannot be continued; name a file with -o")
            return
        if not self.path.parent.is_dir():
            raise UsageError(f"{self.path}: the folder {self.path.parent} does not exist")
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a folder; name a file")

    @property
    def partial(self) -> Path:
        """Where the file grows."""
        return beside.partial_path(self.path)

    def write(self, call: Call, hits: Sequence[Hit] = ()) -> None:
        """Append one read; `hits` are where it aligns, for formats that show it."""
        try:
            self._write(call, hits)
        except OSError as error:
            raise self._error(error) from error
        self.count += 1

    def close(self) -> None:
        """End well: everything written, the final name given."""
        try:
            self._finish()
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self: W) -> W:
        try:
            if not self.stdout and self._keep is None:
                beside.discard(self.path)
            previous = None if self.stdout else beside.set_back(self.path)
            self._start(previous, frozenset(self._keep or ()))
            if previous is not None:
                beside.discard(self.path, previous_only=True)
        except OSError as error:
            raise self._error(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self._stop()
        except OSError as second:
            if not isinstance(error, BasecallerError | OSError):
                logger.warning("%s", self._error(second))

    @abstractmethod
    def _start(self, previous: Path | None, keep: frozenset[str]) -> None:
        """Open the partial file (or standard output) and copy the kept records of `previous` into it."""

    @abstractmethod
    def _write(self, call: Call, hits: Sequence[Hit]) -> None: ...

    @abstractmethod
    def _stop(self) -> None:
        """Write out what is buffered and close, leaving the partial file."""

    @abstractmethod
    def _finish(self) -> None:
        """Close and publish."""

    def _error(self, error: OSError) -> Exception:
        if isinstance(error, BrokenPipeError):
            return error
        if self.stdout and _reader_has_gone():
            return BrokenPipeError("standard output was closed")
        where = "standard output" if self.stdout else str(self.path)
        return BasecallerError(f"{where}: cannot be written ({error.strerror or error})")


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe that nobody reads: htslib's errors do not say so."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
