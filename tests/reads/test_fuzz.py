"""A few hundred damaged files of each format; `tests/fuzz/readers.py` does thousands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mutants import check, mutate, signal_places, write_bases
from raw_files import make_read, write_multi_fast5, write_pod5, write_slow5

from basecaller.errors import ReadError
from basecaller.reads.isolated import IsolatedReader
from basecaller.reads.read import Read

MUTANTS = 25
"""Of each base file."""


def test_damaged_files_end_in_reads_or_reasons(tmp_path: Path) -> None:
    bases = write_bases(tmp_path)
    good = {path: path.read_bytes() for path in bases}
    with IsolatedReader(patience=1.0) as reader:
        for number in range(MUTANTS):
            for path in bases:
                rng = np.random.default_rng([number, bases.index(path)])
                mutant = path.with_stem("mutant")
                mutant.write_bytes(mutate(rng, good[path]))
                check(list(reader.read(mutant)))
        for path in bases:
            found = list(reader.read(path))
            assert all(isinstance(item, Read) for item in found), "a good file is read after all the bad ones"


@pytest.mark.parametrize("name", ["a_gzip.fast5", "a_vbz.fast5", "a.pod5", "a.blow5"])
def test_damage_to_one_signal_costs_no_other_read(
    tmp_path: Path, read_file: Callable[[Path], tuple[list[Read], list[ReadError]]], name: str
) -> None:
    reads = sorted((make_read(seed) for seed in range(5)), key=lambda read: read.read_id)
    path = tmp_path / name
    if path.suffix == ".fast5":
        write_multi_fast5(path, reads, path.stem.partition("_")[2])
    else:
        (write_pod5 if path.suffix == ".pod5" else write_slow5)(path, reads)
    good, places = path.read_bytes(), signal_places(path, reads)
    rng = np.random.default_rng(7)
    for _ in range(30):
        hit = int(rng.integers(len(reads)))
        data = bytearray(good)
        part = bytearray(data[places[hit]])
        size = int(rng.integers(1, 40))
        start = int(rng.integers(len(part) - size))
        part[start : start + size] = rng.bytes(size)
        data[places[hit]] = part
        path.write_bytes(data)
        found = {read.read_id: read.signal for read in read_file(path)[0]}
        for number, read in enumerate(reads):
            if number != hit:
                np.testing.assert_array_equal(found[read.read_id], read.signal)
