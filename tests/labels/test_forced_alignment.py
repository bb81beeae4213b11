"""Forced alignment and labels, on signal whose truth is known."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from basecaller.labels.align import align_signal, fit_scaling
from basecaller.labels.label import align_read, stretches
from basecaller.labels.levels import KmerLevels, read_levels


@pytest.fixture(scope="module")
def levels() -> KmerLevels:
    rng = np.random.default_rng(0)
    mean = rng.normal(size=4**5).astype(np.float32)
    return KmerLevels(5, mean, np.full(4**5, 0.25, np.float32))


def squiggle(levels: KmerLevels, bases: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Signal of the k-mers of `bases`, and the first sample of each k-mer."""
    expected, _ = levels.of(bases)
    dwell = 3 + rng.poisson(6, size=len(expected))
    starts = np.concatenate([[0], np.cumsum(dwell)[:-1]])
    return (np.repeat(expected, dwell) + rng.normal(0, 0.2, dwell.sum())).astype(np.float32), starts


def noise(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0.8, 0.3, n).astype(np.float32)


def test_alignment_finds_the_start_of_every_kmer(levels: KmerLevels) -> None:
    rng = np.random.default_rng(1)
    bases = rng.integers(4, size=2000).astype(np.uint8)
    signal, starts = squiggle(levels, bases, rng)
    signal = np.concatenate([noise(700, rng), signal, noise(300, rng)])
    alignment = align_signal(signal, *levels.of(bases))
    assert alignment is not None
    off = np.abs(alignment.starts - (starts + 700))
    assert np.median(off) == 0
    assert (off <= 5).mean() > 0.95  # the first few may be taken for the noise before them
    assert abs(alignment.end - (len(signal) - 300)) < 20
    assert alignment.scores.mean() > 0.8


def test_scaling_is_recovered(levels: KmerLevels) -> None:
    rng = np.random.default_rng(2)
    bases = rng.integers(4, size=1500).astype(np.uint8)
    signal, _ = squiggle(levels, bases, rng)
    alignment = align_signal(signal * 0.9 + 0.15, *levels.of(bases))
    assert alignment is not None
    shift, scale = fit_scaling((signal * 0.9 + 0.15).astype(np.float32), alignment, levels.of(bases)[0])
    assert shift == pytest.approx(0.15, abs=0.03)
    assert scale == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_pore_whose_median_and_mad_are_far_from_its_mean_and_deviation(levels: KmerLevels, direction: int) -> None:
    """Scaling by median and MAD is then far from the levels' units; strict spreads must not lose the read for that."""
    rng = np.random.default_rng(7)
    skewed = direction * (np.exp(levels.mean) - np.exp(0.5)).astype(np.float32) / 2.16
    strict = KmerLevels(5, skewed.astype(np.float32), np.full(4**5, 0.15, np.float32))
    bases = rng.integers(4, size=2000).astype(np.uint8)
    signal, starts = squiggle(strict, bases, rng)
    middle = np.median(signal)
    found = align_read((signal - middle) / np.float32(1.4826 * np.median(np.abs(signal - middle))), bases, strict)
    assert found is not None
    assert np.median(np.abs(found[0].starts - starts)) == 0


def test_a_sequence_that_begins_deep_in_the_read_is_found_from_its_end(levels: KmerLevels) -> None:
    rng = np.random.default_rng(3)
    other, known = (rng.integers(4, size=n).astype(np.uint8) for n in (9000, 1500))
    before, after = squiggle(levels, other, rng)[0], squiggle(levels, known, rng)
    signal = np.concatenate([before, after[0]])
    found = align_read(signal, known, levels)
    assert found is not None
    assert np.median(np.abs(found[0].starts - (after[1] + len(before)))) <= 1


def test_bases_that_the_signal_contradicts_are_left_out(levels: KmerLevels) -> None:
    rng = np.random.default_rng(4)
    bases = rng.integers(4, size=3000).astype(np.uint8)
    signal, starts = squiggle(levels, bases, rng)
    wrong = bases.copy()
    wrong[1400:1440] = rng.integers(4, size=40)
    found = stretches("r", signal, wrong, levels)
    kept = np.zeros(len(bases), bool)
    for stretch in found:
        kept[stretch.first : stretch.first + len(stretch.bases)] = True
        assert (stretch.bases == wrong[stretch.first : stretch.first + len(stretch.bases)]).all()
    assert not kept[1410:1430].any()
    assert kept[200:1300].mean() > 0.97 and kept[1550:2800].mean() > 0.97
    # a base starts in its stretch where it starts in the whole signal
    last = found[-1]
    where = len(signal) - len(last.signal)
    off = last.starts[10:-10] + where - starts[last.first - levels.centre :][: len(last.starts)][10:-10]
    assert np.median(np.abs(off)) <= 40  # the last stretch may end before the signal does


def test_unrelated_signal_is_not_labelled(levels: KmerLevels) -> None:
    rng = np.random.default_rng(5)
    one, two = (rng.integers(4, size=1200).astype(np.uint8) for _ in range(2))
    assert stretches("r", squiggle(levels, one, rng)[0], two, levels) == []


def test_a_table_of_levels_is_read_and_a_bad_one_named(tmp_path) -> None:
    from basecaller.errors import UsageError

    good = tmp_path / "levels.tsv"
    good.write_text("#made\nkmer\tlevel_mean\nA\t90\nC\t80\nG\t70\nT\t60\n")
    table = read_levels(good)
    np.testing.assert_allclose(table.mean, (np.array([90, 80, 70, 60]) - 75) / np.std([90, 80, 70, 60]), rtol=1e-5)
    zipped = tmp_path / "levels.tsv.gz"
    zipped.write_bytes(gzip.compress(good.read_bytes()))
    np.testing.assert_array_equal(read_levels(zipped).mean, table.mean)
    zipped.write_bytes(zipped.read_bytes()[:30])
    with pytest.raises(UsageError, match=r"levels\.tsv\.gz: not a table"):
        read_levels(zipped)
    (tmp_path / "bad.tsv").write_text("kmer\tlevel_mean\nA\t90\n")
    with pytest.raises(UsageError, match=r"bad\.tsv: holds 1 k-mers of length 1, not all 4"):
        read_levels(tmp_path / "bad.tsv")


def test_real_reads_fit_their_reference(shared_data) -> None:
    """An E. coli read against its genome, with published levels: nearly all of it is trusted."""
    from basecaller.labels.truth import truth_from_fasta
    from basecaller.model.config import SignalConfig
    from basecaller.reads.source import open_reads
    from basecaller.signal.prepare import prepare

    table = read_levels(shared_data / "kmer_levels" / "r9.4_450bps_6mer.tsv")
    truth = truth_from_fasta(shared_data / "labels" / "reference_segments.fa.gz")
    files = sorted((shared_data / "ecoli_r94").glob("*.fast5"))[:4]
    known = labelled = 0
    for read in open_reads(files):
        bases = truth[read.read_id].bases
        known += len(bases)
        labelled += sum(len(s.bases) for s in stretches(
            read.read_id, prepare(read, SignalConfig()).signal, bases, table))
    assert known > 10_000
    assert labelled > 0.95 * known
