"""Damage raw files in seeded random ways, and say what every reading of them must hold to."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
from pod5.signal_tools import vbz_compress_signal
from raw_files import make_read, write_multi_fast5, write_pod5, write_single_fast5, write_slow5

from basecaller.errors import ReadError
from basecaller.reads.read import Read

Mutation = Callable[[np.random.Generator, bytearray], None]


def write_bases(folder: Path) -> list[Path]:
    """Good files of every format and layout, small, so that most of their bytes matter."""
    reads = sorted((make_read(seed, samples=400) for seed in range(3)), key=lambda read: read.read_id)
    bases = [write_multi_fast5(folder / f"multi_{kind}.fast5", reads, kind) for kind in ("none", "gzip", "vbz")]
    bases.append(write_single_fast5(folder / "single.fast5", reads[0], "gzip"))
    latest = folder / "latest.fast5"  # HDF5's newer layout of groups, heaps and chunks
    with h5py.File(bases[1]) as old, h5py.File(latest, "w", libver="latest") as new:
        for name in old:
            old.copy(name, new)
    bases += [latest, write_pod5(folder / "reads.pod5", reads)]
    return bases + [write_slow5(folder / f"reads{suffix}", reads) for suffix in (".slow5", ".blow5")]


def some(rng: np.random.Generator, data: bytearray, longest: int = 64) -> slice:
    """A short stretch; every second time near the start or the end, where the headers are."""
    size = min(int(rng.integers(1, longest + 1)), len(data))
    room = len(data) - size + 1
    start = int(rng.integers(room))
    edge = rng.integers(4)
    if edge == 0:
        start = int(rng.integers(min(room, 2048)))
    elif edge == 1:
        start = room - 1 - int(rng.integers(min(room, 2048)))
    return slice(start, start + size)


def flip(rng: np.random.Generator, data: bytearray) -> None:
    for _ in range(int(rng.integers(1, 9))):
        place = some(rng, data, 1).start
        data[place] ^= 1 << int(rng.integers(8))


def scramble(rng: np.random.Generator, data: bytearray) -> None:
    where = some(rng, data)
    data[where] = rng.bytes(where.stop - where.start)


def extreme(rng: np.random.Generator, data: bytearray) -> None:
    """A number that is absurd as a size, an address or a count."""
    values = (0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63, 2**64 - 1, len(data))
    value = values[rng.integers(len(values))]
    width = int(rng.choice([2, 4, 8]))
    place = some(rng, data, 1).start
    data[place : place + width] = struct.pack("<Q", value)[:width]


def cut(rng: np.random.Generator, data: bytearray) -> None:
    del data[int(rng.integers(len(data))) :]


def remove(rng: np.random.Generator, data: bytearray) -> None:
    del data[some(rng, data)]


def repeat(rng: np.random.Generator, data: bytearray) -> None:
    where = some(rng, data)
    data[where.start : where.start] = data[where] * int(rng.integers(1, 100))


def blank(rng: np.random.Generator, data: bytearray) -> None:
    where = some(rng, data, 4096)
    data[where] = bytes(where.stop - where.start)


def transplant(rng: np.random.Generator, data: bytearray) -> None:
    """One stretch over another: addresses and sizes that are valid elsewhere."""
    source, target = some(rng, data), some(rng, data)
    data[target] = data[source][: target.stop - target.start].ljust(target.stop - target.start, b"\0")


MUTATIONS: tuple[Mutation, ...] = (flip, scramble, extreme, cut, remove, repeat, blank, transplant)


def mutate(rng: np.random.Generator, data: bytes) -> bytes:
    """One or two mutations."""
    mutant = bytearray(data)
    for _ in range(int(rng.integers(1, 3))):
        if mutant:
            MUTATIONS[rng.integers(len(MUTATIONS))](rng, mutant)
    return bytes(mutant)


def check(items: Sequence[Read | ReadError]) -> None:
    """Something is said of every file; what is given as a read is sound, what is not has a reason."""
    assert items
    for item in items:
        if isinstance(item, Read):
            info = item.info
            assert item.signal.dtype == np.int16 and 0 < len(item.signal) == info.num_samples
            assert math.isfinite(info.calibration.scale) and info.calibration.scale > 0
            assert 500 <= info.sampling_rate <= 50_000 and np.isfinite(item.picoamperes()).all()
            assert info.read_id.isprintable() and " " not in info.read_id
        else:
            assert item.reason and item.reason.isprintable() and len(item.reason) < 500


def signal_places(path: Path, reads: Sequence[Read]) -> list[slice]:
    """Where in the file each read's stored signal lies (BLOW5: its record)."""
    data = path.read_bytes()
    if path.suffix == ".fast5":
        with h5py.File(path) as file:
            chunks = [file[f"read_{read.read_id}/Raw/Signal"].id.get_chunk_info(0) for read in reads]
        return [slice(chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in chunks]
    if path.suffix == ".pod5":
        packed = [bytes(vbz_compress_signal(read.signal)) for read in reads]
        return [slice(data.index(part), data.index(part) + len(part)) for part in packed]
    places = []
    place = 68 + struct.unpack_from("<I", data, 64)[0]
    for _ in reads:
        size = struct.unpack_from("<Q", data, place)[0]
        places.append(slice(place + 8, place + 8 + size))
        place += 8 + size
    return places
