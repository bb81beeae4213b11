"""Files that may be packed with gzip, told by their first bytes, not by their names."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, cast

GZIP = b"\x1f\x8b"
"""What a gzip file begins with (RFC 1952), and so does a BAM file."""


def open_unpacked(path: str | Path) -> BinaryIO:
    """A file's bytes, unpacked where it is a gzip file.

    `OSError` where it cannot be opened; reading from a damaged gzip file may also raise `EOFError` and `zlib.error`.
    """
    with Path(path).open("rb") as plain:
        packed = plain.read(2) == GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else Path(path).open("rb")
