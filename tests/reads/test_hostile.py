"""Files made to take memory, another file, or the process: each costs only itself."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from raw_files import filters, make_read, write_multi_fast5, write_pod5, write_single_fast5, write_slow5

from basecaller.errors import ReadError
from basecaller.reads.isolated import IsolatedReader
from basecaller.reads.read import Calibration, Read

ReadFile = Callable[[Path], tuple[list[Read], list[ReadError]]]
SIGNAL = "Raw/Reads/Read_2761/Signal"


@pytest.fixture
def fast5(tmp_path: Path) -> Path:
    return write_single_fast5(tmp_path / "a.fast5", make_read(1))


def reason(read_file: ReadFile, path: Path) -> str:
    """Why the only read of a file is refused."""
    reads, errors = read_file(path)
    assert not reads and len(errors) == 1
    return errors[0].reason


def replace_signal(path: Path, make: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "a") as file:
        del file[SIGNAL]
        make(file)
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Another file, that no read may come from."""
    return write_single_fast5(tmp_path / "secret.fast5", make_read(1))


def test_external_link_to_the_signal(fast5: Path, secret: Path, read_file: ReadFile) -> None:
    def link(file: h5py.File) -> None:
        file[SIGNAL] = h5py.ExternalLink(str(secret), SIGNAL)

    assert "outside the file" in reason(read_file, replace_signal(fast5, link))


def test_soft_link_through_an_external_link(fast5: Path, secret: Path, read_file: ReadFile) -> None:
    def link(file: h5py.File) -> None:
        file["door"] = h5py.ExternalLink(str(secret), "/")
        file[SIGNAL] = h5py.SoftLink(f"/door/{SIGNAL}")

    assert "outside the file" in reason(read_file, replace_signal(fast5, link))


def test_external_raw_storage(fast5: Path, secret: Path, read_file: ReadFile) -> None:
    def link(file: h5py.File) -> None:
        file.create_dataset(SIGNAL, (100,), np.int16, external=[(str(secret), 0, 200)])

    assert "in another file" in reason(read_file, replace_signal(fast5, link))


def test_virtual_dataset(fast5: Path, secret: Path, read_file: ReadFile) -> None:
    def link(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((3000,), np.int16)
        layout[:] = h5py.VirtualSource(str(secret), SIGNAL, (3000,))
        file.create_virtual_dataset(SIGNAL, layout)

    assert "in another file" in reason(read_file, replace_signal(fast5, link))


def test_external_tags_are_no_reason_to_lose_the_read(fast5: Path, secret: Path, read_file: ReadFile) -> None:
    with h5py.File(fast5, "a") as file:
        del file["UniqueGlobalKey/tracking_id"]
        file["UniqueGlobalKey/tracking_id"] = h5py.ExternalLink(str(secret), "UniqueGlobalKey/tracking_id")
    (read,), errors = read_file(fast5)
    assert not errors and read.info.run.run_id == ""


def test_soft_links_inside_the_file_are_followed(fast5: Path, read_file: ReadFile) -> None:
    with h5py.File(fast5, "a") as file:
        file.move(SIGNAL, "elsewhere/Signal")
        file["alias"] = h5py.SoftLink("elsewhere")
        file[SIGNAL] = h5py.SoftLink("/alias/./Signal")
    (read,), _ = read_file(fast5)
    np.testing.assert_array_equal(read.signal, make_read(1).signal)


def test_link_loops_end(fast5: Path, read_file: ReadFile) -> None:
    def link(file: h5py.File) -> None:
        file[SIGNAL] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/c")
        file["c"] = h5py.SoftLink("/b")

    assert "more than 8 links" in reason(read_file, replace_signal(fast5, link))


def test_a_group_that_holds_itself(fast5: Path, read_file: ReadFile) -> None:
    with h5py.File(fast5, "a") as file:
        file["Raw/Reads/Read_9"] = file["Raw/Reads"]
        file["Raw/Reads/Read_2761/Raw"] = file["/"]
    reads, errors = read_file(fast5)
    assert len(reads) == 1 and ["no raw signal" in error.reason for error in errors] == [True]


@pytest.mark.parametrize("samples", [3 * 10**6, 10**8, 10**12])
def test_declared_sizes_that_the_file_does_not_hold(fast5: Path, read_file: ReadFile, samples: int) -> None:
    """Never-written chunks would read as zeros, for terabytes."""
    def declare(file: h5py.File) -> None:
        file.create_dataset(SIGNAL, (samples,), np.int16, chunks=(1000,), compression="gzip")[:1000] = 500

    assert f"declares {samples} samples" in reason(read_file, replace_signal(fast5, declare))


def test_a_chunk_larger_than_memory(fast5: Path, read_file: ReadFile) -> None:
    def declare(file: h5py.File) -> None:
        file.create_dataset(SIGNAL, (1000,), np.int16, chunks=(2**30,), maxshape=(None,), compression="gzip")

    assert "declares" in reason(read_file, replace_signal(fast5, declare))


def test_a_compression_bomb_is_bounded(fast5: Path, read_file: ReadFile) -> None:
    """300 million zeros in 600 kB of gzip."""
    def declare(file: h5py.File) -> None:
        data = file.create_dataset(SIGNAL, (3 * 10**8,), np.int16, chunks=(10**7,), compression="gzip")
        data[: 10**7] = 0

    assert "declares 300000000 samples" in reason(read_file, replace_signal(fast5, declare))


@pytest.mark.parametrize(("data", "complaint"), [
    (np.zeros(0, np.int16), "0 samples"),
    (np.zeros((10, 10), np.int16), "2-dimensional"),
    (np.zeros(10, np.float64), "not a row of integers"),
    (np.full(10, 70_000, np.int32), "does not fit 16 bits"),
    (np.zeros(10, "S5"), "not a row of integers"),
])
def test_signals_that_are_none(fast5: Path, read_file: ReadFile, data: np.ndarray, complaint: str) -> None:
    assert complaint in reason(read_file, replace_signal(fast5, lambda file: file.create_dataset(SIGNAL, data=data)))


def test_signal_of_another_integer_type(fast5: Path, read_file: ReadFile) -> None:
    signal = make_read(1).signal.astype(">u4")
    (read,), _ = read_file(replace_signal(fast5, lambda file: file.create_dataset(SIGNAL, data=signal)))
    np.testing.assert_array_equal(read.signal, signal)
    assert read.signal.dtype == np.int16


def test_a_filter_that_nobody_has(fast5: Path, read_file: ReadFile) -> None:
    def declare(file: h5py.File) -> None:
        file.create_dataset(SIGNAL, data=make_read(1).signal, **filters("vbz"))

    replace_signal(fast5, declare)
    data = fast5.read_bytes()
    assert data.count(struct.pack("<H", 32020)) == 1
    fast5.write_bytes(data.replace(struct.pack("<H", 32020), struct.pack("<H", 32999)))
    assert "no HDF5 plugin" in reason(read_file, fast5)


BAD = {"nan": math.nan, "zero": 0.0, "negative": -1.0, "infinite": math.inf, "absurd": 1e30}


@pytest.mark.parametrize("name", BAD)
def test_bad_calibration_and_rate_in_every_format(tmp_path: Path, read_file: ReadFile, name: str) -> None:
    good = make_read(1)
    broken = Read(replace(good.info, calibration=Calibration(6.0, BAD[name], 8192.0)), good.signal)
    paths = [write_single_fast5(tmp_path / "a.fast5", broken), write_pod5(tmp_path / "a.pod5", [broken]),
             write_slow5(tmp_path / "a.blow5", [broken])]
    for path in paths:
        assert "its calibration is" in reason(read_file, path), path
    broken = Read(replace(good.info, sampling_rate=BAD[name]), good.signal)
    for path in (write_single_fast5(tmp_path / "b.fast5", broken), write_slow5(tmp_path / "b.blow5", [broken])):
        assert "its sampling rate is" in reason(read_file, path), path


def test_one_bad_read_costs_no_other(tmp_path: Path, read_file: ReadFile) -> None:
    reads = [make_read(seed) for seed in range(5)]
    reads.sort(key=lambda read: read.read_id)
    reads[2] = Read(replace(reads[2].info, calibration=Calibration(math.nan, 1400.0, 8192.0)), reads[2].signal)
    for path in (write_multi_fast5(tmp_path / "a.fast5", reads), write_pod5(tmp_path / "a.pod5", reads),
                 write_slow5(tmp_path / "a.slow5", reads), write_slow5(tmp_path / "a.blow5", reads)):
        found, errors = read_file(path)
        assert [read.read_id for read in found] == [reads[seed].read_id for seed in (0, 1, 3, 4)]
        assert [error.read_id for error in errors] == [reads[2].read_id]


def test_a_damaged_blow5_record_costs_no_other(tmp_path: Path, read_file: ReadFile) -> None:
    """pyslow5 stops at the first bad record; the others come all the same, in order."""
    reads = [make_read(seed) for seed in range(6)]
    path = write_slow5(tmp_path / "a.blow5", reads)
    data = bytearray(path.read_bytes())
    place = 68 + struct.unpack_from("<I", data, 64)[0]
    for number in range(6):
        size = struct.unpack_from("<Q", data, place)[0]
        if number in (1, 4):
            data[place + 8 + size // 2 : place + 8 + size // 2 + 20] = bytes(20)
        place += 8 + size
    path.write_bytes(data)
    found, errors = read_file(path)
    assert [read.read_id for read in found] == [reads[number].read_id for number in (0, 2, 3, 5)]
    assert ["read number 2" in errors[0].reason, "read number 5" in errors[1].reason, len(errors)] == [True, True, 2]
    for read, number in zip(found, (0, 2, 3, 5), strict=True):
        np.testing.assert_array_equal(read.signal, reads[number].signal)


def test_what_lies_before_a_cut_is_read(tmp_path: Path, read_file: ReadFile) -> None:
    reads = [make_read(seed, samples=30_000) for seed in range(8)]
    reads.sort(key=lambda read: read.read_id)
    blow5 = write_slow5(tmp_path / "a.blow5", reads)
    fast5 = write_multi_fast5(tmp_path / "a.fast5", reads, "none")
    for path, least in ((blow5, 5), (fast5, 4)):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 3 // 4])
        found, errors = read_file(path)
        assert least <= len(found) < 8
        for read in found:
            np.testing.assert_array_equal(read.signal, next(r.signal for r in reads if r.read_id == read.read_id))
        assert errors and all("cut short" in error.reason for error in errors)
    pod5 = write_pod5(tmp_path / "a.pod5", reads)
    pod5.write_bytes(pod5.read_bytes()[:-100])
    assert "table of its reads" in reason(read_file, pod5)


def crashing(path: Path) -> Path:
    """pyslow5 1.5 crashes on this header."""
    path.write_text("#slow5_version\t0.2.0\n@nothing\t1\n")
    return path


def test_a_crash_of_the_library_is_one_file_set_aside(tmp_path: Path, read_file: ReadFile) -> None:
    assert "crashes" in reason(read_file, crashing(tmp_path / "bad.slow5"))
    reads, errors = read_file(write_slow5(tmp_path / "good.blow5", [make_read(1)]))
    assert len(reads) == 1 and not errors


@pytest.fixture
def sabotaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], IsolatedReader]:
    """A reader whose process runs `body` for each SLOW5 read, whose number (from 0) is `number`."""
    def make(body: str) -> IsolatedReader:
        (tmp_path / "sitecustomize.py").write_text(f"""
import os, sys, time, signal
if "basecaller.reads.worker" in " ".join(sys.orig_argv):
    import basecaller.reads.slow5 as slow5
    wrapped = slow5.checked
    def checked(info, values):
        number = info.number - 2760
        {body}
        return wrapped(info, values)
    slow5.checked = checked
""")
        monkeypatch.syspath_prepend(str(tmp_path))
        return IsolatedReader(patience=1.0)

    return make


@pytest.mark.parametrize(("body", "complaint"), [
    ("number in (2, 3) and os.kill(os.getpid(), signal.SIGSEGV)", r"crashes \(SIGSEGV\) at read number"),
    ("number in (2, 3) and os._exit(1)", "gives up at read number"),
])
def test_after_a_crash_the_file_goes_on(
    tmp_path: Path, sabotaged: Callable[[str], IsolatedReader], body: str, complaint: str
) -> None:
    path = write_slow5(tmp_path / "a.blow5", [make_read(number) for number in range(6)])
    with sabotaged(body) as reader:
        items = list(reader.read(path))
    assert [isinstance(item, ReadError) for item in items] == [False, False, True, True, False, False]
    assert [item.read_id for item in items if isinstance(item, Read)] == [
        make_read(number).read_id for number in (0, 1, 4, 5)]
    for item in items[2:4]:
        assert isinstance(item, ReadError)
        with pytest.raises(ReadError, match=complaint):
            raise item


def test_hangs_end(tmp_path: Path, sabotaged: Callable[[str], IsolatedReader]) -> None:
    path = write_slow5(tmp_path / "a.blow5", [make_read(number) for number in range(6)])
    with sabotaged("\n        while number in (1, 3): pass") as reader:
        items = list(reader.read(path))
    assert [isinstance(item, ReadError) for item in items] == [False, True, False, True]
    for item, ending in ((items[1], "does not end at read number 2"), (items[3], "the rest is not read")):
        assert isinstance(item, ReadError) and ending in item.reason


def test_a_file_left_half_read_does_not_leak_into_the_next(tmp_path: Path) -> None:
    first = write_slow5(tmp_path / "a.blow5", [make_read(number) for number in range(4)])
    second = write_slow5(tmp_path / "b.blow5", [make_read(9)])
    with IsolatedReader() as reader:
        half = reader.read(first)
        next(half)
        half.close()
        assert [item.read_id for item in reader.read(second)] == [make_read(9).read_id]


def test_memory_of_the_process_is_bounded(tmp_path: Path, sabotaged: Callable[[str], IsolatedReader]) -> None:
    path = write_slow5(tmp_path / "a.blow5", [make_read(number) for number in range(3)])
    with sabotaged("number == 1 and bytearray(1 << 30)") as reader:
        items = list(reader.read(path))
    assert [isinstance(item, ReadError) for item in items] == [False, True, False]
    assert isinstance(items[1], ReadError) and "far more memory" in items[1].reason


def test_a_file_that_always_crashes_ends(tmp_path: Path, sabotaged: Callable[[str], IsolatedReader]) -> None:
    path = write_slow5(tmp_path / "a.blow5", [make_read(number, samples=50) for number in range(20)])
    with sabotaged("os._exit(1)") as reader:
        items = list(reader.read(path))
    assert len(items) == 8 and isinstance(items[-1], ReadError) and "the rest is not read" in items[-1].reason
