"""Which read ids came before, in 8 bytes each: a run of ten million reads must not fill the memory with names."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

RECENT = 1 << 16


class Seen:
    """A set of read ids, as 64-bit hashes: two of ten million different ids share one by a chance of 3e-6."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._sorted = np.empty(0, np.uint64)

    def add(self, read_id: str) -> bool:
        """Add an id; whether it is new."""
        key = int.from_bytes(blake2b(read_id.encode(), digest_size=8).digest(), "little")
        if key in self._recent:
            return False
        place = int(self._sorted.searchsorted(np.uint64(key)))
        if place < len(self._sorted) and int(self._sorted[place]) == key:
            return False
        self._recent.add(key)
        if len(self._recent) >= RECENT:
            fresh = np.fromiter(self._recent, np.uint64, len(self._recent))
            self._sorted = np.sort(np.concatenate([self._sorted, fresh]), kind="stable")
            self._recent.clear()
        return True
