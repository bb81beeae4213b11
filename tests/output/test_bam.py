"""SAM and BAM as pysam and samtools read them back."""

from __future__ import annotations

import dataclasses
import gzip
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from basecaller.decode.call import Call
from basecaller.errors import UsageError
from basecaller.output import OutputHeader, open_writer, partial_path, record_name, recover

MakeCall = Callable[..., Call]
HEADER = OutputHeader(command="basecall run/ -o calls.bam", device="cpu")

EXPECTED_TYPES = {
    "qs": "f", "du": "f", "ns": "i", "ts": "i", "mx": "i", "ch": "i", "st": "Z", "rn": "i", "fn": "Z", "sm": "f",
    "sd": "f", "sv": "Z", "dx": "i", "er": "Z", "RG": "Z", "mv": "B",
}  # fmt: skip


def write(path: Path, calls: list[Call], **options: object) -> None:
    with open_writer(path, header=HEADER, **options) as writer:  # type: ignore[arg-type]
        for call in calls:
            writer.write(call)
    assert writer.count == len(calls)


def read(path: Path) -> tuple[dict[str, object], list[pysam.AlignedSegment]]:
    with pysam.AlignmentFile(str(path), check_sq=False) as file:
        return file.header.to_dict(), list(file.fetch(until_eof=True))


@pytest.mark.parametrize("name", ["calls.bam", "calls.sam"])
def test_a_record_holds_the_call_and_every_tag_with_its_type(tmp_path: Path, make_call: MakeCall, name: str) -> None:
    call = make_call(1, length=25)
    write(tmp_path / name, [call])
    _, [record] = read(tmp_path / name)
    assert record.query_name == call.info.read_id
    assert (record.flag, record.reference_id, record.mapping_quality) == (4, -1, 0)
    assert record.query_sequence == call.sequence
    assert list(record.query_qualities or []) == call.qualities.tolist()
    text = [field.split(":", 2) for field in record.to_string().split("\t")[11:]]
    assert {tag: kind for tag, kind, _ in text} == EXPECTED_TYPES
    values = {tag: value for tag, _, value in text}
    assert float(values["qs"]) == pytest.approx(call.mean_qscore, abs=1e-4)
    assert float(values["du"]) == pytest.approx(call.info.num_samples / 4000)
    assert values["ns"] == str(call.info.num_samples)
    assert (values["ts"], values["mx"], values["ch"], values["rn"], values["dx"]) == ("110", "3", "101", "7001", "0")
    # 5000 samples at 4 kHz after the run's start.
    assert values["st"] == "2021-05-04T12:30:16.500+02:00"
    assert values["fn"] == "reads.fast5"
    assert (values["sm"], values["sd"], values["sv"]) == ("91.25", "13.5", "med_mad")
    assert values["er"] == "signal_positive"
    assert values["RG"] == "a3f0c2d1_r9.4.1"
    assert values["mv"] == "c,3," + ",".join(map(str, call.moves))


def test_header_names_program_read_group_and_quality_rule(tmp_path: Path, make_call: MakeCall) -> None:
    write(tmp_path / "calls.bam", [make_call(0)])
    header, _ = read(tmp_path / "calls.bam")
    assert header["HD"] == {"VN": "1.6", "SO": "unknown"}
    assert header["RG"] == [{
        "ID": "a3f0c2d1_r9.4.1", "PU": "FAK12345", "PM": "MN24598", "DT": "2021-05-04T12:30:15.250+02:00", "PL": "ONT",
        "DS": "runid=a3f0c2d1 basecall_model=r9.4.1", "LB": "phage 7", "SM": "phage 7",
    }]  # fmt: skip
    [program] = header["PG"]  # type: ignore[misc]
    assert program["ID"] == program["PN"] == "basecaller"
    assert program["CL"] == HEADER.command
    assert "device=cpu" in program["DS"]
    assert any("mean error probability" in comment for comment in header["CO"])  # type: ignore[attr-defined]


def test_a_run_that_appears_later_gets_its_read_group(tmp_path: Path, make_call: MakeCall) -> None:
    first = make_call(0)
    second = make_call(1, run=dataclasses.replace(first.info.run, run_id="bbbb"))
    for name in ("calls.bam", "calls.sam"):
        write(tmp_path / name, [first, second, make_call(2)])
        header, records = read(tmp_path / name)
        assert [line["ID"] for line in header["RG"]] == ["a3f0c2d1_r9.4.1", "bbbb_r9.4.1"]  # type: ignore[attr-defined]
        assert [r.get_tag("RG") for r in records] == ["a3f0c2d1_r9.4.1", "bbbb_r9.4.1", "a3f0c2d1_r9.4.1"]
        assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_missing_metadata_is_left_out_not_invented(tmp_path: Path, make_call: MakeCall) -> None:
    call = make_call(0, end_reason="")
    bare = dataclasses.replace(call.info, run=type(call.info.run)(), path="")
    write(tmp_path / "calls.bam", [dataclasses.replace(call, info=bare)])
    header, [record] = read(tmp_path / "calls.bam")
    assert not record.has_tag("st")
    assert not record.has_tag("er")
    [group] = header["RG"]  # type: ignore[misc]
    assert set(group) == {"ID", "PL", "DS"}
    assert record.get_tag("RG") == group["ID"]


def test_odd_metadata_cannot_break_the_file(tmp_path: Path, make_call: MakeCall) -> None:
    call = make_call(0, path="/x/tab\there\nline é.fast5", read_id="read id\twith @ tab" + "x" * 400)
    for name in ("calls.bam", "calls.sam", "calls.fastq"):
        write(tmp_path / name, [call, make_call(1)])
    for name in ("calls.bam", "calls.sam"):
        _, records = read(tmp_path / name)
        assert records[0].query_name == record_name(call.info.read_id)
        assert records[0].get_tag("fn") == "tab_here_line _.fast5"
        assert records[1].query_sequence == make_call(1).sequence
    with pysam.FastxFile(str(tmp_path / "calls.fastq")) as fastq:
        assert [entry.sequence for entry in fastq] == [call.sequence, make_call(1).sequence]


def test_no_reads_and_reads_without_bases_still_make_whole_files(tmp_path: Path, make_call: MakeCall) -> None:
    for name in ("none.bam", "none.sam", "none.fastq", "none.fastq.gz"):
        write(tmp_path / name, [])
        assert (tmp_path / name).exists()
    assert read(tmp_path / "none.bam")[1] == []
    empty = make_call(0, sequence="")
    write(tmp_path / "empty.bam", [empty, make_call(1)])
    _, records = read(tmp_path / "empty.bam")
    assert [record.query_sequence for record in records] == [None, make_call(1).sequence]


def test_an_error_leaves_no_file_under_the_final_name(tmp_path: Path, make_call: MakeCall) -> None:
    for name in ("calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz"):
        with pytest.raises(ZeroDivisionError), open_writer(tmp_path / name, header=HEADER) as writer:
            writer.write(make_call(0))
            raise ZeroDivisionError
        assert not (tmp_path / name).exists()
        assert partial_path(tmp_path / name).exists()


def test_wrong_outputs_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.bam").mkdir()
    for name, message in [
        ("calls.txt", "must end in one of"),
        ("missing/calls.bam", "does not exist"),
        ("folder.bam", "is a folder"),
        ("calls.cram", "needs a reference"),
    ]:
        with pytest.raises(UsageError, match=message):
            open_writer(tmp_path / name, header=HEADER)


def run(program: str, calls: list[Call], folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a process of its own; it finds the calls in `calls` and its arguments in `sys.argv[2:]`."""
    (folder / "calls.pickle").write_bytes(pickle.dumps(calls))
    start = "import pickle, sys\ncalls = pickle.load(open(sys.argv[1], 'rb'))\n"
    command = [sys.executable, "-c", start + program, str(folder / "calls.pickle"), *arguments]
    return subprocess.run(command, capture_output=True, cwd=Path(__file__).resolve().parents[2], check=False)


@pytest.mark.parametrize("name", ["calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz"])
def test_a_full_disk_is_one_sentence_and_loses_nothing_written(
    make_call: MakeCall, tmp_path: Path, name: str
) -> None:
    program = """
import resource
from basecaller.errors import BasecallerError
from basecaller.output import OutputHeader, open_writer
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
try:
    with open_writer(sys.argv[2], header=OutputHeader()) as writer:
        for call in calls:
            writer.write(call)
except BasecallerError as error:
    sys.exit(str(error))
"""
    calls = [make_call(n, length=5_000) for n in range(250)]
    done = run(program, calls, tmp_path, str(tmp_path / name))
    assert done.returncode == 1
    assert f"{tmp_path / name}: cannot be written" in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / name).exists()
    kept = recover(tmp_path / name)
    assert kept == {call.info.read_id for call in calls[: len(kept)]}
    assert len(kept) >= 1


def test_samtools_accepts_the_bam_and_gives_our_fastq(tmp_path: Path, make_call: MakeCall) -> None:
    samtools = shutil.which("samtools")
    if samtools is None:
        pytest.skip("samtools is not on the PATH")
    calls = [make_call(n, length=40 + n) for n in range(20)]
    write(tmp_path / "calls.bam", calls)
    write(tmp_path / "calls.fastq", calls, moves=True)
    subprocess.run([samtools, "quickcheck", "-u", str(tmp_path / "calls.bam")], check=True)
    command = [samtools, "fastq", "-T", "*", str(tmp_path / "calls.bam")]
    result = subprocess.run(command, capture_output=True, check=True)
    assert result.stdout == (tmp_path / "calls.fastq").read_bytes()


@pytest.mark.parametrize("fmt", ["bam", "sam", "fastq", "fastq.gz"])
def test_standard_output_carries_the_same_records(tmp_path: Path, make_call: MakeCall, fmt: str) -> None:
    program = """
from basecaller.output import OutputHeader, open_writer
with open_writer("-", sys.argv[2], header=OutputHeader()) as writer:
    for call in calls:
        writer.write(call)
"""
    calls = [make_call(n) for n in range(3)]
    done = run(program, calls, tmp_path, fmt)
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / f"out.{fmt}").write_bytes(done.stdout)
    if fmt in ("bam", "sam"):
        assert [r.query_sequence for r in read(tmp_path / f"out.{fmt}")[1]] == [c.sequence for c in calls]
    else:
        text = gzip.decompress(done.stdout) if fmt == "fastq.gz" else done.stdout
        assert text.decode().splitlines()[1::4] == [c.sequence for c in calls]


def test_a_closed_pipe_is_a_closed_pipe(tmp_path: Path, make_call: MakeCall) -> None:
    program = """
import os
from basecaller.output import OutputHeader, open_writer
read, write = os.pipe()
os.close(read)
os.dup2(write, 1)
try:
    with open_writer("-", sys.argv[2], header=OutputHeader()) as writer:
        for call in calls:
            writer.write(call)
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(7)
"""
    for fmt in ("fastq", "sam", "bam"):
        done = run(program, [make_call(n, length=20_000) for n in range(8)], tmp_path, fmt)
        assert (done.returncode, done.stderr) == (7, b""), fmt
