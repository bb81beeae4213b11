"""One reading process for all reader tests: starting it is most of a small file's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from basecaller.errors import ReadError
from basecaller.reads.isolated import IsolatedReader
from basecaller.reads.read import Read


@pytest.fixture(scope="session")
def read_file() -> Iterator[Callable[[Path], tuple[list[Read], list[ReadError]]]]:
    """Reads a file: its reads, and what is wrong."""
    with IsolatedReader() as reader:

        def read(path: Path) -> tuple[list[Read], list[ReadError]]:
            items = list(reader.read(path))
            return [item for item in items if isinstance(item, Read)], [
                item for item in items if isinstance(item, ReadError)
            ]

        yield read
