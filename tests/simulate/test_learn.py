"""Learning a pore model: from simulated reads, whose truth is known, and against real reads and published levels."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pore_by_hand import DWELL, plain_pore

from basecaller.errors import UsageError
from basecaller.labels.levels import KmerLevels, read_levels
from basecaller.labels.truth import truth_from_fasta
from basecaller.reads.source import open_reads
from basecaller.simulate.compare import curves, twins
from basecaller.simulate.estimate import level_table
from basecaller.simulate.events import Events
from basecaller.simulate.genome import diverse_sequence, read_fasta
from basecaller.simulate.learn import KnownRead, align_known, expected_levels, known_reads, learn
from basecaller.simulate.noise import _non_negative_fit, minimum_phase
from basecaller.simulate.pore import SHIPPED, PoreModel, load_pore
from basecaller.simulate.refine import CLEAR, LEAST_DWELL, _nearer, _ratio, _relative_dwell
from basecaller.simulate.squiggle import draw_traits, simulate_signal
from basecaller.simulate.timing import mean_dwell


def noisy_pore() -> PoreModel:
    """A 3-mer pore with noise, drift and dwell times like a real one."""
    real = load_pore()
    return plain_pore(
        3, spread=np.full(64, 0.03, np.float32), noise=np.full(64, 0.2, np.float32), noise_kernel=real.noise_kernel,
        dwell=DWELL, speed=np.array([6.0, 0.1], np.float32), read_noise=0.05,
        drift_sd=np.array([0.05], np.float32), drift_samples=np.array([1000.0], np.float32),
        creep=np.repeat(np.array([[0.05], [-0.15]], np.float32), 64, axis=1),
    )


def known(pore: PoreModel, count: int, bases: int, rng: np.random.Generator) -> list[KnownRead]:
    """Simulated reads of known sequence, shifted and scaled as no pore model knows."""
    reads = []
    for i in range(count):
        codes = diverse_sequence(bases, rng)
        signal, _ = simulate_signal(pore, codes, rng, draw_traits(pore, rng))
        shift, scale = rng.normal(0, 0.1), rng.normal(1, 0.05)
        reads.append(KnownRead(str(i), "run", (signal * scale + shift).astype(np.float32), 90.0, 10.0, codes,
                               np.zeros(0, np.float32), 4000.0))
    return reads


@pytest.fixture(scope="module")
def learnt() -> tuple[PoreModel, PoreModel]:
    """A pore and what is learnt of it from eight of its reads, beginning with levels that are wrong."""
    pore, rng = noisy_pore(), np.random.default_rng(1)
    wrong = pore.levels + rng.normal(0, 0.25, 64).astype(np.float32)
    start = KmerLevels(3, ((wrong - wrong.mean()) / wrong.std()).astype(np.float32), np.full(64, 0.4, np.float32))
    found, aligned = learn(known(pore, 8, 2000, rng), start)
    assert len(aligned) == 8
    return pore, found


def test_levels_are_recovered(learnt: tuple[PoreModel, PoreModel]) -> None:
    pore, found = learnt
    assert np.abs(found.levels - pore.levels).max() < 0.15
    assert (found.levels - pore.levels).std() < 0.05


def test_noise_and_speed_are_recovered(learnt: tuple[PoreModel, PoreModel]) -> None:
    pore, found = learnt
    assert np.median(found.noise) == pytest.approx(0.2, rel=0.25)
    assert found.speed[0] == pytest.approx(float(pore.speed[0]), abs=0.12)
    assert found.read_scale[0] == pytest.approx(10.0, rel=0.05)
    assert found.read_shift[0] == pytest.approx(90.0, abs=1.5)
    colour = np.correlate(found.noise_kernel, found.noise_kernel, "full")[len(found.noise_kernel) :][:3]
    true = np.correlate(pore.noise_kernel, pore.noise_kernel, "full")[len(pore.noise_kernel) :][:3]
    assert colour == pytest.approx(true, abs=0.12)


def test_creep_is_recovered(learnt: tuple[PoreModel, PoreModel]) -> None:
    pore, found = learnt
    assert found.creep.mean(axis=1) == pytest.approx(pore.creep[:, 0], abs=0.03)


def test_a_read_of_another_sequence_teaches_nothing() -> None:
    pore, rng = noisy_pore(), np.random.default_rng(2)
    reads = known(pore, 2, 600, rng)
    swapped = [dataclasses.replace(read, codes=other.codes) for read, other in zip(reads, reads[::-1], strict=True)]
    levels = KmerLevels(3, pore.levels, pore.deviation)
    assert len(align_known(reads, levels)) == 2
    assert align_known(swapped, levels) == []
    with pytest.raises(UsageError, match="0 of 2 reads fit"):
        learn(swapped, levels)


def test_a_pore_has_the_sampling_rate_of_its_reads() -> None:
    pore, rng = noisy_pore(), np.random.default_rng(7)
    reads = known(pore, 5, 600, rng)
    faster = [dataclasses.replace(read, sampling_rate=5000.0) for read in reads]
    start = KmerLevels(3, pore.levels, pore.deviation)
    slow, fast = learn(reads, start)[0], learn(faster, start)[0]
    assert (slow.sampling_rate, fast.sampling_rate) == (4000.0, 5000.0)
    assert np.exp(fast.speed[0] - slow.speed[0]) == pytest.approx(1.25)
    with pytest.raises(UsageError, match=r"different sampling rates \(4000, 5000 per second\)"):
        learn(reads + faster[:1], start)


def test_few_events_say_little_about_their_spread() -> None:
    """Four events of a k-mer that happen to be equal do not make its spread nothing."""
    rng = np.random.default_rng(8)
    kmer = np.concatenate([np.repeat(np.arange(15), 200), np.full(4, 15)])
    mean = np.concatenate([rng.normal(0, 0.2, 3000), np.full(4, 0.1)])
    column = np.zeros(len(kmer), np.int64)
    _, spread = level_table(Events(kmer, column, column, mean, mean, column), 2, np.zeros(16))
    assert spread[:15] == pytest.approx(0.2, rel=0.25)
    assert 0.1 < spread[15] < 0.2


def test_a_model_compared_with_itself_shows_no_difference() -> None:
    pore, rng = noisy_pore(), np.random.default_rng(3)
    levels = expected_levels(pore)
    real = align_known(known(pore, 6, 1500, rng), levels)
    for ours, theirs in zip(curves(real, pore), curves(twins(real, pore, levels, rng), pore), strict=True):
        assert np.abs(ours.y - theirs.y).sum() < 0.35 * np.abs(ours.y).sum(), ours.title


@pytest.mark.parametrize("kernel", [[1.0, 0.5, 0.25], [0.9, 0.4, -0.1, 0.05]])
def test_a_filter_is_found_from_its_autocovariance(kernel: list[float]) -> None:
    taps = np.array(kernel) / np.linalg.norm(kernel)
    covariance = np.zeros(200)
    covariance[: len(taps)] = np.correlate(taps, taps, "full")[len(taps) - 1 :]
    found = minimum_phase(covariance)
    assert found[: len(taps)] == pytest.approx(taps, abs=0.03)


def test_least_squares_without_negative_coefficients() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert _non_negative_fit(matrix, matrix @ [0.5, 2.0]) == pytest.approx([0.5, 2.0], abs=1e-4)
    # unbounded: (4, -1); with a bound the best of the edge c2 = 0 is the mean
    assert _non_negative_fit(matrix, np.array([3.0, 2.0, 1.0])) == pytest.approx([2.0, 0.0], abs=1e-4)


def test_dwell_times_are_moved_towards_the_real_ones() -> None:
    rng = np.random.default_rng(4)
    real, simulated = rng.gamma(3.0, 1.0, 40_000), rng.gamma(1.5, 2.0, 40_000)
    ratio = _ratio(real, simulated, 1001)
    moved = np.quantile(simulated, np.linspace(0, 1, 1001)) * ratio
    target = np.quantile(real, np.linspace(0, 1, 1001))
    start = np.quantile(simulated, np.linspace(0, 1, 1001))
    assert np.abs(moved - target)[20:950].mean() < 0.5 * np.abs(start - target)[20:950].mean()


def test_dwell_times_are_taken_between_clear_steps() -> None:
    pore, rng = noisy_pore(), np.random.default_rng(9)
    (read,) = align_known(known(pore, 1, 600, rng), expected_levels(pore))
    column = np.zeros(5, np.int64)
    events = Events(column, column, np.array([1, 20, 1, 40, 1]), column * 0.0, column * 0.0, np.arange(5))
    expected = np.array([0.0, CLEAR + 0.1, 0.0, CLEAR - 0.1, 0.0])
    (time,) = _relative_dwell(events, expected, [read])  # of the second event alone
    assert time * mean_dwell(read) == pytest.approx(20, abs=0.5)


def test_no_base_is_passed_faster_than_the_least_dwell() -> None:
    pore, rng = noisy_pore(), np.random.default_rng(10)
    levels = expected_levels(pore)
    real = align_known(known(pore, 4, 1500, rng), levels)
    moved = _nearer(pore, real, twins(real, pore, levels, rng), ["run"])
    assert moved.dwell.mean() == pytest.approx(1.0, rel=1e-3)
    assert 0.7 * LEAST_DWELL < moved.dwell.min() < pore.dwell.mean()
    assert (np.diff(moved.dwell) >= 0).all()


def test_pore_models_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    pore = noisy_pore()
    pore.save(tmp_path / "mine.npz")
    again = load_pore(tmp_path / "mine.npz")
    for field in dataclasses.fields(PoreModel):
        ours, theirs = getattr(pore, field.name), getattr(again, field.name)
        assert type(ours) is type(theirs)
        assert np.array_equal(ours, theirs)
    np.savez(tmp_path / "other.npz", format=1, k=6)
    (tmp_path / "text.npz").write_text("not a table")
    for name in ("other.npz", "text.npz"):
        with pytest.raises(UsageError, match=name):
            load_pore(tmp_path / name)


def test_shipped_levels_are_our_own_and_agree_with_published_ones(shared_data: Path) -> None:
    pore = load_pore()
    for name in ("r9.4.1_450bps_6mer_uncalled4.tsv", "r9.4_450bps_6mer.tsv"):
        lines = [line for line in (shared_data / "kmer_levels" / name).read_text().splitlines() if line[0] != "#"]
        rows = sorted(csv.DictReader(lines, delimiter="\t"), key=lambda row: row["kmer"])
        published = np.array([float(row["level_mean"]) for row in rows])
        published = (published - published.mean()) / published.std()
        assert np.corrcoef(pore.levels, published)[0, 1] > 0.985
        assert np.abs(pore.levels - published).mean() > 0.005


def test_large_tables_are_small_on_disk(tmp_path: Path) -> None:
    pore = plain_pore(9)
    pore.save(tmp_path / "nine.npz")
    assert (tmp_path / "nine.npz").stat().st_size < 3 * 2 * 4**9 / 2
    assert np.abs(load_pore(tmp_path / "nine.npz").levels - pore.levels).max() < 0.002
    assert (SHIPPED / "r10.4.1.npz").stat().st_size < 3_000_000


def test_shipped_r10_levels_are_our_own_and_agree_with_published_ones(shared_data: Path) -> None:
    published = read_levels(shared_data / "kmer_levels" / "r10.4.1_400bps_9mer.tsv.gz")
    pore = load_pore("r10.4.1")
    assert pore.sampling_rate == 4000 and np.exp(pore.speed[0]) == pytest.approx(400, rel=0.1)
    assert np.corrcoef(pore.levels, published.mean)[0, 1] > 0.99
    assert np.abs(pore.levels - published.mean).mean() > 0.02


def test_real_r10_reads_fit_the_shipped_model(shared_data: Path) -> None:
    """Reads that it was not learnt from, with calls for their truth."""
    calls = truth_from_fasta(shared_data / "peer_calls" / "human_wga_r1041.fastq")
    truth = {name: known.bases for name, known in calls.items() if name[:8] in ("86c7c023", "d41728bf")}
    aligned = align_known(known_reads(open_reads([shared_data / "human_wga_r1041"]), truth),
                          expected_levels(load_pore("r10.4.1")))
    assert len(aligned) == 2
    assert all(read.good.mean() > 0.95 for read in aligned)


def test_real_reads_fit_the_shipped_model(shared_data: Path) -> None:
    pore = load_pore()
    truth = read_fasta(shared_data / "labels" / "reference_segments.fa.gz", np.random.default_rng(0))
    files = sorted((shared_data / "ecoli_r94").glob("*ch281_read4019*")) + sorted(
        (shared_data / "ecoli_r94").glob("*ch391_read2287*"))
    reads = known_reads(open_reads(files), truth)
    assert len(reads) == 2
    for read in align_known(reads, expected_levels(pore)):
        assert read.good.mean() > 0.95
        inner = (read.signal[read.bounds[0] : read.bounds[-1]]).astype(float)
        kmer = np.array([int("".join(map(str, read.codes[i : i + 6])), 4) for i in range(len(read.codes) - 5)])
        expected = np.repeat(pore.levels[kmer], np.diff(read.bounds))
        assert np.corrcoef(inner, expected)[0, 1] > 0.95
