"""A simulated run on disk: the package's readers, ONT's own library and the truth tables must agree."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from basecaller.bases import Codes, decode, reverse_complement
from basecaller.cli.main import main
from basecaller.reads.read import Read
from basecaller.reads.source import open_reads
from basecaller.signal.trim import find_start
from basecaller.simulate.genome import random_genome, read_fasta
from basecaller.simulate.pore import load_pore
from basecaller.simulate.run import ADAPTER, RunPlan, SimulatedRead, read_current, simulate_run
from basecaller.simulate.write_fast5 import Fast5Writer
from basecaller.simulate.write_pod5 import Pod5Writer

WRITERS = {"fast5": Fast5Writer, "pod5": Pod5Writer}


@pytest.fixture(scope="module")
def genome() -> Codes:
    return random_genome(3000, np.random.default_rng(1))


@pytest.fixture(scope="module")
def run(genome: Codes) -> list[SimulatedRead]:
    plan = RunPlan(read_length=700, coverage=None, reads=9, circular=True, seed=3)
    return list(simulate_run(load_pore(), {"circle": genome}, plan))


@pytest.mark.parametrize("kind", ["fast5", "pod5"])
def test_what_is_written_is_read_back(kind: str, run: list[SimulatedRead], tmp_path: Path) -> None:
    with WRITERS[kind](tmp_path, per_file=4) as writer:
        for simulated in run:
            writer.write(simulated.read)
    assert [file.name for file in writer.files] == [f"reads_{i}.{kind}" for i in range(3)]
    source = open_reads(tmp_path)
    found = {read.read_id: read for read in source}
    assert not source.quarantine.entries
    assert len(found) == len(run)
    for simulated in run:
        _assert_same(simulated.read, found[simulated.read.read_id])


def _assert_same(written: Read, found: Read) -> None:
    assert np.array_equal(written.signal, found.signal)
    ours, theirs = written.info, found.info
    for name in ("read_id", "sampling_rate", "num_samples", "channel", "mux", "number", "start_sample",
                 "end_reason", "num_minknow_events", "start_time"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.run == theirs.run
    assert theirs.median_before == pytest.approx(ours.median_before, rel=1e-6)
    assert theirs.calibration.offset == ours.calibration.offset
    assert theirs.calibration.scale == pytest.approx(ours.calibration.scale, rel=1e-6)


def test_onts_own_library_reads_the_fast5(run: list[SimulatedRead], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ont_fast5_api.fast5_interface import get_fast5_file
    with Fast5Writer(tmp_path) as writer:
        for simulated in run:
            writer.write(simulated.read)
    with get_fast5_file(str(writer.files[0]), "r") as file:
        assert set(file.get_read_ids()) == {simulated.read.read_id for simulated in run}
        for simulated in run:
            info = simulated.read.info
            read = file.get_read(info.read_id)
            assert np.array_equal(read.get_raw_data(), simulated.read.signal)
            assert np.allclose(read.get_raw_data(scale=True), simulated.read.picoamperes(), atol=1e-3)
            assert int(read.get_channel_info()["channel_number"]) == info.channel
            assert read.get_tracking_id()["flow_cell_product_code"] == "FLO-MIN106"
            assert read.get_run_id() in (info.run.run_id, info.run.run_id.encode())
            assert read.raw_compression_filters.keys() == {"32020"}


@pytest.mark.parametrize("kind", ["fast5", "pod5"])
def test_a_run_that_fails_leaves_no_file_that_looks_finished(
    kind: str, run: list[SimulatedRead], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="power"), WRITERS[kind](tmp_path) as writer:
        writer.write(run[0].read)
        raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []


def test_reads_come_from_where_the_truth_says(genome: Codes, run: list[SimulatedRead]) -> None:
    twice = decode(np.concatenate([genome, genome]))
    for simulated in run:
        origin = simulated.origin
        assert 0 <= origin.start < len(genome)
        codes = simulated.codes if origin.strand == "+" else reverse_complement(simulated.codes)
        assert decode(codes) == twice[origin.start : origin.end]
    assert {simulated.origin.strand for simulated in run} == {"+", "-"}


def test_only_circles_are_read_over_their_origin(genome: Codes) -> None:
    def ends(circular: bool) -> Iterator[int]:
        plan = RunPlan(read_length=800, coverage=None, reads=40, circular=circular)
        return (simulated.origin.end for simulated in simulate_run(load_pore(), {"contig": genome}, plan))

    assert max(ends(False)) <= len(genome) < max(ends(True))


def test_coverage_is_reached_and_not_much_more(genome: Codes) -> None:
    plan = RunPlan(read_length=600, coverage=6, circular=True)
    bases = [len(simulated.codes) for simulated in simulate_run(load_pore(), {"contig": genome}, plan)]
    assert 6 * len(genome) <= sum(bases) < 6 * len(genome) + max(bases)


def test_reads_of_one_channel_do_not_overlap(genome: Codes) -> None:
    plan = RunPlan(read_length=300, coverage=None, reads=300)
    ends: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for simulated in simulate_run(load_pore(), {"contig": genome}, plan):
        info = simulated.read.info
        assert info.start_sample >= ends.get(info.channel, 0)
        assert info.number == numbers.get(info.channel, 0) + 1
        ends[info.channel], numbers[info.channel] = info.start_sample + info.num_samples, info.number
    assert len(ends) < 300


def test_current_looks_like_a_read_and_its_start_is_found(genome: Codes) -> None:
    pore = load_pore()
    near = 0
    for seed in range(12):
        current = read_current(pore, genome[:1500], np.random.default_rng(seed))
        assert 40 < np.median(current) < 150
        assert current[0] > 150  # open pore
        strand = (len(ADAPTER) + 1500) * 4000 / np.exp(pore.speed[0])
        near += abs(find_start(current, 4000.0) - (len(current) - strand)) < 0.35 * strand
    assert near >= 10


def test_command_writes_the_run_and_the_truth(tmp_path: Path) -> None:
    arguments = ["simulate", "--genome-length", "2000", "--coverage", "4", "--read-length", "600", "--seed", "5"]
    for name in ("a", "b"):
        assert main([*arguments, "-o", str(tmp_path / name), "--genome-out", str(tmp_path / f"{name}.fasta")]) == 0
    for file in ("reads_0.fast5", "truth.tsv", "truth.fasta"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a.fasta").read_bytes() == (tmp_path / "b.fasta").read_bytes()

    rng = np.random.default_rng(0)
    (genome,) = read_fasta(tmp_path / "a.fasta", rng).values()
    assert len(genome) == 2000
    truth = read_fasta(tmp_path / "a" / "truth.fasta", rng)
    rows = [line.split("\t") for line in (tmp_path / "a" / "truth.tsv").read_text().splitlines()]
    assert rows[0] == ["read_id", "contig", "start", "end", "strand"]
    assert {row[0] for row in rows[1:]} == set(truth) == {read.read_id for read in open_reads(tmp_path / "a")}
    twice = decode(np.concatenate([genome, genome]))
    for read_id, _, start, end, strand in rows[1:]:
        codes = truth[read_id] if strand == "+" else reverse_complement(truth[read_id])
        assert decode(codes) == twice[int(start) : int(end)]


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "-o FOLDER is missing"),
    (["-o", "x", "--coverage", "0"], "--coverage must be greater than 0"),
    (["-o", "x", "--read-length", "-5"], "--read-length must be greater than 0"),
    (["-o", "x", "--genome-length", "10"], "at least 200 bases"),
    (["-o", "x", "--genome", "missing.fasta"], "missing.fasta"),
    (["-o", "x", "--pore", "r12"], "no pore model 'r12'"),
])
def test_wrong_use_is_said_in_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
