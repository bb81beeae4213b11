"""The record of what could not be used: which file, which read, and why."""

from __future__ import annotations

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from basecaller.errors import ReadError


@dataclass(frozen=True, slots=True)
class SetAside:
    """One file (`read_id` empty) or read that was left out."""

    path: str
    read_id: str
    reason: str


class Quarantine:
    """Collects what is set aside, each once, in order."""

    def __init__(self) -> None:
        self._entries: dict[SetAside, None] = {}

    @property
    def entries(self) -> tuple[SetAside, ...]:
        return tuple(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, path: str | Path, read_id: str | None, reason: str) -> None:
        """Note a file (`read_id` None) or a read."""
        self._entries[SetAside(str(path), read_id or "", reason)] = None

    def add_error(self, error: ReadError) -> None:
        """Note what a `ReadError` says."""
        self.add(error.path, error.read_id, error.reason)

    def write(self, path: str | Path) -> None:
        """Write the table `path`, `read_id`, `reason` (tab-separated, with a header), empty or not."""
        with Path(path).open("w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
            table = csv.writer(handle, delimiter="\t", lineterminator="\n")
            table.writerow(field.name for field in fields(SetAside))
            table.writerows(astuple(entry) for entry in self._entries)
