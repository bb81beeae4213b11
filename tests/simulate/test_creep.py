"""Current that moves within events: drawn as asked for, and found again in reads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pore_by_hand import DWELL, TRAITS, aligned, plain_pore

from basecaller.bases import kmers
from basecaller.simulate.creep import Creep, before_steps, creep_of, creep_table, profiles
from basecaller.simulate.events import MARGIN, AlignedRead, Doubles, Events, events_of
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.squiggle import simulate_signal

FAST = dataclasses.replace(TRAITS, speed=300.0)
USUAL = np.array([0.05, -0.1])


def creeping_pore(**changes: object) -> PoreModel:
    own = np.random.default_rng(5).normal(0, 0.06, (2, 64))
    creep = (USUAL[:, None] + own).astype(np.float32)
    pore = plain_pore(3, creep=creep, dwell=DWELL, noise=np.full(64, 0.1, np.float32))
    return dataclasses.replace(pore, **changes)


def watched(pore: PoreModel, creeps: list[float], bases: int = 5000) -> tuple[list[AlignedRead], Events, Doubles]:
    """Simulated reads laid on their bases as they are known to lie, with events and their levels."""
    rng = np.random.default_rng(6)
    reads = [aligned(pore, rng.integers(0, 4, bases, dtype=np.uint8), seed, dataclasses.replace(FAST, creep=creep))
             for seed, creep in enumerate(creeps)]
    events = events_of(reads, pore.k)
    return reads, events, pore.levels[events.kmer].astype(np.float64)


def test_the_current_moves_as_its_kmer_says_and_keeps_its_mean() -> None:
    pore = dataclasses.replace(creeping_pore(), noise=np.zeros(64, np.float32), dwell=np.ones(2, np.float32))
    codes = np.random.default_rng(0).integers(0, 4, 400, dtype=np.uint8)
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(1), dataclasses.replace(FAST, creep=2.0))
    index = kmers(codes, pore.k)
    for i in range(20, 380):
        inside = signal[starts[i] : starts[i + 1]]
        kmer = index[i - pore.centre]
        expected = pore.levels[kmer] + 2 * pore.creep[:, kmer] @ profiles(len(inside))
        assert inside[1:-1] == pytest.approx(expected[1:-1], abs=1e-4)
        assert inside[MARGIN:-MARGIN].mean() == pytest.approx(pore.levels[kmer], abs=1e-4)


def test_creep_is_found_by_kmer_and_is_not_there_where_there_is_none() -> None:
    pore = creeping_pore()
    reads, events, expected = watched(pore, [1.0] * 12)
    found = creep_table(reads, events, expected, 64)
    assert found.mean(axis=1) == pytest.approx(pore.creep.mean(axis=1), abs=0.01)
    for part in range(2):
        assert np.corrcoef(found[part], pore.creep[part])[0, 1] > 0.9
    calm, events, expected = watched(dataclasses.replace(pore, creep=np.zeros((2, 64), np.float32)), [1.0] * 12)
    assert np.abs(creep_table(calm, events, expected, 64)).mean() < 0.015


def test_kmers_not_seen_creep_as_all_do() -> None:
    pore = creeping_pore()
    reads, events, expected = watched(pore, [1.0] * 6)
    rare = dataclasses.replace(events, kmer=np.where(events.kmer == 7, 8, events.kmer))
    found = creep_table(reads, rare, expected, 64)
    seen = np.delete(found, 7, axis=1)
    assert found[:, 7] == pytest.approx(USUAL, abs=0.03)
    assert seen[1].min() < found[1, 7] - 0.05 < seen[1].max()
    assert not creep_table(reads[:1], events_of(reads[:1], 3), np.zeros((events.read == 0).sum()), 64).any()


def test_reads_tell_how_much_they_creep_and_how_they_differ() -> None:
    pore = creeping_pore()
    found = creep_of(*watched(pore, [1.5] * 12), pore.creep)
    assert found.share == pytest.approx(1.5, abs=0.06)
    assert found.deviation < 0.1
    creeps = np.exp(np.random.default_rng(2).normal(0, 0.4, 24))
    uneven = creep_of(*watched(pore, (creeps / creeps.mean()).tolist()), pore.creep)
    assert uneven.share == pytest.approx(1.0, abs=0.08)
    assert uneven.deviation == pytest.approx((creeps / creeps.mean()).std(), rel=0.2)
    assert creep_of(*watched(pore, [1.0]), np.zeros((2, 64), np.float32)) == Creep(1.0, 0.0)


def test_the_samples_before_a_step_show_what_they_creep() -> None:
    shown = before_steps(*watched(creeping_pore(), [1.0] * 6), 8)
    calm = before_steps(*watched(creeping_pore(creep=np.zeros((2, 64), np.float32)), [1.0] * 6), 8)
    assert np.abs(calm).max() < 0.02
    assert shown[0] < -0.04
    assert (np.diff(shown[:5]) > 0).all()
