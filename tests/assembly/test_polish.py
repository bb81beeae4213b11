"""Polishing with synthetic scores: posteriors that are as sure as they are right, and a CRF's transitions."""

from __future__ import annotations

from collections.abc import Iterator

import edlib
import numpy as np
import pytest
from genomes import genome_of_genes, mutate, random_genome

from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDGE, MAX_QUALITY
from basecaller.assembly.grid import make_grid
from basecaller.assembly.listen import Heard, Stretches
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.polish import FEW_READS_QUALITY, polish
from basecaller.assembly.readset import pack
from basecaller.assembly.windowscores import Hear, State
from basecaller.bases import decode, reverse_complement
from basecaller.model.config import NetworkConfig

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


def test_genes_decide_what_few_reads_leave_open() -> None:
    rng = np.random.default_rng(7)
    genome = genome_of_genes(6000, 27)
    heard, scores = hear([genome if i % 2 else reverse_complement(genome) for i in range(4)], rng, 16.0)
    draft = [Contig("c", mutate(genome, 0.02, rng), False)]
    without, by_genes = (polish(draft, heard, scores, CTC, by_genes=by)[0] for by in (False, True))
    assert distance(without, genome) > 40
    assert distance(by_genes, genome) < 0.85 * distance(without, genome)
    assert "by genes" in by_genes.note and "by genes" not in without.note
    known = polish(draft, heard, scores, CTC, trust=5.0)[0]
    assert "by genes" not in known.note


def test_circle_keeps_its_start() -> None:
    rng = np.random.default_rng(6)
    genome = random_genome(5000, 22)
    pieces = [np.resize(np.roll(genome, -int(start)), 4000) for start in rng.integers(0, 5000, 12)]
    heard, scores = hear(pieces, rng, 30.0)
    wrong = genome.copy()
    wrong[[3, 700, 2500, 4900]] ^= 1  # further apart than one edit reaches
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


def test_errors_near_the_ends_of_a_linear_contig_are_mended() -> None:
    """Few reads have an anchor in the last window; those that end there end a few bases sooner or later."""
    rng = np.random.default_rng(14)
    genome = random_genome(3000, 26)
    pieces = [genome[rng.integers(3) : 3000 - rng.integers(3)] for _ in range(6)]
    heard, scores = hear_crf([piece if i % 2 else reverse_complement(piece) for i, piece in enumerate(pieces)], rng)
    wrong = genome.copy()
    wrong[[15, 40, 65, 2940, 2960, 2985]] ^= 1
    polished = polish([Contig("c", np.delete(wrong, [25, 2975]), False)], heard, scores, CRF)[0]
    assert distance(polished, genome) == 0


@pytest.mark.parametrize("circular", [False, True])
def test_no_base_is_left_out_between_the_borders_of_two_turns(circular: bool) -> None:
    genome = random_genome(3000, 26)
    pieces = [np.resize(genome, 3800) if circular else genome] * 3
    heard, scores = hear_crf(pieces, np.random.default_rng(14))
    polished = polish([Contig("c", genome, circular)], heard, scores, CRF)[0]
    assert (polished.codes == genome).all() and polished.qualities is not None
    inner = polished.qualities if circular else polished.qualities[EDGE:-EDGE]
    assert (inner > FEW_READS_QUALITY).all()


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


@pytest.mark.parametrize("trust", [0.0, 5.0])
def test_a_known_sequence_is_mended_by_a_single_read_where_it_speaks_up(trust: float) -> None:
    """A relative's bases: what an assembly would need a second read for, and what no read's stammer may undo."""
    genome = random_genome(2000, 28)
    heard, scores = hear_crf([genome], np.random.default_rng(15))
    relative = genome.copy()
    relative[100:1900:150] ^= 1
    polished = polish([Contig("r0", relative, False)], heard, scores, CRF, trust=trust)[0]
    assert distance(Contig("r0", relative, False), genome) == 12
    assert distance(polished, genome) <= 2 if trust else (polished.codes == relative).all()
    assert polished.qualities is not None and (polished.qualities[:20] == (22 if trust else FEW_READS_QUALITY)).any()


def test_one_read_does_not_outweigh_what_is_known() -> None:
    genome = random_genome(2000, 29)
    heard, scores = hear_crf([genome], np.random.default_rng(16))
    assert distance(Contig("c", heard.reads.codes, False), genome) > 100
    assert (polish([Contig("r0", genome, False)], heard, scores, CRF, trust=5.0)[0].codes == genome).all()


@pytest.mark.parametrize("trust", [100.0, np.inf])
def test_what_is_trusted_without_bounds_has_the_best_quality_there_is(trust: float) -> None:
    genome = random_genome(2000, 28)
    heard, scores = hear_crf([genome[:1500]], np.random.default_rng(15))
    polished = polish([Contig("r0", genome, False)], heard, scores, CRF, trust=trust)[0]
    assert (polished.codes == genome).all()
    assert polished.qualities is not None and (polished.qualities[1700:] == MAX_QUALITY).all()
