"""Outputs appear whole: written beside the final name, renamed at a clean end, continued after a kill.

`calls.bam` grows as `calls.bam.partial`. To continue, that file becomes `calls.bam.partial.previous`, its whole records
are copied into a new `calls.bam.partial`, and only then is the previous one removed: whenever the power goes, one of
the two holds every record that had been kept.
"""

from __future__ import annotations

import os
from pathlib import Path


def partial_path(path: str | Path) -> Path:
    """Where the output `path` grows until it is complete."""
    path = Path(path)
    return path.with_name(path.name + ".partial")


def leftover(path: str | Path) -> Path | None:
    """What an interrupted run left of the output `path`, None when it left nothing."""
    partial = partial_path(path)
    for candidate in (_previous(partial), partial):
        if candidate.exists():
            return candidate
    return None


def set_back(path: str | Path) -> Path | None:
    """Make room for a new partial file and return the old one, from which records are to be copied."""
    partial = partial_path(path)
    previous = _previous(partial)
    if not previous.exists():
        if not partial.exists():
            return None
        partial.replace(previous)
    return previous


def discard(path: str | Path, *, previous_only: bool = False) -> None:
    """Remove what an interrupted run left of the output `path`."""
    partial = partial_path(path)
    _previous(partial).unlink(missing_ok=True)
    if not previous_only:
        partial.unlink(missing_ok=True)


def publish(source: Path, path: Path) -> None:
    """Give a complete file its final name, once its bytes are on the disk."""
    with source.open("rb+") as handle:
        os.fsync(handle.fileno())
    source.replace(path)


def _previous(partial: Path) -> Path:
    return partial.with_name(partial.name + ".previous")
