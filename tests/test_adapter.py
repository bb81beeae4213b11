"""Adapters on the ends of reads: cut where they are, with moves and samples following, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from basecaller.adapter import BACK, FRONT, trim_adapters
from basecaller.decode.call import Call
from basecaller.decode.quality import mean_qscore
from basecaller.reads.read import Calibration, ReadInfo
from basecaller.signal.scale import Scaling

STRIDE, TRIMMED = 5, 700


def random_bases(length: int, rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("ACGT"), length))


def called(sequence: str, rng: np.random.Generator) -> Call:
    """Every base takes one to four steps, after a silent start."""
    moves = np.zeros(7, np.uint8).tolist()
    for _ in sequence:
        moves += [1, *[0] * int(rng.integers(0, 4))]
    qualities = rng.integers(5, 40, len(sequence)).astype(np.uint8)
    info = ReadInfo("r", Calibration(0, 1, 1), 4000.0, TRIMMED + STRIDE * len(moves) + 3)
    return Call(info, sequence, qualities, np.array(moves, np.uint8), STRIDE, TRIMMED, Scaling(90, 12, "med_mad"),
                "m", mean_qscore(qualities))


def mutated(sequence: str, changes: int, rng: np.random.Generator) -> str:
    bases = list(sequence)
    if not bases:
        return ""
    for place in rng.choice(np.arange(2, len(bases) - 2), changes, replace=False):
        bases[place] = rng.choice([base for base in "ACGT" if base != bases[place]])
    return "".join(bases)


@pytest.mark.parametrize("front", [None, *FRONT])
@pytest.mark.parametrize("back", [None, *BACK])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_is_the_insert_and_its_moves(front: str | None, back: str | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    insert = random_bases(900, rng)
    start = random_bases(9, rng) + mutated(FRONT[front], 3, rng) if front else ""
    end = mutated(BACK[back], 3, rng) + random_bases(12, rng) if back else ""
    whole = called(start + insert + end, rng)
    call = trim_adapters(whole)
    if back == "native_14":  # the longer ligation adapter may fit as well, a few bases further in
        assert insert.startswith(call.sequence) and len(insert) - len(call.sequence) <= 8
        return
    assert call.sequence == insert
    assert (call.front_adapter, call.back_adapter) == (len(start), len(end))
    assert np.array_equal(call.qualities, whole.qualities[len(start) : len(start) + len(insert)])
    assert int(call.moves.sum()) == len(insert)
    assert call.mean_qscore == mean_qscore(call.qualities)
    # Each kept base stands on the sample on which it stood before.
    kept = np.flatnonzero(whole.moves)[len(start) : len(start) + len(insert)] * STRIDE + whole.trimmed
    assert np.array_equal(np.flatnonzero(call.moves) * STRIDE + call.trimmed, kept)
    if not front and not back:
        assert call is whole


@pytest.mark.parametrize(
    ("front", "back"),
    [  # R10.4.1, kit 14: ligation (LA), native barcoding (NA) and rapid (RA) adapter, top and bottom strand
        ("TTTTTTTTCCTGTACTTCGTTCAGTTACGTATTGCT", "GCAATACGTAACTGAACGAAGTACAGG"),
        ("TTTTTTTTCCTGTACTTCGTTCAGTTACGTATTGCT", "ACGTAACTGAACGAAGTACAGG"),
        ("TTTTTTTTCCTGTACTTCGTTCAGTTACGTATTGCT", ""),
    ],
)
@pytest.mark.parametrize("errors", [0, 2])
def test_adapters_of_kit_14_are_cut(front: str, back: str, errors: int) -> None:
    rng = np.random.default_rng(len(back) + errors)
    right = 0
    for _ in range(40):
        insert = random_bases(500, rng)
        call = trim_adapters(called(mutated(front, errors, rng) + insert + mutated(back, errors, rng), rng))
        right += (abs(call.front_adapter - len(front)) <= 2
                  and len(back) - 3 <= call.back_adapter <= len(back) + (8 if back else 0))
    assert right >= 39  # something like an adapter may stand in random sequence


def test_random_reads_are_left_alone() -> None:
    rng = np.random.default_rng(1)
    calls = [called(random_bases(400, rng), rng) for _ in range(2000)]
    assert sum(trim_adapters(call) is not call for call in calls) <= 0.005 * len(calls)


def test_nothing_but_adapters() -> None:
    rng = np.random.default_rng(2)
    for sequence in (FRONT["ligation"], BACK["ligation"], FRONT["ligation"] + BACK["ligation"]):
        call = trim_adapters(called(sequence, rng))
        assert call.sequence == ""
        assert call.moves.sum() == call.qualities.size == 0


@pytest.mark.parametrize("sequence", ["", "A", "ACGTACGT"])
def test_short_reads(sequence: str) -> None:
    call = called(sequence, np.random.default_rng(3))
    assert trim_adapters(call) is call


def test_real_reads_of_a_ligation_kit_begin_with_its_adapter(shared_data: Path) -> None:
    """Guppy fast calls with their adapters left on."""
    lines = (shared_data / "peer_calls" / "human_r941_guppy_fast.fasta").read_text().split(">")[1:]
    sequences = ["".join(line.split("\n")[1:]) for line in lines]
    rng = np.random.default_rng(4)
    trimmed = [trim_adapters(called(sequence, rng)) for sequence in sequences]
    found = sum(0 < call.front_adapter < 80 for call in trimmed)
    assert found >= 0.8 * len(sequences)
    reversed_ones = [trim_adapters(called(sequence[::-1], rng)) for sequence in sequences]
    assert sum(call.front_adapter > 0 for call in reversed_ones) <= 0.1 * len(sequences)
