"""`open_reads`: reads out of any mix of files and folders, in a stable order, with the bad ones set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from basecaller.errors import ReadError
from basecaller.reads.files import find_files
from basecaller.reads.isolated import IsolatedReader
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read
from basecaller.reads.seen import Seen


class ReadSource:
    """Iterates over `Read`s; see `open_reads`."""

    def __init__(self, files: list[str], quarantine: Quarantine) -> None:
        self._files = files
        self.quarantine = quarantine
        """What could not be used, filled while iterating."""

    @property
    def files(self) -> list[Path]:
        """The files found, in reading order."""
        return [Path(file) for file in self._files]

    def __iter__(self) -> Iterator[Read]:
        seen = Seen()
        with IsolatedReader() as reader:
            for path in self._files:
                for item in reader.read(Path(path)):
                    if isinstance(item, ReadError):
                        self.quarantine.add_error(item)
                    elif seen.add(item.read_id):
                        yield item
                    else:
                        self.quarantine.add(path, item.read_id, "is a duplicate: a read of this id came before")


def open_reads(
    paths: Iterable[str | Path] | str | Path, *, recursive: bool = True, quarantine: Quarantine | None = None
) -> ReadSource:
    """Reads of FAST5, POD5 and SLOW5/BLOW5 files and folders, told by content, as an iterable of `Read`.

    Order: paths as given, within a folder sorted by path, within a file as stored. A file or read that cannot be
    used never raises: it is named in `quarantine` (a new one if None is given). No signal is kept after it is
    yielded. Raises `UsageError` at once for a path that does not exist.
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    return ReadSource(list(find_files((Path(path) for path in paths), recursive)),
                      Quarantine() if quarantine is None else quarantine)
