"""Polishing with synthetic scores: posteriors that are as sure as they are right, and a CRF's transitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import edlib
import numpy as np
import pytest
import torch
from genomes import random_genome
from test_posterior import edited

from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import CLIP, EDGE, EDITS, begins_repeat
from basecaller.assembly.grid import make_grid
from basecaller.assembly.listen import Heard, Listener, Stretches
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.otherstrand import other_strand, turned_scores
from basecaller.assembly.polish import FEW_READS_QUALITY, polish
from basecaller.assembly.readset import pack
from basecaller.assembly.windowscores import Hear, State
from basecaller.bases import decode, reverse_complement
from basecaller.called import Moved
from basecaller.device import Runner
from basecaller.model.config import ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.signal.prepare import prepare

SIGNAL = SignalConfig(chunk=3000, overlap=300)
CTC, CRF = NetworkConfig(head="ctc"), NetworkConfig(head="crf", state_length=3)


def only(matrices: list[np.ndarray], wanted: Stretches) -> Iterator[tuple[int, np.ndarray]]:
    """The scores of what is wanted, and what would spoil every sum elsewhere."""
    for index in np.unique(wanted.read).tolist():
        told = np.full_like(matrices[index], np.nan)
        rows = wanted.of(index)
        for begin, stop in zip(wanted.begin[rows], wanted.stop[rows], strict=True):
            told[begin:stop] = matrices[index][begin:stop]
        yield index, told


def hear(pieces: list[np.ndarray], rng: np.random.Generator, sureness: float) -> tuple[Heard, Hear]:
    """Posteriors of reads of these sequences: a class that gets probability u is right with probability u."""
    records, emitted, matrices = [], [], []
    for number, piece in enumerate(pieces):
        dwell = rng.integers(2, 5, len(piece))
        labels = np.zeros(dwell.sum(), np.int64)
        starts = np.cumsum(dwell) - dwell
        labels[starts] = piece + 1
        sure = rng.beta(sureness, 1.0, len(labels))
        told = np.where(rng.random(len(labels)) < sure, labels, (labels + rng.integers(1, 5, len(labels))) % 5)
        p = np.repeat(((1 - sure) / 4)[:, None], 5, axis=1)
        p[np.arange(len(labels)), told] = sure
        best = p.argmax(axis=1)
        new = best != 0
        new[1:] &= best[1:] != best[:-1]
        codes = (best[new] - 1).astype(np.uint8)
        records.append((f"r{number}", codes, np.full(len(codes), 10, np.uint8)))
        emitted.append(np.flatnonzero(new).astype(np.int32))
        matrices.append(np.log(np.maximum(p, 1e-5)).astype(np.float16))
    heard = Heard(pack(records), np.concatenate(emitted), np.array([len(m) for m in matrices]))
    return heard, lambda wanted: only(matrices, wanted)


def hear_crf(pieces: list[np.ndarray], rng: np.random.Generator, k: int = 3) -> tuple[Heard, Hear]:
    """Transition scores of reads of these sequences, each move blurred over a wrong base now and then."""
    records, emitted, matrices = [], [], []
    for number, piece in enumerate(pieces):
        u = np.concatenate([np.zeros(k, np.uint8), piece]).astype(np.int64)
        dwell = rng.integers(1, 4, len(piece))
        starts = np.cumsum(dwell) - dwell
        scores = rng.normal(-4.0, 0.3, (dwell.sum(), 4**k, 5))
        scores[:, :, 0] = 2.0
        called = piece.copy()
        for i, at in enumerate(starts):
            state = int((u[i + 1 : i + 1 + k] * 4 ** np.arange(k - 1, -1, -1)).sum())
            scores[at, state, 1 + u[i]] = rng.normal(5.0, 1.0)
            if rng.random() < 0.12:
                wrong = int(rng.integers(1, 4))
                called[i] = (piece[i] + wrong) % 4
                scores[at, state ^ (state % 4) | int(called[i]), 1 + u[i]] = rng.normal(5.5, 1.0)
        records.append((f"r{number}", called, np.full(len(called), 10, np.uint8)))
        emitted.append(starts.astype(np.int32))
        matrices.append(scores.reshape(len(scores), -1).astype(np.float16))
    heard = Heard(pack(records), np.concatenate(emitted), np.array([len(m) for m in matrices]))
    return heard, lambda wanted: only(matrices, wanted)


def distance(contig: Contig, truth: np.ndarray) -> int:
    return int(edlib.align(decode(contig.codes), decode(truth))["editDistance"])


def test_fewer_errors_than_the_calls_alone_give() -> None:
    rng = np.random.default_rng(5)
    genome = random_genome(6000, 21)
    pieces = [genome if i % 2 else reverse_complement(genome) for i in range(7)]
    heard, scores = hear(pieces, rng, 9.0)
    draft = [Contig("c", genome, False)]
    for _ in range(2):
        grid = make_grid(draft, WINDOW)
        draft = polish_windows(draft, grid, map_reads(heard.reads, draft, grid)[1], heard.reads)
    polished = polish(draft, heard, scores, CTC)[0]
    before, after = distance(draft[0], genome), distance(polished, genome)
    assert before >= 10
    assert after <= before / 3
    assert polished.qualities is not None and len(polished.qualities) == len(polished.codes)
    assert (polish(draft, heard, scores, CTC, threads=3)[0].codes == polished.codes).all()


def test_circle_keeps_its_start() -> None:
    rng = np.random.default_rng(6)
    genome = random_genome(5000, 22)
    pieces = [np.resize(np.roll(genome, -int(start)), 4000) for start in rng.integers(0, 5000, 12)]
    heard, scores = hear(pieces, rng, 30.0)
    wrong = genome.copy()
    wrong[[3, 700, 2500, 4980]] ^= 1
    polished = polish([Contig("c", wrong, True, note="a circle")], heard, scores, CTC)[0]
    assert distance(polished, genome) <= 1
    assert polished.note == f"a circle; {distance(Contig('c', wrong, True), genome)} edits by the signal"


def test_crf_scores_of_both_strands_mend_a_contig() -> None:
    """Wrong, missing and surplus bases, runs among them, whichever strand the reads are of."""
    genome = random_genome(3000, 23)
    genome[1000:1005] = 2
    genome[2000:2006] = [0, 3, 0, 3, 0, 3]
    wrong = np.concatenate([genome[:500], genome[501:1000], genome[1001:1500], [1], genome[1500:2002], genome[2004:]])
    wrong[[250, 1250, 1750]] ^= 2
    for strand in ("forward", "reverse", "both"):
        rng = np.random.default_rng(9)
        pieces = [reverse_complement(genome) if strand == "reverse" or (strand == "both" and i % 2) else genome
                  for i in range(5)]
        heard, scores = hear_crf(pieces, rng)
        polished = polish([Contig("c", wrong, False)], heard, scores, CRF)[0]
        assert distance(Contig("c", wrong, False), genome) >= 8
        assert distance(polished, genome) == 0, strand


def test_errors_that_stand_close_together_are_mended_at_once() -> None:
    """Stretches in which no edit of one base makes the contig likelier."""
    rng = np.random.default_rng(12)
    genome = random_genome(3000, 25)
    heard, scores = hear_crf([genome if i % 2 else reverse_complement(genome) for i in range(6)], rng)
    wrong = genome.copy()
    for at in range(300, 2800, 250):
        wrong[at : at + 6] = (genome[at : at + 6] + rng.integers(1, 4, 6)) % 4
    polished = polish([Contig("c", wrong, False)], heard, scores, CRF)[0]
    assert distance(Contig("c", wrong, False), genome) >= 30
    assert distance(polished, genome) <= 2


def test_calls_with_many_bases_too_many_do_not_hide_where_bases_lie() -> None:
    """Calls with a clump of 20 bases of nothing here and there, and errors of the contig on both sides of each."""
    rng = np.random.default_rng(14)
    genome = random_genome(3000, 26)
    plain, scores = hear_crf([genome if i % 2 else reverse_complement(genome) for i in range(5)], rng)
    records, emitted = [], []
    for number in range(5):
        own = slice(*plain.reads.offsets[number : number + 2])
        codes, steps = plain.reads.codes[own], plain.emitted[own]
        at = np.repeat(np.arange(100, 2900, 170) + int(rng.integers(0, 20)), 20)
        codes = np.insert(codes, at, rng.integers(0, 4, len(at)).astype(np.uint8))
        records.append((f"r{number}", codes, np.full(len(codes), 10, np.uint8)))
        emitted.append(np.insert(steps, at, steps[at]))
    heard = Heard(pack(records), np.concatenate(emitted), plain.steps)
    wrong = genome.copy()
    wrong[60:2900:35] ^= 1
    polished = polish([Contig("c", wrong, False)], heard, scores, CRF)[0]
    assert distance(Contig("c", wrong, False), genome) > 60
    assert distance(polished, genome) <= 10


@pytest.mark.parametrize("turn", [0, 1])
def test_what_is_said_for_and_against_in_turns_ends_with_what_is_said_louder(turn: int, monkeypatch: pytest.MonkeyPatch
                                                                             ) -> None:
    """Reads that want a base more by 3.5 nats where windows are cut one way, and a base less by 1.5 the other way."""
    codes = random_genome(600, 27)
    codes[300:303] = [0, 1, 0]
    contig, turns = Contig("c", codes, False), []

    def score(states: list[State], *_: object) -> None:
        state, wants_more = states[0], len(turns) % 2 == turn
        turns.append(wants_more)
        state.scores[:], state.reads[:], state.wanted[:], state.scored[:] = -50.0, [[2], [0]], False, True
        state.scores[1] = 0.0
        if wants_more and len(state.contig.codes) == len(contig.codes):
            state.scores[0, 301, 4 + 2] = 3.5
        elif not wants_more and len(state.contig.codes) > len(contig.codes):
            state.scores[0, 301, 8] = 1.5
        state.longer, state.readers = [], []

    monkeypatch.setattr("basecaller.assembly.polish.score", score)
    heard, scores = hear([contig.codes], np.random.default_rng(3), 9.0)
    assert len(polish([contig], heard, scores, CTC)[0].codes) == len(contig.codes) + 1
    assert len(turns) > 4


def test_bases_without_reads_stay_and_say_so() -> None:
    genome = random_genome(3000, 24)
    heard, scores = hear_crf([genome[:1500]] * 4, np.random.default_rng(10))
    polished = polish([Contig("c", genome, False)], heard, scores, CRF)[0]
    assert (polished.codes == genome).all()
    assert polished.qualities is not None
    assert np.quantile(polished.qualities[300:1200], 0.02) > 20
    assert (polished.qualities[1700:] == FEW_READS_QUALITY).all()


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


def test_scores_of_the_other_strand_come_back() -> None:
    """Each edit's place and kind on the other strand, found by making it there."""
    t = np.array([1, 0, 0, 2, 1, 3, 0, 1, 2, 2, 3, 0, 3, 0, 3, 1, 1, 0, 2, 3, 0, 0, 1, 2, 2], np.uint8)
    other = reverse_complement(t)
    named: dict[bytes, float] = {}
    scores = np.zeros((len(t), EDITS))
    for i in range(len(t)):
        for e in range(EDITS):
            if e < 9 or begins_repeat(other, len(t), i):
                text = edited(other, i, e).tobytes()
                scores[i, e] = named.setdefault(text, len(named) + 1.0)
    back = turned_scores(t, scores)
    checked = 0
    for i in range(EDGE, len(t) - EDGE):
        for e in range(EDITS):
            if 4 <= e < 8 and i == EDGE:
                assert back[i, e] == -CLIP  # the other strand's base there is too near its end
            elif e < 9 or begins_repeat(t, len(t), i):
                assert back[i, e] == named[reverse_complement(edited(t, i, e)).tobytes()], (i, e)
                checked += 1
    assert checked > 9 * 12 and begins_repeat(t, len(t), 10)
    wanted = np.zeros(len(t), np.bool_)
    wanted[10] = True
    assert list(np.flatnonzero(other_strand(t, wanted))) == [10, 14, 15]
