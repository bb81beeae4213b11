"""Edits of several bases: proposed from reads, turned to the other strand, chosen, made, and put together."""

from __future__ import annotations

import numpy as np
import pytest

from basecaller.assembly.edit import APART
from basecaller.assembly.replacement import MOST_PROPOSED, NONE, propose
from basecaller.assembly.revise import LONGEST, PAIRED, TOGETHER, Edit, apart, applied, pairs, written_out
from basecaller.bases import decode, encode, reverse_complement

CONTIG = encode("GATTACAGGCTCATTGCAGGACCTTAGACATCCGTAACGTCTGAATCG")


def made(codes: np.ndarray, edit: Edit) -> str:
    return decode(np.concatenate([codes[: edit.first], edit.new, codes[edit.last :]]))


def proposed(*reads: str, start: int = 0, stop: int | None = None, wanted: np.ndarray | None = None) -> list[Edit]:
    pieces = [encode(read) for read in reads]
    wanted = np.ones(len(CONTIG), np.bool_) if wanted is None else wanted
    found = propose(CONTIG, wanted, start, len(CONTIG) if stop is None else stop, np.concatenate(pieces),
                    np.cumsum([0, *map(len, pieces)]))
    return found.edits(0, np.zeros(len(found)))


def test_a_read_proposes_what_it_has_and_single_bases_are_left_to_others() -> None:
    text = decode(CONTIG)
    assert proposed(text) == []
    assert proposed(text[:20] + text[21:]) == []
    changed = text[:16] + "TTT" + text[19:]
    found = proposed(changed, changed)
    assert changed in {made(CONTIG, edit) for edit in found}
    assert len({edit.key for edit in found}) == len(found)


def test_two_differences_are_proposed_together_and_three_in_all_ways_side_by_side() -> None:
    text = list(decode(CONTIG))
    for at in (12, 18, 24):
        text[at] = "A" if text[at] != "A" else "C"
    found = {(edit.first, edit.last) for edit in proposed("".join(text))}
    assert found == {(12, 19), (18, 25), (12, 25)}


def test_nothing_is_proposed_near_borders_or_where_nothing_is_wanted() -> None:
    text = decode(CONTIG)
    changed = text[:16] + "TTT" + text[19:]
    assert proposed(changed, start=18) == []
    assert proposed(changed, stop=17) == []
    wanted = np.zeros(len(CONTIG), np.bool_)
    wanted[30:] = True
    assert proposed(changed, wanted=wanted) == []


def test_of_very_many_those_that_most_reads_propose() -> None:
    rng = np.random.default_rng(4)
    text = decode(CONTIG)
    common = text[:16] + "TTT" + text[19:]
    reads = [common, common]
    for _ in range(120):
        noisy = list(text)
        for at in rng.choice(len(text), 8, replace=False):
            noisy[at] = "ACGT"[rng.integers(4)]
        reads.append("".join(noisy))
    found = proposed(*reads)
    assert len(found) == MOST_PROPOSED
    assert common in {made(CONTIG, edit) for edit in found}


def test_what_one_read_of_few_has_is_proposed_whichever_it_is() -> None:
    rng = np.random.default_rng(5)
    contig = rng.integers(0, 4, 160).astype(np.uint8)
    reads = []
    for _ in range(8):  # with errors as reads of 90 % have them
        parts = [[base] if kind > 0.1 else [] if kind < 0.03 else [base, other] if kind < 0.06 else [other]
                 for base, kind, other in zip(contig, rng.random(160), rng.integers(0, 4, 160), strict=True)]
        reads.append(np.concatenate(parts).astype(np.uint8))
    reads[-1] = np.concatenate([contig[:80], encode("AC"), contig[80:]])
    found = propose(contig, np.ones(160, np.bool_), 0, 160, np.concatenate(reads), np.cumsum([0, *map(len, reads)]))
    assert len(found) > 200
    assert decode(reads[-1]) in {made(contig, edit) for edit in found.edits(0, np.zeros(len(found)))}


def test_other_strand_and_others_joined() -> None:
    edits = [Edit(5, 9, encode("TT")), Edit(12, 12, encode("GAC")), Edit(20, 24, encode(""))]
    group = NONE.joined(edits).joined([Edit(30, 31, encode("CC"))])
    turned = reverse_complement(CONTIG)
    for there, here in zip(group.turned(len(CONTIG)).edits(0, np.zeros(4)), group.edits(0, np.zeros(4)), strict=True):
        assert encode(made(turned, there)).tolist() == reverse_complement(encode(made(CONTIG, here))).tolist()
    assert [edit.first for edit in group.edits(100, np.arange(4.0))] == [105, 112, 120, 130]
    assert [edit.key for edit in group.take(np.array([3, 1])).edits(0, np.zeros(2))] == [
        (30, 31, encode("CC").tobytes()), (12, 12, encode("GAC").tobytes())]


@pytest.mark.parametrize(("column", "wanted"), [(1, "GATTCCAGG"), (6, "GATTGACAGG"), (8, "GATTCAGG"), (9, "GATTAGG"),
                                               (10, "GATTACACAGG")])
def test_columns_of_scores_written_out(column: int, wanted: str) -> None:
    codes = encode("GATTACAGG")
    assert made(codes, written_out(codes, 4, column, 1.0)) == wanted


def test_best_edits_that_stand_apart() -> None:
    none = encode("")
    edits = [Edit(10, 11, none, 2.0), Edit(10 + APART, 11 + APART, none, 5.0), Edit(40, 44, none, 1.0),
             Edit(20, 36, none, 3.0), Edit(30, 30, none, 4.0)]
    assert [edit.first for edit in apart(edits, 60)] == [10 + APART, 30, 40]


def test_edits_are_made_and_others_keep_their_places() -> None:
    edits = [Edit(8, 10, encode("TTTT")), Edit(20, 23, encode("")), Edit(33, 33, encode("G"))]
    far, touching = Edit(28, 29, encode("C")), Edit(21, 25, encode("A"))
    new, origin, kept = applied(CONTIG, edits, [far, touching])
    text = decode(CONTIG)
    assert decode(new) == text[:8] + "TTTT" + text[10:20] + text[23:33] + "G" + text[33:]
    assert (new[origin >= 0] == CONTIG[origin[origin >= 0]]).all() and (origin < 0).sum() == 5
    assert [edit.first for edit in kept] == [far.first - 1]
    assert decode(new[kept[0].first : kept[0].last]) == text[28:29]


def test_pairs_of_edits_close_together() -> None:
    one, two, three = Edit(10, 11, encode("")), Edit(12, 13, encode("T")), Edit(13 + TOGETHER + 1, 30, encode(""))
    found = pairs(CONTIG, [three, two, one])
    assert [edit.key for edit in found] == [(10, 13, CONTIG[11:12].tobytes() + encode("T").tobytes())]
    assert made(CONTIG, found[0]) == decode(CONTIG[:10]) + decode(CONTIG[11:12]) + "T" + decode(CONTIG[13:])
    assert pairs(CONTIG, [Edit(0, LONGEST, encode("")), Edit(LONGEST + 1, LONGEST + 2, encode(""))]) == []


def test_of_too_many_edits_the_best_are_paired() -> None:
    """Else their pairs would be as many as their square."""
    edits = [Edit(i, i + 1, encode(base), -float(i % 7)) for i in range(len(CONTIG)) for base in "ACGT"]
    most = int(PAIRED * len(CONTIG))
    worst = sorted(edit.score for edit in edits)[-most]
    found = pairs(CONTIG, edits)
    assert 0 < len(found) < most**2
    kept = {(edit.first, edit.new.tobytes()) for edit in edits if edit.score >= worst}
    assert all((pair.first, pair.new[:1].tobytes()) in kept for pair in found)
