"""Sequences: codes, strands, FASTA, and what random sequences hold."""

from __future__ import annotations

import gzip
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.bases import decode, encode, reverse_complement
from basecaller.errors import UsageError
from basecaller.simulate.genome import diverse_sequence, draw_fragment, random_genome, read_fasta


@given(st.text("ACGT", max_size=60))
def test_codes_are_the_letters(sequence: str) -> None:
    assert [("A", "C", "G", "T")[code] for code in encode(sequence)] == list(sequence)
    assert decode(encode(sequence.lower())) == sequence


@given(st.text("ACGT", max_size=60))
def test_other_strand(sequence: str) -> None:
    by_hand = "".join({"A": "T", "C": "G", "G": "C", "T": "A"}[base] for base in reversed(sequence))
    assert decode(reverse_complement(encode(sequence))) == by_hand


def test_fasta_plain_and_gzip_with_unknown_bases(tmp_path: Path) -> None:
    text = ">one some words\nACGT\nNNac\n>two\nTTT\n"
    (tmp_path / "a.fasta").write_text(text)
    with gzip.open(tmp_path / "b.fa.gz", "wt") as handle:
        handle.write(text)
    for name in ("a.fasta", "b.fa.gz"):
        contigs = read_fasta(tmp_path / name, np.random.default_rng(0))
        assert list(contigs) == ["one", "two"]
        one = decode(contigs["one"])
        assert len(one) == 8
        assert (one[:4], one[6:]) == ("ACGT", "AC")
        assert decode(contigs["two"]) == "TTT"


@pytest.mark.parametrize("content", [None, "", ">only a name\n"])
def test_fasta_without_sequence_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "genome.fasta"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"genome\.fasta"):
        read_fasta(path, np.random.default_rng(0))


def test_diverse_sequences_differ_in_composition_and_hold_homopolymers() -> None:
    rng = np.random.default_rng(1)
    sequences = [diverse_sequence(3000, rng) for _ in range(60)]
    assert all(len(sequence) == 3000 and sequence.max() <= 3 for sequence in sequences)
    gc = [float(np.isin(sequence, (1, 2)).mean()) for sequence in sequences]
    assert min(gc) < 0.33
    assert max(gc) > 0.67
    longest = [max(len(list(run)) for _, run in groupby(sequence.tolist())) for sequence in sequences]
    plain = [max(len(list(run)) for _, run in groupby(rng.integers(0, 4, 3000).tolist())) for _ in range(60)]
    assert np.median(longest) > np.median(plain) + 1


def test_a_markov_chain_follows_its_table() -> None:
    from basecaller.simulate.genome import _chain

    table = np.random.default_rng(2).dirichlet(np.ones(4), 16)
    codes = _chain(np.random.default_rng(3).random(200_000), np.cumsum(table, axis=1)[:, :3], 5).astype(int)
    state = codes[:-2] * 4 + codes[1:-1]
    for i in range(16):
        seen = codes[2:][state == i]
        share = np.bincount(seen, minlength=4) / max(len(seen), 1)
        assert np.abs(share - table[i]).max() < 5 / np.sqrt(max(len(seen), 1))


def test_fragments_come_from_either_strand_of_the_genomes() -> None:
    rng = np.random.default_rng(4)
    genomes = [random_genome(3000, rng), random_genome(1000, rng)]
    forward = [decode(genome) for genome in genomes]
    backward = [decode(reverse_complement(genome)) for genome in genomes]
    found = [0, 0]
    for _ in range(200):
        fragment = decode(draw_fragment(genomes, 300, rng))
        assert len(fragment) == 300
        hits = [i for i in (0, 1) if fragment in forward[i] or fragment in backward[i]]
        assert len(hits) == 1
        found[hits[0]] += 1
    assert found[0] > 2 * found[1] > 0
