"""Files that may be packed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from basecaller.packed import open_unpacked


@pytest.mark.parametrize("content", [b"", b"A", b"a line\nand another\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_unpacked_whatever_its_name(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    with open_unpacked(path) as handle:
        assert handle.read() == content
