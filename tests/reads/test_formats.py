"""The same reads out of every format: each field and each sample, against what was written and against real files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from raw_files import RUN, make_read, write_multi_fast5, write_pod5, write_single_fast5, write_slow5

from basecaller.errors import ReadError
from basecaller.reads.read import Read

ReadFile = Callable[[Path], tuple[list[Read], list[ReadError]]]

WRITERS: dict[str, Callable[[Path, Sequence[Read]], Path]] = {
    "multi_none.fast5": lambda path, reads: write_multi_fast5(path, reads, "none"),
    "multi_gzip.fast5": lambda path, reads: write_multi_fast5(path, reads, "gzip"),
    "multi_vbz.fast5": lambda path, reads: write_multi_fast5(path, reads, "vbz"),
    "reads.pod5": write_pod5,
    "reads.slow5": write_slow5,
    "reads.blow5": write_slow5,
}


def assert_same(found: Read, written: Read) -> None:
    """Every field equal; POD5 keeps the calibration as one float32."""
    assert found.signal.dtype == np.int16
    np.testing.assert_array_equal(found.signal, written.signal)
    np.testing.assert_allclose(found.picoamperes(), written.picoamperes(), rtol=1e-6)
    assert found.info.calibration.range == pytest.approx(written.info.calibration.range, rel=1e-6)
    assert dataclasses.replace(found.info, path="", calibration=written.info.calibration) == written.info


@pytest.mark.parametrize("name", WRITERS)
def test_every_field_and_sample_comes_back(tmp_path: Path, name: str, read_file: ReadFile) -> None:
    written = [make_read(seed, samples=200 + 997 * seed) for seed in range(5)]
    if name.endswith(".fast5"):  # HDF5 stores groups by name
        written.sort(key=lambda read: read.read_id)
    path = WRITERS[name](tmp_path / name, written)
    found, errors = read_file(path)
    assert not errors
    assert [read.info.path for read in found] == [str(path)] * 5
    for read, expected in zip(found, written, strict=True):
        assert_same(read, expected)


@pytest.mark.parametrize("compression", ["none", "gzip", "vbz"])
def test_single_read_fast5(tmp_path: Path, compression: str, read_file: ReadFile) -> None:
    written = make_read(1)
    (found,), _ = read_file(write_single_fast5(tmp_path / "one.fast5", written, compression))
    assert_same(found, written)


def test_end_reasons_by_their_names_in_every_format(tmp_path: Path, read_file: ReadFile) -> None:
    for reason in ("unknown", "mux_change", "unblock_mux_change", "data_service_unblock_mux_change", "signal_negative"):
        written = [make_read(3, end_reason=reason)]
        for name, write in WRITERS.items():
            (found,), _ = read_file(write(tmp_path / f"{reason}_{name}", written))
            assert found.info.end_reason == reason, name


def test_extreme_samples_survive_every_format(tmp_path: Path, read_file: ReadFile) -> None:
    read = make_read(0, samples=6)
    signal = np.array([-32768, 32767, 0, -1, 1, 32767], np.int16)
    for name, write in WRITERS.items():
        (found,), _ = read_file(write(tmp_path / name, [Read(read.info, signal)]))
        np.testing.assert_array_equal(found.signal, signal, err_msg=name)


def test_start_time_of_a_read_has_its_zone(tmp_path: Path, read_file: ReadFile) -> None:
    start = datetime(2023, 3, 27, 5, 54, 59, 593000, tzinfo=timezone(timedelta(hours=1)))
    written = [make_read(1, run=dataclasses.replace(RUN, start_time=start), start_sample=4000 * 60)]
    for name, write in WRITERS.items():
        (found,), _ = read_file(write(tmp_path / name, written))
        assert found.info.start_time == start + timedelta(minutes=1), name


def test_shared_tags_belong_to_their_own_run(tmp_path: Path, read_file: ReadFile) -> None:
    """Two runs in one multi-read file: the tags that are parsed once must not leak from run to run."""
    other = dataclasses.replace(RUN, run_id="ff" * 20, sample_id="other", sequencing_kit="SQK-RAD004")
    written = [make_read(seed, run=(RUN, other)[seed % 2]) for seed in range(6)]
    for write, name in ((write_multi_fast5, "two.fast5"), (write_pod5, "two.pod5")):
        found = {read.read_id: read.info.run for read in read_file(write(tmp_path / name, written))[0]}
        assert found == {read.read_id: read.info.run for read in written}
