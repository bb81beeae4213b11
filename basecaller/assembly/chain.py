"""Chaining: which minimizer matches (anchors) between two sequences lie on one alignment (after Li 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from basecaller.assembly.kernel import kernel
from basecaller.assembly.minimizer import BUCKET_BITS, HASH_BITS, POSITION_BITS, Sketch, minimizers
from basecaller.errors import BasecallerError

COARSE_BITS = 8
"""Flat positions are looked up through a table with one entry per 2**8 bases."""
TIE = np.float32(0.05)
"""Of predecessors that are as good, the nearest is taken: no anchor of the chain is left over to look like another."""
TRIES = 64
"""Chains looked at, those too short to count included."""
LEAST_FIELD = 21


def position_bits(longest: int, sequences: int) -> int:
    """Bits of either position in a packed anchor; the number of its target has what is left of 63.

    Raises `BasecallerError` where so many sequences of such length do not fit.
    """
    field = max(LEAST_FIELD, longest.bit_length())
    if sequences.bit_length() > 63 - 2 * field:
        raise BasecallerError(f"{sequences} sequences of up to {longest} bases are too many to be compared")
    return field


@kernel
def coarse_table(offsets: Any) -> Any:
    """For each block of 2**COARSE_BITS flat positions, the sequence that holds its first one."""
    size = (offsets[-1] >> COARSE_BITS) + 1
    table = np.empty(size, np.int32)
    r = 0
    for b in range(size):
        while r + 2 < len(offsets) and offsets[r + 1] <= (b << COARSE_BITS):
            r += 1
        table[b] = r
    return table


@kernel
def collect(
    query: Any, sketch: Sketch, keys: Any, buckets: Any, offsets: Any, coarse: Any, field: int, after: int,
    scratch: Any, anchors: Any,
) -> Any:
    """Anchors of a query against the index, packed (target, reverse, target position, query position) and sorted.

    `field` is that of `position_bits`. Only targets with a flat position of at least `after` are met. On the reverse
    strand the query position counts from the query's end, so that both positions rise along a chain. `anchors` is
    grown as needed; returns (anchors, count).
    """
    hashes, positions, strands = scratch
    count = minimizers(query, sketch, hashes, positions, strands)
    low = np.uint64((1 << POSITION_BITS) - 1)
    one = np.uint64(1)
    n = 0
    for i in range(count):
        h = hashes[i]
        bucket = np.int64(h >> np.uint64(HASH_BITS - BUCKET_BITS))
        lo = buckets[bucket]
        hi = buckets[bucket + 1]
        wanted = (h << np.uint64(POSITION_BITS)) | (np.uint64(after) << one)
        while lo < hi:
            middle = (lo + hi) >> 1
            if keys[middle] < wanted:
                lo = middle + 1
            else:
                hi = middle
        j = lo
        while j < len(keys) and keys[j] >> np.uint64(POSITION_BITS) == h:
            entry = keys[j] & low
            flat = np.int64(entry >> one)
            t = np.int64(coarse[flat >> COARSE_BITS])
            while offsets[t + 1] <= flat:
                t += 1
            reverse = np.uint64((entry & one) ^ np.uint64(strands[i]))
            at = positions[i] if reverse == 0 else len(query) - positions[i] - sketch.k
            if n == len(anchors):
                grown = np.empty(2 * n, np.uint64)
                grown[:n] = anchors
                anchors = grown
            anchors[n] = (
                (np.uint64(t) << np.uint64(2 * field + 1))
                | (reverse << np.uint64(2 * field))
                | (np.uint64(flat - offsets[t]) << np.uint64(field))
                | np.uint64(at)
            )
            n += 1
            j += 1
    anchors[:n].sort()
    return anchors, n


@kernel
def workspace(size: int) -> Any:
    """Room for the chaining of so many anchors: (score, back, used, path) for `chain` and `trace`."""
    return np.empty(size, np.float32), np.empty(size, np.int64), np.empty(size, np.bool_), np.empty(size, np.int64)


@kernel
def group_end(anchors: Any, first: int, n: int, field: int) -> int:
    """Where the anchors on the same target and strand as anchor `first` end."""
    group = anchors[first] >> np.uint64(2 * field)
    last = first
    while last < n and anchors[last] >> np.uint64(2 * field) == group:
        last += 1
    return last


@kernel
def positions(anchor: Any, field: int) -> Any:
    """(target position, query position) of an anchor."""
    mask = np.uint64((1 << field) - 1)
    return np.int64((anchor >> np.uint64(field)) & mask), np.int64(anchor & mask)


@kernel
def stretch(anchors: Any, path: Any, count: int, k: int, field: int) -> Any:
    """What a traced chain spans: (target, reverse, target start and end, query start and end)."""
    group = np.int64(anchors[path[0]] >> np.uint64(2 * field))
    ts, qs = positions(anchors[path[count - 1]], field)
    te, qe = positions(anchors[path[0]], field)
    return group >> 1, group & 1, ts, te + k, qs, qe + k


@kernel
def with_room(rows: Any, n: int) -> Any:
    """A table with room for one row after the first n: itself, or a copy twice as long."""
    if n < len(rows):
        return rows
    grown = np.empty((2 * n, rows.shape[1]), rows.dtype)
    grown[:n] = rows
    return grown


@kernel
def chain(anchors: Any, first: int, last: int, field: int, k: int, max_gap: int, score: Any, back: Any) -> None:
    """Best chain score ending at each anchor of one group, and the anchor before it (-1: none).

    An anchor adds the bases it covers anew; a change of diagonal costs by its size.
    """
    for i in range(first, last):
        ti, qi = positions(anchors[i], field)
        best = np.float32(k)
        best_j = -1
        misses = 0
        for j in range(i - 1, max(first, i - 64) - 1, -1):
            tj, qj = positions(anchors[j], field)
            dt, dq = ti - tj, qi - qj
            if dt > max_gap:
                break
            if dq <= 0 or dt <= 0 or dq > max_gap:
                continue
            near = min(dt, dq)
            drift = abs(dt - dq)
            if drift > 30 + (near >> 2):
                continue
            covered = k if near > k else near
            gain = np.float32(covered) - np.float32(0.12) * np.float32(drift) - np.float32(0.003) * np.float32(near)
            value = score[j] + gain
            if value > best + TIE:
                best = value
                best_j = j
                misses = 0
            else:
                misses += 1
                if misses > 12:
                    break
        score[i] = best
        back[i] = best_j


@kernel
def trace(first: int, last: int, score: Any, back: Any, used: Any, path: Any) -> int:
    """The best chain of a group among unused anchors, written to `path` from its end to its start; returns its length.

    Its anchors are marked in `used`. A chain that runs into a used anchor ends there.
    """
    best = -1
    for i in range(first, last):
        if not used[i] and (best < 0 or score[i] > score[best]):
            best = i
    if best < 0:
        return 0
    n = 0
    i = best
    while i >= 0 and not used[i]:
        path[n] = i
        used[i] = True
        n += 1
        i = back[i]
    return n
