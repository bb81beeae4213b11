"""Minimizers: the sparse exact k-mers through which reads find one another, and a sorted index of them.

A window's minimizer is its k-mer of smallest hash, taken on the strand whose k-mer is smaller (Roberts 2004, Li 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from basecaller.assembly.kernel import kernel
from basecaller.assembly.parallel import blocks, run_blocks

HASH_BITS = 30
"""Of a minimizer; room for 15 bases, shorter k-mers fill the upper bits."""
POSITION_BITS = 64 - HASH_BITS
"""Of an index key: the low bits are (flat position << 1) | strand."""
BUCKET_BITS = 22


class Sketch(NamedTuple):
    """Which k-mers are minimizers: the smallest of each `window` k-mers of `k` (at most 15) bases."""

    k: int
    window: int


CLEAN = Sketch(15, 5)
NOISY = Sketch(13, 3)
"""For reads of more than about 9 % errors, of which few k-mers of 15 bases are free."""


@kernel
def hash_kmer(kmer: Any, mask: Any) -> Any:
    """A bijection of 30-bit numbers that scatters low-complexity k-mers."""
    kmer = (kmer ^ (kmer >> np.uint64(15))) & mask
    kmer = (kmer * np.uint64(0x2C1B3C6D)) & mask
    kmer = kmer ^ (kmer >> np.uint64(12))
    kmer = (kmer * np.uint64(0x297A2D39)) & mask
    return kmer ^ (kmer >> np.uint64(15))


@kernel
def minimizers(codes: Any, sketch: Sketch, hashes: Any, positions: Any, strands: Any) -> int:
    """Write the minimizers of one sequence (hash, start, strand) in order; returns how many.

    The output arrays must hold len(codes) entries. K-mers that are their own reverse complement, or hold an unknown
    base, are left out.
    """
    k, w = sketch
    lift = np.uint64(HASH_BITS - 2 * k)
    mask = np.uint64((1 << (2 * k)) - 1)
    shift = np.uint64(2 * (k - 1))
    two = np.uint64(2)
    none = np.uint64(1 << 62)
    ring = np.full(w, none, np.uint64)
    ring_strand = np.zeros(w, np.uint8)
    forward = np.uint64(0)
    backward = np.uint64(0)
    run = 0
    count = 0
    best = none
    best_at = -1
    last = -1
    for i in range(len(codes)):
        c = codes[i]
        slot = i % w
        value = none
        strand = np.uint8(0)
        if c < 4:
            forward = ((forward << two) | np.uint64(c)) & mask
            backward = (backward >> two) | (np.uint64(3 - c) << shift)
            run += 1
            if run >= k and forward != backward:
                if forward < backward:
                    value = hash_kmer(forward, mask)
                else:
                    value = hash_kmer(backward, mask)
                    strand = np.uint8(1)
        else:
            run = 0
        ring[slot] = value
        ring_strand[slot] = strand
        if value <= best:
            best = value
            best_at = i
        elif best_at <= i - w:
            best = none
            for j in range(i - w + 1, i + 1):
                if ring[j % w] <= best:
                    best = ring[j % w]
                    best_at = j
        if i >= k + w - 2 and best != none and best_at != last:
            last = best_at
            hashes[count] = best << lift
            positions[count] = best_at - k + 1
            strands[count] = ring_strand[best_at % w]
            count += 1
    return count


@kernel
def _keys(codes: Any, offsets: Any, first: int, last: int, sketch: Sketch, longest: int) -> Any:
    """Index keys (hash, flat position, strand) of the minimizers of reads first..last-1."""
    out = np.empty(max(1, offsets[last] - offsets[first]), np.uint64)
    hashes = np.empty(longest, np.uint64)
    positions = np.empty(longest, np.int64)
    strands = np.empty(longest, np.uint8)
    n = 0
    for r in range(first, last):
        count = minimizers(codes[offsets[r] : offsets[r + 1]], sketch, hashes, positions, strands)
        for i in range(count):
            flat = np.uint64(offsets[r] + positions[i])
            out[n] = (hashes[i] << np.uint64(POSITION_BITS)) | (flat << np.uint64(1)) | np.uint64(strands[i])
            n += 1
    return out[:n].copy()


@kernel
def _drop_frequent(keys: Any, most: int) -> int:
    """Squeeze out, in place, the minimizers that occur more than `most` times; returns how many keys stay."""
    shift = np.uint64(POSITION_BITS)
    n = 0
    i = 0
    while i < len(keys):
        j = i
        value = keys[i] >> shift
        while j < len(keys) and keys[j] >> shift == value:
            j += 1
        if j - i <= most:
            for x in range(i, j):
                keys[n] = keys[x]
                n += 1
        i = j
    return n


@dataclass(frozen=True, eq=False)
class Index:
    """The minimizers of a set of sequences, sorted by hash, then by position."""

    keys: npt.NDArray[np.uint64]
    buckets: npt.NDArray[np.int64]
    """(2**BUCKET_BITS + 1,) int64: where the keys with each hash prefix begin."""
    sketch: Sketch


def build_index(
    codes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], sketch: Sketch, most: int, threads: int
) -> Index:
    """Index flat sequences; minimizers seen more than `most` times are left out."""
    longest = int(np.diff(offsets).max(initial=1))
    parts = run_blocks(
        lambda first, last: _keys(codes, offsets, first, last, sketch, longest), blocks(np.diff(offsets)), threads
    )
    keys = np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    del parts
    keys.sort()
    keys = keys[: _drop_frequent(keys, most)]
    bounds = np.arange((1 << BUCKET_BITS) + 1, dtype=np.uint64) << np.uint64(64 - BUCKET_BITS)
    buckets = np.searchsorted(keys, bounds).astype(np.int64)
    buckets[-1] = len(keys)  # the last bound wraps to 0
    return Index(keys, buckets, sketch)
