"""Continuing an interrupted output: whatever the kill left, the end has the records of an unbroken run."""

from __future__ import annotations

import gzip
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from basecaller.decode.call import Call
from basecaller.output import OutputHeader, SummaryWriter, Writer, open_writer, partial_path, recover

MakeCall = Callable[..., Call]
NAMES = ["calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz", "summary.tsv"]


def open_any(path: Path, keep: frozenset[str] | None = None) -> Writer:
    if path.suffix == ".tsv":
        return SummaryWriter(path, keep=keep)
    return open_writer(path, header=OutputHeader(), keep=keep)


def content(path: Path) -> list[str]:
    """All that a reader sees: header lines and records."""
    if path.suffix == ".bam":
        with pysam.AlignmentFile(str(path), check_sq=False) as file:
            return [str(file.header), *(record.to_string() for record in file.fetch(until_eof=True))]
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode().splitlines()
    return path.read_text().splitlines()


def interrupted(path: Path, calls: list[Call]) -> bytes:
    """The partial file of a run that ended by an error after the last of the calls."""
    with pytest.raises(InterruptedError), open_any(path) as writer:
        for number, call in enumerate(calls):
            writer.write(call)
            if number % 3 == 2 and path.suffix == ".gz":
                writer._flush()  # type: ignore[attr-defined]  # as the seconds between reads would
        raise InterruptedError
    return partial_path(path).read_bytes()


def finish(path: Path, calls: list[Call]) -> int:
    """Continue and end a run; how many reads were taken over."""
    kept = recover(path)
    assert kept == {call.info.read_id for call in calls[: len(kept)]}, "what is kept must be the first reads"
    with open_any(path, keep=kept) as writer:
        assert writer.count == len(kept)
        for call in calls[len(kept) :]:
            writer.write(call)
    assert sorted(p.name for p in path.parent.iterdir() if "partial" in p.name) == []
    return len(kept)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_anywhere_it_ends_as_the_unbroken_run(tmp_path: Path, make_call: MakeCall, name: str) -> None:
    calls = [make_call(n, length=6000 if name == "calls.bam" else 30) for n in range(9)]
    with open_any(tmp_path / name) as writer:
        for call in calls:
            writer.write(call)
    unbroken = content(tmp_path / name)
    (tmp_path / name).unlink()
    whole = interrupted(tmp_path / name, calls)
    rng = random.Random(name)
    kept = []
    for cut in sorted({0, 1, len(whole) - 1, len(whole), *rng.sample(range(len(whole)), 20)}):
        damage = rng.choice([b"", b"\0" * 700])
        partial_path(tmp_path / name).write_bytes(whole[:cut] + damage)
        kept.append(finish(tmp_path / name, calls))
        assert content(tmp_path / name) == unbroken, f"cut at {cut} of {len(whole)}, then {damage!r}"
        (tmp_path / name).unlink()
    assert kept == sorted(kept)
    assert kept[-1] == len(calls)
    assert len(set(kept)) > 3, "a kill must not cost all that was written"


@pytest.mark.parametrize("name", NAMES)
def test_killed_while_it_takes_the_old_records_over(tmp_path: Path, make_call: MakeCall, name: str) -> None:
    calls = [make_call(n) for n in range(6)]
    whole = interrupted(tmp_path / name, calls)
    partial = partial_path(tmp_path / name)
    partial.rename(partial.with_name(partial.name + ".previous"))
    partial.write_bytes(whole[: len(whole) // 3])
    assert finish(tmp_path / name, calls) == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_start_takes_nothing_over(tmp_path: Path, make_call: MakeCall, name: str) -> None:
    interrupted(tmp_path / name, [make_call(n) for n in range(6)])
    with open_any(tmp_path / name) as writer:
        writer.write(make_call(8))
    assert recover(tmp_path / name) == frozenset()
    assert make_call(1).info.read_id not in "".join(content(tmp_path / name))


def test_only_the_reads_asked_for_are_kept(tmp_path: Path, make_call: MakeCall) -> None:
    """Reads and summary may have been cut at different reads: both go on from what both have."""
    calls = [make_call(n) for n in range(6)]
    for name in NAMES:
        interrupted(tmp_path / name, calls)
        keep = frozenset(call.info.read_id for call in calls[:4])
        with open_any(tmp_path / name, keep=keep) as writer:
            for call in calls[4:]:
                writer.write(call)
        text = "\n".join(content(tmp_path / name))
        assert [text.count(call.info.read_id) for call in calls] == [2 if name == "summary.tsv" else 1] * 6


@pytest.mark.parametrize("name", NAMES)
def test_kill_9_leaves_whole_records_to_continue_from(tmp_path: Path, make_call: MakeCall, name: str) -> None:
    program = """
import pickle, sys, time
from pathlib import Path
from tests.output.test_continue import open_any
calls = pickle.load(open(sys.argv[1], "rb"))
with open_any(Path(sys.argv[2])) as writer:
    print("ready", flush=True)
    for call in calls:
        writer.write(call)
        time.sleep(0.001)
    time.sleep(60)
"""
    calls = [make_call(n, length=3000) for n in range(150)]
    (tmp_path / "calls.pickle").write_bytes(pickle.dumps(calls))
    command = [sys.executable, "-c", program, str(tmp_path / "calls.pickle"), str(tmp_path / name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.uniform(0.05, 0.4))
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / name).exists()
    finish(tmp_path / name, calls)
    broken = content(tmp_path / name)
    with open_any(tmp_path / name) as writer:
        for call in calls:
            writer.write(call)
    assert broken == content(tmp_path / name)
