"""What scores lack for the length of a sequence: the same by every way of writing an edit, and Bayes' rule once."""

from __future__ import annotations

import numpy as np
import pytest
from genomes import random_genome

from basecaller.assembly.edit import EDITS
from basecaller.assembly.lengthterms import add_length_terms, length_term, length_terms
from basecaller.assembly.revise import written_out
from basecaller.bases import encode, reverse_complement
from basecaller.model.config import NetworkConfig

TERMS = length_terms(NetworkConfig(head="crf", state_length=4))


def test_single_edits_lack_what_they_lack_written_out() -> None:
    codes = np.concatenate([random_genome(60, 1), encode("ACCCCCCTTTTTGACACACATT")])
    scores = np.zeros((len(codes), EDITS))
    add_length_terms(codes, np.full(len(codes), 3.5), TERMS, scores)
    for i in range(len(codes) - 2):
        for column in range(EDITS):
            edit = written_out(codes, i, column, 0.0)
            told = length_term(codes, edit.first, edit.last, edit.new, 3.5, TERMS)
            assert scores[i, column] == pytest.approx(told, abs=1e-9), (i, column)


def test_a_base_in_another_place_lacks_for_both_runs() -> None:
    codes = encode("GATCAAATTTGATCGATC")
    longer, shorter = TERMS.each[0, 4], TERMS.each[0, 3]
    assert length_term(codes, 7, 8, codes[6:7], 2.0, TERMS) == pytest.approx(2 * (longer - shorter))


def test_a_base_more_has_the_same_against_it_however_many_reads_there_are() -> None:
    codes = encode("GATCTTTTACGATCGA")
    one, three, five = (length_term(codes, 4, 4, codes[4:5], reads, TERMS) for reads in (1.0, 3.0, 5.0))
    assert five - three == pytest.approx(three - one)
    each = (three - one) / 2
    assert each == pytest.approx(TERMS.each[0, 5])
    assert one - each == pytest.approx(-np.log(4))


def test_both_strands_lack_the_same() -> None:
    codes = np.concatenate([random_genome(40, 2), encode("GGGGGAAAAC")])
    n = len(codes)
    for first, last, new in ((41, 43, ""), (46, 46, "AA"), (40, 47, "ACGT"), (20, 22, "C")):
        put = encode(new)
        there = length_term(codes, first, last, put, 4.0, TERMS)
        back = length_term(reverse_complement(codes), n - last, n - first, reverse_complement(put), 4.0, TERMS)
        assert there == pytest.approx(back)


def test_the_run_one_longer_than_the_state_lacks_more() -> None:
    three, four = (length_terms(NetworkConfig(head="crf", state_length=k)).each for k in (3, 4))
    assert (three[:, 4] > four[:, 4]).all() and (four[:, 5] > three[:, 5]).all()
    assert (three[:, 6:] == four[:, 6:]).all() and (three[:, :4] == four[:, :4]).all()


def test_ctc_models_lack_nothing() -> None:
    codes = encode("ACGTTTTACGA")
    scores = np.zeros((len(codes), EDITS))
    terms = length_terms(NetworkConfig(head="ctc"))
    add_length_terms(codes, np.full(len(codes), 5.0), terms, scores)
    assert not scores.any() and length_term(codes, 3, 3, codes[3:4], 5.0, terms) == 0
