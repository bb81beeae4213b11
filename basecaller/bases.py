"""Bases as small numbers, and the N50 of sequences: what evaluation, simulator, assembler and report share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]
"""(L,) uint8: A, C, G, T (or U) = 0, 1, 2, 3, any other letter `UNKNOWN`, no base at all (`-`) `GAP`."""

UNKNOWN, GAP = 4, 5

_CODE = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
    _CODE[list(_letters.encode())] = _code
_CODE[ord("-")] = GAP
_LETTER = np.frombuffer(b"ACGTN-", np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN, GAP], dtype=np.uint8)


def encode(sequence: str) -> Codes:
    """Codes of a sequence, either case."""
    return _CODE[np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)]


def decode(codes: Codes) -> str:
    """The sequence that codes stand for, upper case."""
    return _LETTER[codes].tobytes().decode("ascii")


def reverse_complement(codes: Codes) -> Codes:
    """The other strand, 5' to 3', as a contiguous copy."""
    return _COMPLEMENT[codes[::-1]]


def kmers(codes: Codes, k: int) -> npt.NDArray[np.int64]:
    """(L - k + 1,) index of each k-mer of a sequence (L,) of 0..3, in lexicographic order."""
    count = max(0, len(codes) - k + 1)
    index = np.zeros(count, np.int64)
    for i in range(k):
        index = index * 4 + codes[i : count + i]
    return index


def n50(lengths: npt.ArrayLike) -> int:
    """Half of all bases are in sequences of this length or more (0 without sequences); `lengths` (N,) bases."""
    ordered = np.sort(np.asarray(lengths, np.int64))[::-1]
    return int(ordered[np.searchsorted(2 * np.cumsum(ordered), ordered.sum())]) if len(ordered) else 0
