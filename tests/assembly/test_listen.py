"""The network's scores for the signal of reads: kept, computed again, and of calls that were there before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from basecaller.assembly.listen import Heard, Listener, Stretches
from basecaller.called import Moved
from basecaller.device import Runner
from basecaller.model.config import ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.signal.prepare import prepare

SIGNAL = SignalConfig(chunk=3000, overlap=300)
CRF = NetworkConfig(head="crf", state_length=3)


def reads_of_noise(count: int) -> list[Read]:
    rng = np.random.default_rng(8)
    lengths = [9000 + 500 * i for i in range(count)]
    return [Read(ReadInfo(f"r{i}", Calibration(0.0, 1.0, 1.0), 4000.0, n),
                 (90 + 15 * rng.standard_normal(n)).astype(np.int16)) for i, n in enumerate(lengths)]


def listener_of(head: str, reads: list[Read], aside: Quarantine, threads: int = 1, memory: int = 0) -> Listener:
    """With an untrained network, the same every time."""
    torch.manual_seed(1)
    network = NetworkConfig(head=head)
    model = Model("m", Network(network), ModelConfig("m", signal=SIGNAL, network=network))
    runner = Runner(model.network, torch.device("cpu"), SIGNAL.chunk)
    return Listener(lambda: iter(reads), model, runner, aside, threads, memory)


def whole(heard: Heard, indices: list[int]) -> Stretches:
    return Stretches(np.array(indices), np.zeros(len(indices), np.int64), heard.steps[indices])


@pytest.mark.parametrize("head", ["ctc", "crf"])
def test_signal_becomes_scores_of_one_matrix_a_read(head: str) -> None:
    """Of the wanted reads alone, and the same for any number of threads."""
    reads = reads_of_noise(5)
    empty = Read(ReadInfo("empty", Calibration(0.0, 1.0, 1.0), 4000.0, 0), np.zeros(0, np.int16))
    aside = Quarantine()
    listener = listener_of(head, [*reads[:2], empty, *reads[2:]], aside)
    heard = listener.calls()
    assert [entry.read_id for entry in aside.entries] == ["empty"]
    assert heard.reads.names
    chosen = list(range(0, len(heard.reads), 2))
    found = dict(listener.scores(whole(heard, chosen)))
    assert list(found) == chosen
    network = listener.model.config.network
    for index, scores in found.items():
        steps = heard.steps[index]
        assert scores.shape == (steps, 5 if head == "ctc" else 4**network.state_length * 5)
        emitted = heard.emitted[heard.reads.offsets[index] : heard.reads.offsets[index + 1]]
        if head == "ctc":
            assert (scores[emitted].argmax(axis=1) - 1 == heard.reads.read(index)).mean() > 0.95
    parallel = listener_of(head, reads, Quarantine(), threads=3)
    assert (parallel.calls().reads.codes == heard.reads.codes).all()
    for index, scores in parallel.scores(whole(heard, chosen)):
        assert (scores == found[index]).all()


def test_scores_that_fit_into_memory_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same scores with room for all, for some, and for none."""
    reads = reads_of_noise(5)
    runs: list[int] = []
    found = []
    for memory in (0, 60_000, 1 << 30):
        listener = listener_of("ctc", reads, Quarantine(), memory=memory)
        heard = listener.calls()
        given = listener.runner.scores
        runs.append(0)

        def counted(chunks: np.ndarray, given: Callable[[np.ndarray], np.ndarray] = given) -> np.ndarray:
            runs[-1] += len(chunks)
            return given(chunks)

        monkeypatch.setattr(listener.runner, "scores", counted)
        found.append(dict(listener.scores(whole(heard, list(range(5))))))
        runs.append(runs[-1])
        again = dict(listener.scores(whole(heard, list(range(5)))))
        assert all((again[index] == found[-1][index]).all() for index in range(5))
        assert runs.pop() == 2 * runs[-1]  # what had no room then has none now
    assert runs[0] > runs[1] > runs[2] == 0
    for other in found[1:]:
        assert all((other[index] == found[0][index]).all() for index in range(5))


def test_scores_of_a_crf_take_a_byte_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for so many bytes holds them all, near enough to what the network says."""
    reads = reads_of_noise(3)
    heard = listener_of("crf", reads, Quarantine()).calls()
    listener = listener_of("crf", reads, Quarantine(), memory=int(heard.steps.sum()) * CRF.classes)
    said: list[np.ndarray] = []
    given = listener.runner.scores
    monkeypatch.setattr(listener.runner, "scores", lambda chunks: said.append(given(chunks)) or said[-1])
    listener.calls()
    batches = len(said)
    found = dict(listener.scores(whole(heard, [0, 1, 2])))[0].astype(np.float32)
    assert len(said) == batches
    before = prepare(reads[0], SIGNAL).trimmed // CRF.stride
    exact = said[0][: (SIGNAL.chunk - SIGNAL.overlap) // CRF.stride, 0]
    half, float16 = CRF.clamp / 254, CRF.clamp * 2**-11
    assert np.abs(found[before : before + len(exact)] - exact).max() <= half + float16


def test_calls_with_move_tables_are_not_made_again() -> None:
    """The same bases at the same steps as the model's own calls, in any order; a read without signal is nothing."""
    reads = reads_of_noise(4)
    own = listener_of("ctc", reads, Quarantine())
    heard = own.calls()
    stride = own.model.config.network.stride
    calls = []
    for i in (2, 0, 3, 1):
        emitted = heard.emitted[slice(*heard.reads.offsets[i : i + 2])]
        calls.append(Moved(f"r{i}", heard.reads.read(i), emitted * stride + 1, int(heard.steps[i]) * stride + 2, 10.0))
    calls.append(Moved("lost", np.zeros(9, np.uint8), np.arange(9, dtype=np.int32) * stride, 90, 10.0))
    listener = listener_of("ctc", reads, Quarantine())
    told = listener.told(calls)
    assert told.reads.names == ["r2", "r0", "r3", "r1", "lost"]
    assert (told.emitted[: len(heard.reads.read(2))] == heard.emitted[slice(*heard.reads.offsets[2:4])]).all()
    assert told.steps[:4].tolist() == heard.steps[[2, 0, 3, 1]].tolist()
    expected = dict(own.scores(whole(heard, [0, 1, 2, 3])))
    found = dict(listener.scores(whole(told, [0, 1, 2, 3, 4])))
    assert sorted(found) == [0, 1, 2, 3] and listener.found == 4
    for index, other in enumerate((2, 0, 3, 1)):
        assert (found[index] == expected[other]).all()


def test_only_chunks_that_something_is_wanted_of_are_computed_again() -> None:
    reads = reads_of_noise(3)
    listener = listener_of("ctc", reads, Quarantine())
    heard = listener.calls()
    everything = dict(listener.scores(whole(heard, [0, 1, 2])))
    steps = int(heard.steps[2])
    wanted = Stretches(np.array([0, 2, 2]), np.array([0, 5, steps - 40]), np.array([20, 30, steps]))
    found = dict(listener.scores(wanted))
    assert list(found) == [0, 2]
    for index, begin, stop in zip(wanted.read, wanted.begin, wanted.stop, strict=True):
        assert (found[index][begin:stop] == everything[index][begin:stop]).all()
    middle = slice(steps // 2 - 20, steps // 2 + 20)
    assert (found[2][middle] == 0).all() and (everything[2][middle] != 0).any()
    beyond = Stretches(np.array([2]), np.array([steps + 5]), np.array([steps + 9]))  # called from longer signal
    assert not list(listener.scores(beyond))
