"""Training chunks: signal and bases must belong together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pore_by_hand import plain_pore

from basecaller.bases import decode, reverse_complement
from basecaller.simulate.chunks import CONTEXT, random_chunks
from basecaller.simulate.genome import random_genome
from basecaller.simulate.pore import load_pore


def test_bases_start_where_it_says_and_hold_the_level_of_their_kmer() -> None:
    pore = plain_pore()
    chunks = random_chunks(pore, None, 20, 1000, np.random.default_rng(1))
    assert chunks.signals.shape == (20, 1000)
    assert chunks.signals.dtype == np.float32
    assert len(chunks.targets) == len(chunks.starts) == len(chunks.contexts) == 20
    for signal, bases, starts, context in zip(*chunks, strict=True):
        assert len(bases) == len(starts) == 100
        assert len(context) == CONTEXT
        assert 0 <= starts[0] < 10
        assert (np.diff(starts) == 10).all()
        known = np.concatenate([context, bases])
        kmers = [int("".join(map(str, known[i - 1 : i + 2])), 4) for i in range(CONTEXT, len(known) - 1)]
        means = [signal[start : start + 10].mean() for start in starts[:-1]]
        # a chunk is an affine map of the levels: that of its read's median and MAD
        slope, offset = np.polyfit(pore.levels[kmers], means, 1)
        assert slope > 0
        assert np.abs(means - (slope * pore.levels[kmers] + offset)).max() < 1e-3


def test_chunks_are_scaled_as_their_read() -> None:
    chunks = random_chunks(load_pore(), None, 150, 3000, np.random.default_rng(2))
    medians = np.median(chunks.signals, axis=1)
    deviations = 1.4826 * np.median(np.abs(chunks.signals - medians[:, None]), axis=1)
    assert abs(np.median(medians)) < 0.1
    assert 0.85 < np.median(deviations) < 1.1
    assert medians.std() > 0.02  # not each chunk by itself
    assert np.isfinite(chunks.signals).all()


def test_sequences_come_from_the_genomes_for_half_of_the_reads() -> None:
    genome = random_genome(6000, np.random.default_rng(3))
    both = decode(genome), decode(reverse_complement(genome))
    chunks = random_chunks(load_pore(), [genome], 60, 1000, np.random.default_rng(4))
    inside = [any(decode(np.concatenate([context, bases])) in strand for strand in both)
              for context, bases in zip(chunks.contexts, chunks.targets, strict=True)]
    assert 12 <= sum(inside) <= 48


def test_genomes_shorter_than_a_read_do_no_harm() -> None:
    genome = random_genome(400, np.random.default_rng(3))
    chunks = random_chunks(load_pore(), [genome], 12, 1500, np.random.default_rng(4))
    assert len(chunks.targets) == 12


def test_a_chunk_is_never_without_bases() -> None:
    stalling = dataclasses.replace(load_pore(), stall=np.array([0.05, np.log(3000.0), 0.1], np.float32))
    chunks = random_chunks(stalling, None, 30, 600, np.random.default_rng(5))
    assert min(len(bases) for bases in chunks.targets) > 0


def test_the_same_seed_gives_the_same_chunks() -> None:
    first, again = (random_chunks(load_pore(), None, 6, 800, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.signals, again.signals)
    assert all(np.array_equal(a, b) for a, b in zip(first.targets, again.targets, strict=True))


def test_speeds_are_more_various_than_in_the_runs_learnt_from() -> None:
    pore = load_pore()
    chunks = random_chunks(pore, None, 240, 2000, np.random.default_rng(8))
    speed = np.log([4000 * len(target) / 2000 for target in chunks.targets])
    assert speed.mean() == pytest.approx(float(pore.speed[0]), abs=0.1)
    assert speed.std() == pytest.approx(1.6 * float(pore.speed[1]), rel=0.25)
