"""`open_reads`: which files, in which order, and what is set aside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from raw_files import make_read, write_multi_fast5, write_pod5, write_single_fast5, write_slow5

from basecaller.errors import UsageError
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.source import open_reads


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A folder as sequencers leave it: reads of every format, at several depths, among other files."""
    top = tmp_path / "run"
    (top / "b").mkdir(parents=True)
    (top / ".cache").mkdir()
    write_pod5(top / "b" / "2.pod5", [make_read(2), make_read(3)])
    write_single_fast5(top / "b" / "1.fast5", make_read(1))
    write_multi_fast5(top / "c.hdf5", [make_read(4)])  # by content
    write_slow5(top / "a.blow5", [make_read(0)])
    shutil.copy(top / "a.blow5", top / ".cache" / "hidden.blow5")
    (top / "._c.fast5").write_bytes(b"resource fork")
    (top / "report.md").write_text("# report")
    (top / "summary.txt").write_text("")
    return top


def ids(*seeds: int) -> list[str]:
    return [make_read(seed).read_id for seed in seeds]


def test_folder_in_path_order_by_content(run_folder: Path) -> None:
    source = open_reads(run_folder)
    assert source.files == [run_folder / name for name in ("a.blow5", "b/1.fast5", "b/2.pod5", "c.hdf5")]
    assert [read.read_id for read in source] == ids(0, 1, 2, 3, 4)
    assert len(source.quarantine) == 0


def test_paths_in_the_order_given_each_file_once(run_folder: Path) -> None:
    source = open_reads([run_folder / "b" / "2.pod5", str(run_folder), run_folder / "a.blow5"])
    assert [read.read_id for read in source] == ids(2, 3, 0, 1, 4)


def test_not_recursive(run_folder: Path) -> None:
    assert [path.name for path in open_reads(run_folder, recursive=False).files] == ["a.blow5", "c.hdf5"]


def test_linked_folders_are_followed_once(run_folder: Path, tmp_path: Path) -> None:
    (run_folder / "b" / "up").symlink_to(run_folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_single_fast5(elsewhere / "5.fast5", make_read(5))
    (run_folder / "z").symlink_to(elsewhere)
    assert [read.read_id for read in open_reads(run_folder)] == ids(0, 1, 2, 3, 4, 5)


def test_a_missing_path_is_a_usage_error_with_the_nearest_name(run_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*a\.blow; did you mean .*a\.blow5\?"):
        open_reads(run_folder / "a.blow")


def test_what_holds_no_reads_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.fast5").touch()
    (tmp_path / "text.pod5").write_text("not a pod5 file")
    (tmp_path / "packed.fast5").write_bytes(b"\x1f\x8b\x08\0\0")
    (tmp_path / "broken.fast5").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.fast5")
    write_single_fast5(tmp_path / "good.fast5", make_read(1))
    source = open_reads(tmp_path)
    assert [read.read_id for read in source] == ids(1)
    assert [(Path(entry.path).name, entry.read_id, entry.reason) for entry in source.quarantine.entries] == [
        ("broken.fast5", "", "is missing, or a broken link"),
        ("empty.fast5", "", "is empty (0 bytes)"),
        ("packed.fast5", "", "is a gzip file: unpack it first"),
        ("pipe.fast5", "", "is not a regular file"),
        ("text.pod5", "", "is not a FAST5, POD5, SLOW5 or BLOW5 file"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_set_aside(tmp_path: Path) -> None:
    path = write_single_fast5(tmp_path / "a.fast5", make_read(1))
    path.chmod(0)
    source = open_reads(path)
    assert list(source) == [] and "Permission denied" in source.quarantine.entries[0].reason


def test_the_first_of_duplicate_reads_is_kept(tmp_path: Path) -> None:
    write_single_fast5(tmp_path / "a.fast5", make_read(1))
    write_slow5(tmp_path / "b.blow5", [make_read(2), make_read(1), make_read(2)])
    source = open_reads(tmp_path)
    assert [read.read_id for read in source] == ids(1, 2)
    assert [(Path(entry.path).name, entry.read_id) for entry in source.quarantine.entries] == [
        ("b.blow5", ids(1)[0]), ("b.blow5", ids(2)[0])]
    assert all("duplicate" in entry.reason for entry in source.quarantine.entries)


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    write_slow5(tmp_path / "a.blow5", [make_read(1)]).rename(tmp_path / "a.fast5")
    write_slow5(tmp_path / "b.slow5", [make_read(2)]).rename(tmp_path / "b.blow5")
    write_pod5(tmp_path / "c.pod5", [make_read(3)]).rename(tmp_path / "c.slow5")
    write_multi_fast5(tmp_path / "d.fast5", [make_read(4)]).rename(tmp_path / "d.pod5")
    assert [read.read_id for read in open_reads(tmp_path)] == ids(1, 2, 3, 4)


def test_odd_file_names(tmp_path: Path) -> None:
    names = ["white space.fast5", "tab\there.fast5", "ümlaut.fast5", "new\nline.fast5", os.fsdecode(b"bytes\xff.fast5")]
    for seed, name in enumerate(sorted(names)):
        write_single_fast5(tmp_path / "x", make_read(seed)).rename(tmp_path / name)
    source = open_reads(tmp_path)
    assert [Path(read.info.path).name for read in source] == sorted(names)


def test_reading_again_gives_the_same(run_folder: Path) -> None:
    (run_folder / "bad.fast5").touch()
    source = open_reads(run_folder)
    assert [read.read_id for read in source] == [read.read_id for read in source]
    assert len(source.quarantine) == 1


def test_the_quarantine_table(tmp_path: Path) -> None:
    quarantine = Quarantine()
    (tmp_path / "bad.fast5").touch()
    source = open_reads(tmp_path, quarantine=quarantine)
    assert source.quarantine is quarantine and list(source) == []
    quarantine.add("b\t.pod5", "id", "why")
    quarantine.write(tmp_path / "quarantine.tsv")
    assert (tmp_path / "quarantine.tsv").read_text() == (
        f"path\tread_id\treason\n{tmp_path}/bad.fast5\t\tis empty (0 bytes)\n\"b\t.pod5\"\tid\twhy\n")


def test_stopping_early_leaves_no_process_and_no_open_file(run_folder: Path) -> None:
    """In a process of its own, where every child and descriptor is ours."""
    script = """
import os, sys
from pathlib import Path
from basecaller.reads.source import open_reads
before = len(os.listdir("/proc/self/fd"))
reads = iter(open_reads(sys.argv[1]))
next(reads)
assert Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
reads.close()
assert len(os.listdir("/proc/self/fd")) == before
assert not Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
"""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    subprocess.run([sys.executable, "-W", "error", "-c", script, str(run_folder)], check=True, timeout=600)
