"""The basecaller as a whole: order, stitching, the same bits however the work is split, bounded memory, stopping."""

from __future__ import annotations

import dataclasses
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from basecaller.calling import Basecaller
from basecaller.decode import decode_chunk
from basecaller.decode.call import Call
from basecaller.device import TILE, Runner, find_devices
from basecaller.errors import BasecallerError, UsageError
from basecaller.model.config import Chemistry, Convolution, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import seeded
from basecaller.model.store import Model
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo
from basecaller.reads.source import open_reads
from basecaller.signal.chunk import cut, stitch
from basecaller.signal.prepare import prepare

STRIDE = 4
SMALL = NetworkConfig((Convolution(8, 5), Convolution(16, 9, STRIDE)), width=16, layers=2)
CALIBRATION = Calibration(0.0, 1000.0, 8192.0)


def model_of(network: nn.Module, chunk: int = 400, overlap: int = 80) -> Model:
    config = ModelConfig("test", network=SMALL, signal=SignalConfig(chunk=chunk, overlap=overlap))
    return Model("test", network, config)  # type: ignore[arg-type]


def random_model() -> Model:
    """Random weights, with a head loud enough that all bases are called."""
    network = seeded(SMALL, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 4
    return model_of(network.eval())


def reads_of(lengths: list[int], seed: int = 0) -> list[Read]:
    rng = np.random.default_rng(seed)
    reads = []
    for number, length in enumerate(lengths):
        signal = np.repeat(rng.integers(400, 900, length // 6 + 1), 6)[:length] + rng.integers(-9, 9, length)
        info = ReadInfo(f"read{number}", CALIBRATION, 4000.0, length, path="memory", number=number)
        reads.append(Read(info, signal.astype(np.int16)))
    return reads


def contents(calls: list[Call]) -> list[tuple[str, str, bytes, bytes, int, float]]:
    return [(c.info.read_id, c.sequence, c.qualities.tobytes(), c.moves.tobytes(), c.trimmed, c.mean_qscore)
            for c in calls]


LENGTHS = [900, 30, 5000, 400, 401, 404, 1, 20_000, 1200, *range(300, 1500, 37)]


def test_each_read_is_what_its_chunks_say_one_by_one() -> None:
    """Against the plain way: prepare, cut, one chunk at a time through the network, decode, stitch."""
    model = random_model()
    reads = reads_of(LENGTHS)
    caller = Basecaller(model, device="cpu", threads=2, trim=False)
    calls = {call.info.read_id: call for call in caller.call(reads)}
    set_aside = {entry.read_id for entry in caller.quarantine.entries}
    assert {read.read_id for read in reads} == set_aside | set(calls)
    assert set_aside <= {"read1", "read6"}  # too short for a base
    signal, network = model.config.signal, model.config.network
    for read in reads:
        if read.read_id not in calls:
            continue
        prepared = prepare(read, signal)
        spans = cut(prepared.signal.size, signal.chunk, signal.overlap, STRIDE)
        parts = []
        for span in spans:
            piece = prepared.signal[span.start : span.end]
            chunk = np.tile(piece, (2, 1, -(-signal.chunk // len(piece))))[:, :, : signal.chunk]
            with torch.inference_mode():
                scores = model.network(torch.from_numpy(chunk)).numpy()[:, 0]
            parts.append(decode_chunk(scores, network, model.config.decode))
        expected = stitch(parts, spans, STRIDE)
        call = calls[read.read_id]
        assert call.sequence == expected.sequence
        assert np.array_equal(call.qualities, expected.qualities)
        assert np.array_equal(call.moves, expected.moves)
        assert call.moves.size == (read.signal.size - call.trimmed) // STRIDE
        assert (call.stride, call.model) == (STRIDE, "test")
    assert len(set("".join(call.sequence for call in calls.values()))) == 4


@pytest.mark.parametrize(
    ("threads", "batch_size", "precision"),
    [(1, 1, "float32"), (1, 48, "float32"), (2, 16, "float32"), (3, 32, "float32"), (4, 512, "float32"),
     (2, 64, "bfloat16")],
)
def test_batches_and_threads_change_nothing(threads: int, batch_size: int, precision: str) -> None:
    model, reads = random_model(), reads_of(LENGTHS)
    expected = contents(list(Basecaller(model, device="cpu", threads=1, precision=precision).call(reads)))
    caller = Basecaller(model, device="cpu", threads=threads, batch_size=batch_size, precision=precision)
    assert contents(list(caller.call(reads))) == expected
    backwards = contents(list(caller.call(reads[::-1])))
    assert backwards[::-1] == expected
    alone = [call for read in reads[:12] for call in caller.call([read])]
    assert contents(alone) == [entry for entry in expected if entry[0] in {read.read_id for read in reads[:12]}]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_calls_the_same_bases() -> None:
    model, reads = random_model(), reads_of(LENGTHS)
    on_cpu = {call.info.read_id: call.sequence for call in Basecaller(model, device="cpu").call(reads)}
    on_gpu = {call.info.read_id: call.sequence for call in Basecaller(model, device="cuda").call(reads)}
    assert on_gpu == on_cpu


def test_real_reads_from_files_in_any_grouping(shared_data: Path) -> None:
    folder = shared_data / "ecoli_r94"
    paths = sorted(folder.glob("*.fast5"))[:6]
    caller = Basecaller(random_model(), device="cpu", threads=2)
    together = contents(list(caller.call(open_reads(paths))))
    one_by_one = [entry for path in paths for entry in contents(list(caller.call(open_reads(path))))]
    assert len(together) == 6
    assert together == one_by_one


class Levels(nn.Module):
    """A network that needs no training: a step's level says its class, -2 blank, -1 A, 0 C, 1 G, 2 T."""

    def forward(self, signal: Tensor) -> Tensor:
        level = signal[:, 0].unflatten(1, (-1, STRIDE)).mean(2).T
        distance = (level[..., None] - torch.tensor([-2.0, -1, 0, 1, 2])) ** 2
        return (-9 * distance).log_softmax(-1)


def test_a_known_sequence_comes_back_over_many_chunks() -> None:
    rng = np.random.default_rng(8)
    bases = rng.integers(1, 5, 3_000)
    steps = np.stack([np.zeros_like(bases), bases, bases], axis=1).ravel()  # a blank, then two steps of the base
    raw = np.repeat(600 + 100 * steps, STRIDE).astype(np.int16)
    read = Read(ReadInfo("known", CALIBRATION, 4000.0, raw.size), raw)
    model = model_of(Levels())
    scaling = prepare(read, model.config.signal).scaling

    class Unscaled(Levels):
        def forward(self, signal: Tensor) -> Tensor:
            current = signal * scaling.scale + scaling.shift
            return super().forward(current * 8.192 / 100 - 8)

    (call,) = Basecaller(model_of(Unscaled()), device="cpu").call([read])
    assert call.trimmed == 0
    assert call.sequence == "".join("ACGT"[base - 1] for base in bases)


def test_a_read_with_mad_scores_is_set_aside_alone() -> None:
    reads = reads_of([2000, 2000, 2000])
    target = prepare(reads[1], SignalConfig()).signal[:40]

    class Mad(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = random_model().network

        def forward(self, signal: Tensor) -> Tensor:
            scores: Tensor = self.inner(signal)
            scores[:, (signal[:, 0, :40].numpy() == target).all(1)] = float("nan")
            return scores

    caller = Basecaller(model_of(Mad()), device="cpu")
    assert [call.info.read_id for call in caller.call(reads)] == ["read0", "read2"]
    assert [(entry.read_id, entry.reason) for entry in caller.quarantine.entries] == [
        ("read1", "the network gives no finite scores for it")]


def test_reads_the_model_is_not_for_are_set_aside_unless_asked() -> None:
    reads = reads_of([2000] * 6)
    runs = [RunInfo(flow_cell_product_code="FLO-MIN106"), RunInfo(flow_cell_product_code="FLO-MIN114"),
            RunInfo(sequencing_kit="SQK-RNA002"), RunInfo(experiment_type="rna"), RunInfo(), RunInfo()]
    reads = [Read(dataclasses.replace(read.info, run=run), read.signal) for read, run in zip(reads, runs, strict=True)]
    reads[5] = Read(dataclasses.replace(reads[5].info, sampling_rate=5000.0), reads[5].signal)
    caller = Basecaller(random_model(), device="cpu")
    assert [call.info.number for call in caller.call(reads)] == [0, 4]
    reasons = [entry.reason for entry in caller.quarantine.entries]
    assert "R10.4.1 data (flow cell FLO-MIN114), the model is for R9.4.1" in reasons[0]
    assert all("is RNA, the model is for DNA" in reason for reason in reasons[1:3])
    assert "5000 samples per second, the model is for 4000" in reasons[3]
    everything = Basecaller(random_model(), device="cpu", any_chemistry=True)
    assert [call.info.number for call in everything.call(reads)] == [0, 1, 2, 3, 4, 5]
    assert Chemistry().pore == "r9.4.1"


def test_signal_is_let_go_and_reading_waits_for_the_consumer() -> None:
    alive: list[weakref.ref[np.ndarray]] = []

    def endless() -> Iterator[Read]:
        for number in range(100_000):
            (read,) = reads_of([4000], seed=number)
            alive.append(weakref.ref(read.signal))
            yield Read(dataclasses.replace(read.info, read_id=f"r{number}"), read.signal)

    calls = Basecaller(random_model(), device="cpu", threads=1).call(endless())
    for _ in range(20):
        next(calls)
    time.sleep(1)
    assert len(alive) < 20 + 1024 / 10  # 13 chunks each
    gc.collect()
    assert sum(reference() is not None for reference in alive) <= 3
    calls.close()  # type: ignore[attr-defined]


def test_more_chunks_in_a_read_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for next to nothing the run must still move, and call the same."""
    model, reads = random_model(), reads_of([30_000, 500, 700, 30_000, 800])
    expected = contents(list(Basecaller(model, device="cpu", threads=2).call(reads)))
    monkeypatch.setattr("basecaller.calling.MIN_AHEAD", 1)
    assert contents(list(Basecaller(model, device="cpu", threads=1, batch_size=16).call(reads))) == expected


def test_closing_stops_every_thread() -> None:
    before = threading.active_count()
    calls = Basecaller(random_model(), device="cpu", threads=3).call(reads_of([4000] * 500))
    next(calls)
    assert threading.active_count() > before
    calls.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_errors_of_threads_reach_the_caller() -> None:
    def broken() -> Iterator[Read]:
        yield from reads_of([2000] * 3)
        raise BasecallerError("the disk is gone")

    with pytest.raises(BasecallerError, match="the disk is gone"):
        list(Basecaller(random_model(), device="cpu").call(broken()))

    class Broken(nn.Module):
        def forward(self, signal: Tensor) -> Tensor:
            raise ValueError("wrong shape")

    with pytest.raises(ValueError, match="wrong shape"):
        list(Basecaller(model_of(Broken()), device="cpu").call(reads_of([2000])))


class Greedy(nn.Module):
    """Runs out of memory above a number of chunks."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.inner = most, random_model().network

    def forward(self, signal: Tensor) -> Tensor:
        if len(signal) > self.most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        scores: Tensor = self.inner(signal)
        return scores


def test_out_of_memory_lowers_the_batch_and_loses_nothing() -> None:
    reads = reads_of([3000] * 20)
    expected = contents(list(Basecaller(random_model(), device="cpu").call(reads)))
    caller = Basecaller(model_of(Greedy(40)), device="cpu", batch_size=160, threads=2)
    assert contents(list(caller.call(reads))) == expected
    assert caller.runners[0].batch_size in (TILE, 2 * TILE)  # by which thread was the first to run out
    with pytest.raises(BasecallerError, match=f"not enough memory for {TILE} chunks"):
        list(Basecaller(model_of(Greedy(3)), device="cpu").call(reads))


def test_batch_sizes_are_whole_tiles() -> None:
    network = random_model().network
    assert Runner(network, torch.device("cpu"), 400, 1).batch_size == TILE
    assert Runner(network, torch.device("cpu"), 400, 33).batch_size == 3 * TILE


def test_precision() -> None:
    chunks = np.random.default_rng(1).normal(size=(TILE, 1, 400)).astype(np.float32)
    cpu = torch.device("cpu")
    exact = Runner(random_model().network, cpu, 400).scores(chunks)
    rough = Runner(random_model().network, cpu, 400, precision="bfloat16").scores(chunks)
    assert exact.dtype == rough.dtype == np.float32
    assert 0 < np.abs(np.exp(exact) - np.exp(rough)).mean() < 0.02
    with pytest.raises(UsageError, match="unknown precision 'half'"):
        Basecaller(random_model(), device="cpu", precision="half")


@pytest.mark.parametrize("units", [True, False])
def test_bfloat16_without_units_for_it_is_warned_of(
    units: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("basecaller.device.fast_bfloat16", lambda device: units)
    Basecaller(random_model(), device="cpu", precision="bfloat16")
    assert ("no units for bfloat16" in caplog.text) == (not units)


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [str(each) for each in find_devices("auto")] == ["cuda:0"]
    assert [str(each) for each in find_devices("cuda:all")] == ["cuda:0", "cuda:1"]
    assert [str(each) for each in find_devices("cuda:1,cuda:0")] == ["cuda:1", "cuda:0"]
    with pytest.raises(UsageError, match="there is no cuda:2"):
        find_devices("cuda:2")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        find_devices("gpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert [str(each) for each in find_devices("auto")] == ["cpu"]
    for name in ("cuda", "cuda:all", "mps"):
        with pytest.raises(UsageError, match="--device cpu"):
            find_devices(name)
