"""The package's own exceptions: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class BasecallerError(Exception):
    """Base of every error that this package raises on purpose; its text is meant for the user."""


class UsageError(BasecallerError):
    """The command or function was asked for something that cannot be (exit status 2)."""


class ModelError(BasecallerError):
    """A model folder, config or weight file is missing, unreadable or does not fit."""


class ReadError(BasecallerError):
    """One read, or one whole file (`read_id` None), cannot be used.

    It is set aside, named in the quarantine table, and costs no other read.
    """

    def __init__(self, reason: str, path: str | Path = "", read_id: str | None = None) -> None:
        self.reason = reason
        self.path = str(path)
        self.read_id = read_id
        where = self.path + (f", read {read_id}" if read_id else "")
        super().__init__(f"{where}: {reason}" if where else reason)
