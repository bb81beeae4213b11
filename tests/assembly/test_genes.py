"""Genes as a witness: the model of reading frames, what is learnt of a genome, and what it does to its errors."""

from __future__ import annotations

from itertools import product

import edlib
import numpy as np
import pytest
from genomes import genome_of_genes, random_genome

from basecaller.assembly.contig import Contig
from basecaller.assembly.edit import EDITS, NEVER
from basecaller.assembly.genes.codons import START, STOP, TURNED, expected_usage, number
from basecaller.assembly.genes.frames import _backward, _forward, emission, log_likelihood, weigh
from basecaller.assembly.genes.witness import Chances, Said, Scores, find_genes
from basecaller.assembly.revise import apart, applied, written_out
from basecaller.bases import encode, kmers, reverse_complement


def closed(length: int) -> Scores:
    """Scores of a contig of which no edit is open."""
    return np.full((length, EDITS), NEVER)


def said(codes: np.ndarray, scores: Scores | None = None, circular: bool = False) -> Said:
    scores = closed(len(codes)) if scores is None else scores
    return Said(Contig("c", codes, circular), scores, np.full(len(codes), 6))


def test_codons_mean_what_they_mean() -> None:
    assert {codon for codon in ("TAA", "TAG", "TGA", "ATG", "TGG") if STOP[number(codon)]} == {"TAA", "TAG", "TGA"}
    assert STOP.sum() == START.sum() == 3
    for codon in ("ATG", "GGC", "TAA"):
        assert TURNED[number(codon)] == kmers(reverse_complement(encode(codon)), 3)[0]
    rich, poor = expected_usage(0.7), expected_usage(0.3)
    assert rich.sum() == pytest.approx(1) and poor.sum() == pytest.approx(1)
    assert rich[number("GCC")] > 2 * rich[number("GCA")] and poor[number("GCA")] > 2 * poor[number("GCC")]
    alanine = [number("GC" + base) for base in "ACGT"]
    assert rich[alanine].sum() == pytest.approx(poor[alanine].sum(), rel=0.01)


def test_mass_neither_comes_nor_goes_and_backward_is_forward_turned() -> None:
    rng = np.random.default_rng(1)
    told = emission([expected_usage(0.4), expected_usage(0.6)], rng.dirichlet(np.ones(4) * 5, 16), 1.0)
    before, after = rng.random((13, 16)), rng.random((13, 16))
    out, total = np.zeros((13, 16)), 0.0
    for base in range(4):
        _forward(before, base, told, out)
        total += out.sum() / 4  # emission is over that of a random sequence
        there = float((out * after).sum())
        _backward(after, base, told, out)
        assert float((before * out).sum()) == pytest.approx(there, rel=1e-12)
    assert total == pytest.approx(before.sum(), rel=1e-12)


def test_all_ways_are_summed() -> None:
    """Without genes the likelihood is that of every choice of edits, written out."""
    rng = np.random.default_rng(2)
    between = rng.dirichlet(np.ones(4), 16)
    told = emission([], between, 1.0)
    codes = rng.integers(0, 4, 14).astype(np.uint8)
    codes[6:10] = [0, 2, 0, 2]
    odds = np.zeros((14, EDITS))
    odds[3, (codes[3] + 1) % 4], odds[5, 4 + (codes[5] + 2) % 4] = 0.3, 0.2
    odds[6, 9], odds[10, 8], odds[11, 10] = 0.5, 2.0, 0.7
    open_ = [tuple(row) for row in np.argwhere(odds > 0).tolist()]
    total, with_edit = 0.0, dict.fromkeys(open_, 0.0)
    for chosen in product([False, True], repeat=len(open_)):
        edits = [written_out(codes, i, column, 0.0) for (i, column), yes in zip(open_, chosen, strict=True) if yes]
        new = applied(codes, edits, [])[0]
        likelihood = np.mean([np.prod([4 * between[two, base] for two, base in
                                       zip(kmers(np.r_[[a, b], new[:-1]], 2), new, strict=True)])
                              for a in range(4) for b in range(4)])
        likelihood *= np.prod([odds[each] for each, yes in zip(open_, chosen, strict=True) if yes])
        total += likelihood
        for each, yes in zip(open_, chosen, strict=True):
            with_edit[each] += likelihood * yes
    chance, _ = weigh(codes, odds, told)
    assert log_likelihood(codes, odds, told) == pytest.approx(np.log(total))
    for each in open_:
        assert chance[each] == pytest.approx(with_edit[each] / total)
    assert (chance[odds == 0] == 0).all()


def mistaken(genome: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Scores, int]:
    """A contig with one base too many or too few in some runs, scores that are a little for its errors and as much
    against the same in other runs, and how many errors they are."""
    starts = np.flatnonzero(np.r_[True, genome[1:] != genome[:-1]])
    lengths = np.diff(np.r_[starts, len(genome)])
    runs = [(int(s), int(n)) for s, n in zip(starts, lengths, strict=True) if n >= 3 and 20 < s < len(genome) - 20]
    parts, marks, at, errors = [], [], 0, 0
    for start, length in runs:
        wrong = rng.random() < 0.06
        longer = bool(rng.random() < 0.5)  # what the wrong one of both would be
        now = length + (1 if longer else -1) * wrong
        errors += wrong
        parts += [genome[at:start], np.full(now, genome[start], np.uint8)]
        marks.append((sum(map(len, parts)) - now, 8 if longer == wrong else 4 + int(genome[start])))
        at = start + length
    contig = np.concatenate([*parts, genome[at:]])
    scores = closed(len(contig))
    for place, column in marks:
        scores[place, column] = -2.7
    return contig, scores, errors


def left_over(contig: np.ndarray, chance: Chances, genome: np.ndarray) -> int:
    edits = [written_out(contig, i, column, float(chance[i, column]))
             for i, column in np.argwhere(chance > 0.5).tolist()]
    mended = applied(contig, apart(edits, len(contig)), [])[0]
    return int(edlib.align(mended.tobytes(), genome.tobytes())["editDistance"])


@pytest.mark.parametrize("turned", [False, True])
def test_frames_tell_which_runs_are_wrong(turned: bool) -> None:
    """One run of three and more in sixteen is wrong, and the reads are fifteen to one for each as it stands."""
    genome = genome_of_genes(20_000, 3)
    contig, scores, errors = mistaken(reverse_complement(genome) if turned else genome, np.random.default_rng(4))
    one = said(contig, scores)
    witness = find_genes([one])
    assert witness is not None
    chance = witness.chances([one])[0]
    assert chance is not None
    left = left_over(contig, chance, reverse_complement(genome) if turned else genome)
    assert errors > 40 and left < errors * 2 / 3
    doubt = np.where(chance > 0.5, 1 - chance, chance).sum()
    assert left / 2 < doubt < 2 * left
    again = find_genes([one], threads=3)
    assert again is not None and (again.chances([one], threads=3)[0] == chance).all()


def test_no_genes_no_say() -> None:
    """Random sequence has none, whatever its composition, nor has a contig among others that have."""
    genes, other = said(genome_of_genes(20_000, 5)), said(random_genome(20_000, 6))
    assert find_genes([other]) is None
    assert find_genes([]) is None
    three = [genes, other, said(np.zeros(0, np.uint8))]
    witness = find_genes(three)
    assert witness is not None
    chances = witness.chances(three)
    assert [chance is None for chance in chances] == [False, True, True]
    assert chances[0] is not None and chances[0].shape == (20_000, EDITS)


def test_a_gene_over_the_start_of_a_circle() -> None:
    """A circle is weighed alike wherever it begins."""
    genome = genome_of_genes(12_000, 7)
    contig, scores, _ = mistaken(genome, np.random.default_rng(8))
    here = said(contig, scores, circular=True)
    there = said(np.roll(contig, -600), np.roll(scores, -600, axis=0), circular=True)
    witness = find_genes([here])
    assert witness is not None
    one, other = witness.chances([here])[0], witness.chances([there])[0]
    assert one is not None and other is not None
    assert np.abs(np.roll(other, 600, axis=0) - one).max() < 0.01
