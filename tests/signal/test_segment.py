"""Batches of equal work, in input order; a table that brings back what was written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.errors import UsageError
from basecaller.model.config import SignalConfig
from basecaller.reads.source import open_reads
from basecaller.signal.prepare import prepare
from basecaller.signal.segment import partition, read_batch, write_segments


@given(st.lists(st.integers(1, 500), max_size=200), st.integers(1, 20))
def test_batches_are_runs_of_neighbours_of_equal_work(work: list[int], batches: int) -> None:
    numbers = partition(work, batches)
    assert len(numbers) == len(work)
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(range(batches))
    if len(work) >= batches:
        assert set(numbers) == set(range(batches))
        loads = np.bincount(numbers, weights=work)
        # No run of neighbours can beat the mean; none of these is worse than it by more than one read.
        assert loads.max() <= sum(work) / batches + max(work)


def test_one_giant_read_does_not_starve_the_others() -> None:
    numbers = partition([1000, *[1] * 30], 4)
    assert np.bincount(numbers, weights=[1000, *[1] * 30]).tolist() == [1000, 10, 10, 10]


def test_fewer_reads_than_batches() -> None:
    assert partition([5, 5], 4) == [0, 1]
    assert partition([5, 500, 5], 3) == [0, 1, 2]
    assert partition([], 3) == []


def test_the_table_says_what_will_be_called(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "segments.tsv"
    bad = tmp_path / "bad.fast5"
    bad.write_bytes(b"no signal here")
    files = [*sorted((shared_data / "ecoli_r94").glob("*.fast5"))[:12], shared_data / "human_rfc1_r941", bad]
    source = open_reads(files)
    totals = write_segments(source, SignalConfig(), 5, path)
    assert totals.reads == 12 + 35
    assert totals.set_aside == len(source.quarantine) == 1

    reads = list(open_reads(files))
    with path.open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert [row["read_id"] for row in rows[:-1]] == [read.read_id for read in reads]
    assert rows[-1]["filename"] == str(bad)
    assert rows[-1]["set_aside"] and not rows[-1]["batch"]
    for row, read in list(zip(rows, reads, strict=False))[::9]:
        prepared = prepare(read, SignalConfig())
        assert int(row["samples"]) == read.signal.size
        assert int(row["trim"]) == prepared.trimmed
        assert float(row["shift"]) == pytest.approx(prepared.scaling.shift, abs=1e-3)
        assert float(row["scale"]) == pytest.approx(prepared.scaling.scale, abs=1e-3)
        size, overlap = SignalConfig().chunk, SignalConfig().overlap
        assert int(row["chunks"]) == max(1, -(-(prepared.signal.size - overlap) // (size - overlap)))
    assert max(totals.loads) < 2 * min(totals.loads)

    listed = []
    for batch in range(5):
        batch_files, read_ids = read_batch(path, batch)
        assert {read.info.path for read in reads if read.read_id in read_ids} == {str(file) for file in batch_files}
        listed += read_ids
    assert listed == [read.read_id for read in reads]
    assert read_batch(path, 5) == ([], [])


def test_what_is_not_a_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.tsv"
    with pytest.raises(UsageError, match=r"other\.tsv: cannot be read"):
        read_batch(path, 0)
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(UsageError, match="not a table that"):
        read_batch(path, 0)


def test_a_table_that_cannot_be_finished_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_segments(open_reads([tmp_path]), SignalConfig(), 1, tmp_path / "missing" / "segments.tsv")
    assert list(tmp_path.iterdir()) == []
