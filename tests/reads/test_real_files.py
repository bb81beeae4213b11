"""Every file of the odd and malformed collection, and every real data set, against independent readings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pod5
import pytest

from basecaller.errors import ReadError
from basecaller.reads.hdf5 import load_vbz
from basecaller.reads.read import Read
from basecaller.reads.source import open_reads

ReadFile = Callable[[Path], tuple[list[Read], list[ReadError]]]

GOOD: dict[str, int] = {
    "fast5_malformed/a.fast5": 1,
    "fast5_malformed/dupli_attrib.fast5": 1,
    "fast5_malformed/newline_in_attrib.fast5": 1,
    "fast5_malformed/primary_field_wrong_type.fast5": 1,
    "fast5_malformed/tab_in_field.fast5": 1,
    "fast5_multi/multi_fast5_vbz.fast5": 10,
    "fast5_multi/multi_fast5_zip.fast5": 10,
    "fast5_unusual/median_before_missing.fast5": 1,
    "fast5_unusual/new_attrib_in_channel.fast5": 1,
    "fast5_unusual/new_attrib_in_context.fast5": 1,
    "fast5_unusual/new_attrib_in_raw.fast5": 1,
    "fast5_unusual/new_attrib_in_read.fast5": 1,
    "fast5_unusual/new_attrib_in_tracking.fast5": 1,
    "fast5_unusual/new_group.fast5": 1,
    "fast5_unusual/new_str_attrib_in_context.fast5": 1,
    "fast5_unusual/new_str_attrib_in_tracking.fast5": 1,
    "fast5_unusual/pore_set.fast5": 1,
    "pod5/multi_v1.pod5": 10,
    "pod5/multigroup.pod5": 5,
    "pod5/new_attrib_in_channel.pod5": 1,
    "pod5/new_attrib_in_raw.pod5": 1,
    "pod5/new_attrib_in_read.pod5": 1,
    "pod5/new_group.pod5": 1,
    "pod5/pore_set.pod5": 1,
    "slow5/exp_1_lossless_good.slow5": 1,
    "slow5/exp_1_lossy_good.blow5": 1,
    "slow5/zlib_svb-zd_multi_rg_v0.2.0_good.blow5": 7,
}
"""Reads of each file that is fit for use."""

BAD: dict[str, tuple[int, list[str]]] = {
    "fast5_malformed/R7_1.fast5": (0, ["holds events but no raw signal"]),
    "fast5_malformed/empty_fast5.fast5": (0, ["without reads"]),
    "fast5_malformed/malformed_readid2.fast5": (0, ["cannot be a read name"]),
    "fast5_malformed/missing_primary_field.fast5": (0, ["calibration is unusable: range is missing"]),
    "fast5_multi/multi_fast5_vbz_v1.fast5": (0, ["has no channel_id, hence no calibration"] * 10),
    "fast5_unusual/offset_missing.fast5": (0, ["calibration is unusable: offset is missing"]),
    "slow5/exp_1_lossless_bad_rg_missing.slow5": (0, ["Expected '#num_read_groups'"]),
    "slow5/exp_1_lossy_bad_eof.blow5": (1, ["end marker is missing"]),
    "slow5/zlib_svb-zd_multi_rg_v0.2.0_bad_hdr_len.blow5": (0, ["Expected a slow5 header of size '1542'"]),
    "slow5/zlib_svb-zd_multi_rg_v0.2.0_trunc.blow5": (7, ["end marker is missing"]),
}
"""Reads, and what must be said of the rest, of each file that is not."""


def test_every_file_is_expected(shared_data: Path) -> None:
    folder = shared_data / "formats"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*5")} == GOOD.keys() | BAD.keys()


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pod5 library, which some tests compare with, writes into the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", GOOD)
def test_good_file(shared_data: Path, read_file: ReadFile, name: str) -> None:
    path = shared_data / "formats" / name
    reads, errors = read_file(path)
    assert (len(reads), errors) == (GOOD[name], [])
    if path.suffix == ".fast5":
        assert_as_h5py(path, reads)
    elif path.suffix == ".pod5":
        assert_as_pod5(path, reads)


def test_an_old_pod5_is_read_where_nothing_can_be_written(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pod5 converts files of its first version on the fly, in the current folder if it is let."""
    (tmp_path / "run").symlink_to(shared_data / "formats" / "pod5")
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o555)
    try:
        source = open_reads("run/multi_v1.pod5")
        reads = list(source)
    finally:
        tmp_path.chmod(0o755)
    assert (len(reads), list(source.quarantine.entries)) == (10, [])
    assert {read.info.path for read in reads} == {"run/multi_v1.pod5"}


@pytest.mark.parametrize("name", BAD)
def test_bad_file(shared_data: Path, read_file: ReadFile, name: str) -> None:
    path = shared_data / "formats" / name
    reads, errors = read_file(path)
    count, reasons = BAD[name]
    assert len(reads) == count and len(errors) == len(reasons)
    for error, reason in zip(errors, reasons, strict=True):
        assert reason in error.reason and error.path == str(path)


def assert_as_h5py(path: Path, reads: list[Read]) -> None:
    """Signal and numbers as h5py gives them when asked naively."""
    load_vbz()
    signals: dict[str, tuple[np.ndarray, h5py.AttributeManager]] = {}
    with h5py.File(path) as file:

        def note(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset) and name.endswith("/Signal"):
                signals[item.parent.attrs["read_id"].decode()] = item[()], dict(item.parent.attrs)

        file.visititems(note)
    assert {read.read_id for read in reads} == signals.keys()
    for read in reads:
        signal, attributes = signals[read.read_id]
        np.testing.assert_array_equal(read.signal, signal)
        assert read.info.number == attributes["read_number"]
        assert read.info.start_sample == attributes["start_time"]
        assert read.info.mux == attributes["start_mux"]


def assert_as_pod5(path: Path, reads: list[Read]) -> None:
    with pod5.Reader(path) as file:
        for read, record in zip(reads, file.reads(), strict=True):
            assert read.read_id == str(record.read_id)
            np.testing.assert_allclose(read.picoamperes(), record.signal_pa, rtol=1e-5)
            assert (read.info.channel, read.info.mux) == (record.pore.channel, record.pore.well)
            assert read.info.end_reason == record.end_reason.name


def test_one_read_in_three_formats_is_one_read(shared_data: Path, read_file: ReadFile) -> None:
    """slow5tools and pod5 converted these files themselves."""
    folder = shared_data / "formats"
    fast5, _ = read_file(folder / "fast5_multi/multi_fast5_vbz.fast5")
    converted = {read.read_id: read for read in read_file(folder / "pod5/multi_v1.pod5")[0]}
    for read in fast5:
        twin = converted[read.read_id]
        np.testing.assert_array_equal(read.signal, twin.signal)
        np.testing.assert_allclose(read.picoamperes(), twin.picoamperes(), rtol=1e-5)
        for name in ("channel", "mux", "number", "start_sample", "sampling_rate", "end_reason", "start_time"):
            assert getattr(read.info, name) == getattr(twin.info, name), name
        assert read.info.median_before == pytest.approx(twin.info.median_before, nan_ok=True)
        assert read.info.run == twin.info.run
        assert read.info.run.sequencing_kit == "SQK-LSK108" and read.info.run.protocol_group_id == "TEST_EXPERIMENT"
    text, _ = read_file(folder / "slow5/exp_1_lossless_good.slow5")
    binary, _ = read_file(folder / "slow5/exp_1_lossy_good.blow5")
    with h5py.File(folder / "fast5_unusual/offset_missing.fast5") as file:  # the same read, but for its offset
        signal = file["Raw/Reads/Read_222/Signal"][()]
    for (read,) in (text, binary):
        np.testing.assert_array_equal(read.signal, signal)
        assert read.info.run.flow_cell_product_code == "FLO-MIN106" and read.info.run.sequencing_kit == "SQK-LSK108"


def test_harmless_oddities_are_cleaned(shared_data: Path, read_file: ReadFile) -> None:
    for path in sorted((shared_data / "formats").rglob("*.*5")):
        for read in read_file(path)[0]:
            run = read.info.run
            texts = (run.run_id, run.flow_cell_id, run.device_id, run.sample_id, run.sequencing_kit, run.software)
            assert all(text == " ".join(text.split()) and text.isprintable() for text in texts), path


@pytest.mark.parametrize(("name", "files", "reads", "samples"), [
    ("lambda_r941", 50, 50, 3_979_791),
    ("ecoli_r94", 112, 112, 5_509_361),
    ("kpneumoniae_r94", 48, 48, 9_033_454),
    ("human_rfc1_r941", 1, 35, 4_647_998),
    ("human_r941_unlabelled", 1, 40, 5_165_887),
    ("human_wga_r1041", 1, 27, 1_924_460),
])
def test_whole_data_sets(shared_data: Path, name: str, files: int, reads: int, samples: int) -> None:
    source = open_reads(shared_data / name)
    lengths = [read.info.num_samples for read in source]
    assert (len(source.files), len(lengths), sum(lengths)) == (files, reads, samples)
    assert source.quarantine.entries == ()


def test_metadata_of_a_promethion_run(shared_data: Path) -> None:
    read = next(iter(open_reads(shared_data / "human_wga_r1041")))
    run = read.info.run
    assert (run.flow_cell_product_code, run.sequencing_kit, run.device_type) == (
        "FLO-PRO114M", "SQK-LSK114", "promethion")
    assert run.start_time is not None and run.start_time.isoformat() == "2022-12-06T14:57:37.955527+11:00"
    assert (read.info.end_reason, read.info.channel, read.info.mux) == ("signal_positive", 2852, 3)
