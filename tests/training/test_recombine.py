"""Recombined chunks: sequence that no read has, in signal that fits it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from basecaller.bases import decode
from basecaller.errors import UsageError
from basecaller.labels.dataset import LabelFile, LabelWriter, Origin
from basecaller.labels.label import Stretch
from basecaller.labels.levels import KmerLevels
from basecaller.training.recombine import Recombined

DWELL = 10
MEAN = np.random.default_rng(4).permutation(64).astype(np.float32) / 16 - 2
LEVELS = KmerLevels(3, MEAN, np.ones(64, np.float32))


def write(path: Path, lengths: list[int], *, scales: bool = True, seed: int = 1, levels_of: KmerLevels = LEVELS,
          letters: int = 4, early: int = 0, dwells: tuple[int, ...] = (DWELL,), noises: tuple[float, ...] = (0.0,),
          ) -> LabelFile:
    """Reads whose signal is the level of each k-mer for ten samples (or for each of `dwells` in turn), each read on a
    scale of its own, and whose bases are labelled some samples `early`."""
    rng = np.random.default_rng(seed)
    with LabelWriter(path, scaling="med_mad") as writer:
        for i, length in enumerate(lengths):
            bases = rng.integers(letters, size=length).astype(np.uint8)
            levels = np.zeros(length, np.float32)
            levels[levels_of.centre : length - levels_of.k + 1 + levels_of.centre] = levels_of.of(bases)[0]
            scale, shift = (rng.uniform(0.8, 1.2), rng.normal(0, 0.1)) if scales else (1.0, 0.0)
            dwell = dwells[i % len(dwells)]
            signal = np.repeat(levels * scale + shift, dwell)
            signal += noises[i % len(noises)] * np.random.default_rng(i).standard_normal(len(signal))
            writer.add(Stretch(f"r{i}", signal.astype(np.float32), bases,
                               np.maximum(np.arange(length) * dwell - early, 0).astype(np.int32), 0), Origin())
    return LabelFile(path)


def test_the_signal_is_that_of_the_new_sequence(tmp_path: Path) -> None:
    file = write(tmp_path / "l.h5", [2000, 3000, 2500], scales=False)
    for chunk in Recombined([file], LEVELS).draw(np.random.default_rng(2), 20, 1000):
        assert chunk.signal.shape == (1000,) and len(chunk.bases) == 100
        assert (chunk.starts == np.arange(100) * DWELL).all()
        expected = LEVELS.of(chunk.bases)[0]  # of the second base to the last but one
        np.testing.assert_allclose(chunk.signal[15:985:DWELL], expected[:97], atol=5e-3)


def test_it_goes_on_otherwise_than_every_read(tmp_path: Path) -> None:
    file = write(tmp_path / "l.h5", [2000, 3000, 2500])
    reads = [decode(file.stretch(row)[1]) for row in range(3)]
    chunks = Recombined([file], LEVELS).draw(np.random.default_rng(2), 20, 1000)
    long = sum(any(decode(c.bases[i : i + 50]) in read for read in reads) for c in chunks for i in range(0, 50, 10))
    assert long == 0
    assert all(any(decode(c.bases[i : i + 4]) in read for read in reads) for c in chunks for i in range(90))
    assert len({decode(c.bases) for c in chunks}) == 20


def test_reads_are_brought_to_one_scale_and_chunks_get_that_of_a_read(tmp_path: Path) -> None:
    file = write(tmp_path / "l.h5", [2000, 3000, 2500])
    source = Recombined([file], LEVELS)
    fits = []
    for chunk in source.draw(np.random.default_rng(2), 30, 1000):
        expected, found = LEVELS.of(chunk.bases)[0][:97], chunk.signal[15:985:DWELL]
        scale, shift = np.polyfit(expected, found, 1)
        assert np.abs(found - (scale * expected + shift)).max() < 0.02
        fits.append((round(float(scale), 2), round(float(shift), 2)))
    known = {(round(float(scale), 2), round(float(shift), 2)) for shift, scale in source.pool.scalings}
    assert set(fits) == known and len(known) == 3


def test_like_goes_to_like(tmp_path: Path) -> None:
    """A chunk keeps the speed and the noise with which it begins, though half of the places are otherwise."""
    speeds = write(tmp_path / "speeds.h5", [3000] * 4, dwells=(8, 16))
    dwells = [np.diff(chunk.starts) for chunk in Recombined([speeds], LEVELS).draw(np.random.default_rng(3), 40, 1000)]
    assert {int(dwell[0]) for dwell in dwells} == {8, 16}
    assert np.mean([(dwell == dwell[0]).mean() for dwell in dwells]) > 0.97  # now and then none like it is drawn
    noises = write(tmp_path / "noises.h5", [3000] * 4, noises=(0.02, 0.1), scales=False)
    found = []
    for chunk in Recombined([noises], LEVELS).draw(np.random.default_rng(3), 40, 1000):
        inside = chunk.signal.reshape(100, DWELL)[1:-2]
        found.append((inside - inside.mean(axis=1, keepdims=True)).std(axis=1))
    parts = np.array(found)
    calm = parts.mean(axis=1) < 0.06
    assert 5 < calm.sum() < 35
    assert (parts[calm] < 0.06).mean() > 0.97
    assert (parts[~calm] > 0.05).mean() > 0.95


def test_composition_is_a_chunks_own(tmp_path: Path) -> None:
    """It does not follow that of the runs which are like the chunk: where slow reads are of one genome, they must not
    teach what slow reads hold."""
    file = write(tmp_path / "l.h5", [6000] * 4)
    chunks = Recombined([file], LEVELS).draw(np.random.default_rng(3), 60, 1000)
    shares = [np.isin(chunk.bases, (1, 2)).mean() for chunk in chunks]
    assert np.std(shares) > 0.08  # 0.05 where bases come as they do
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)


def test_pieces_are_of_the_lengths_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "l.h5", [6000] * 3, seed=7)
    reads = [decode(file.stretch(row)[1]) for row in range(3)]

    def kept(pieces: tuple[int, int]) -> float:
        chunks = Recombined([file], LEVELS, pieces).draw(np.random.default_rng(3), 20, 1000)
        return float(np.mean([any(decode(c.bases[i : i + 20]) in read for read in reads)
                              for c in chunks for i in range(0, 80, 5)]))

    assert kept((2, 4)) < 0.02 and kept((40, 50)) > 0.4
    with pytest.raises(UsageError, match="fewest first"):
        Recombined([file], LEVELS, (9, 5))


def test_small_files_begin_as_many_chunks_as_large_ones(tmp_path: Path) -> None:
    large, small = write(tmp_path / "a.h5", [6000] * 4, dwells=(8,)), write(tmp_path / "b.h5", [3000], dwells=(16,))
    chunks = Recombined([large, small], LEVELS).draw(np.random.default_rng(3), 100, 1000)
    assert sum(int(chunk.starts[1]) == 16 for chunk in chunks) == pytest.approx(50, abs=15)


def test_what_is_held_out_is_not_used(tmp_path: Path) -> None:
    file = write(tmp_path / "l.h5", [2000, 3000, 2500])
    file.use[:] = [False, True, False]
    source = Recombined([file], LEVELS)
    assert np.array_equal(source.pool.bases, file.stretch(1)[1])
    assert len(source.draw(np.random.default_rng(2), 20, 1000)) == 20
    file.use[:] = False
    with pytest.raises(UsageError, match="no labelled stretch"):
        Recombined([file], LEVELS)


def test_bases_that_are_not_where_the_signal_changes_are_not_cut(tmp_path: Path) -> None:
    """As a caller's moves may place them: pieces of such reads would miss a part of one base and double another."""
    exact, early = write(tmp_path / "l.h5", [2000, 3000]), write(tmp_path / "m.h5", [9000], early=DWELL // 2)
    assert len(Recombined([exact, early], LEVELS).pool.bases) == 5000
    with pytest.raises(UsageError, match="no labelled stretch"):
        Recombined([early], LEVELS)


def test_long_kmers_are_joined_by_seven_bases(tmp_path: Path) -> None:
    """9-mers, as of R10.4.1, have too few partners."""
    levels = KmerLevels(9, np.random.default_rng(5).normal(size=4**9).astype(np.float32), np.ones(4**9, np.float32))
    file = write(tmp_path / "l.h5", [2000, 3000], levels_of=levels, letters=2)
    reads = [decode(file.stretch(row)[1]) for row in range(2)]
    chunks = Recombined([file], levels).draw(np.random.default_rng(2), 10, 1000)
    texts = [decode(chunk.bases) for chunk in chunks]
    assert all(any(text[i : i + 7] in read for read in reads) for text in texts for i in range(90))
    assert sum(any(text[i : i + 30] in read for read in reads) for text in texts for i in range(70)) < 50
    assert not any(text[:50] in read for text in texts for read in reads)
