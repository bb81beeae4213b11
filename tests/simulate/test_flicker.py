"""Strands that slip back: drawn as asked for, counted as drawn, and learnt from reads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pore_by_hand import DWELL, TRAITS, aligned, plain_pore

from basecaller.bases import kmers
from basecaller.labels.levels import KmerLevels
from basecaller.simulate.events import events_of
from basecaller.simulate.flicker import Watched, dispersion, excursions, motor_effects, towards_before
from basecaller.simulate.learn import KnownRead, align_known
from basecaller.simulate.noise import DRIFT_SAMPLES
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.reach import reach_of_pore
from basecaller.simulate.refine import refine
from basecaller.simulate.squiggle import LONG, MARGIN, SHORT, _excursions, draw_traits, simulate_signal
from basecaller.simulate.timing import QUANTILES


def flickering_pore() -> PoreModel:
    return plain_pore(flicker=np.array([0.3, 0.1], np.float32), flicker_samples=3.0)


def test_an_excursion_goes_to_a_neighbour_and_comes_back() -> None:
    """Of each base's samples most are at its level, and the rest at that of a base beside it or on the way there."""
    pore, codes = flickering_pore(), np.random.default_rng(0).integers(0, 4, 500, dtype=np.uint8)
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(1), TRAITS)
    level = pore.levels[kmers(codes, pore.k)]
    seen = {-1: 0, 1: 0}
    for i in range(2, len(level) - 2):
        inside = signal[starts[i + pore.centre] + 1 : starts[i + pore.centre + 1] - 1]
        around = level[i - 1 : i + 2]
        assert around.min() - 1e-4 <= inside.min() <= inside.max() <= around.max() + 1e-4
        assert np.median(inside) == pytest.approx(level[i], abs=1e-4)
        for side in seen:
            if level[i + side] != level[i]:
                seen[side] += int((np.abs(inside - level[i + side]) < 1e-4).sum())
    assert seen[-1] > 1.5 * seen[1] > 0


def test_excursions_take_their_time_from_the_bases() -> None:
    codes = np.random.default_rng(0).integers(0, 4, 20_000, dtype=np.uint8)
    still, _ = simulate_signal(plain_pore(), codes, np.random.default_rng(1), TRAITS)
    flickering, starts = simulate_signal(flickering_pore(), codes, np.random.default_rng(1), TRAITS)
    assert len(flickering) == pytest.approx(len(still), rel=0.01)
    dwell = np.diff(starts)
    # 50 samples a base, 1.2 of them on average away: the rest is the same for all
    assert dwell.min() == pytest.approx(48.8, abs=1.0)
    assert dwell.max() > 60


def test_a_strand_seldom_slips_just_before_it_steps_on() -> None:
    """Of the samples away from an event's level, few lie in its last quarter, and more in longer events."""
    pore = dataclasses.replace(flickering_pore(), dwell=DWELL, held=8.0)
    codes = np.random.default_rng(3).integers(0, 4, 20_000, dtype=np.uint8)
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(4), TRAITS)
    level = pore.levels[kmers(codes, pore.k)]
    away = np.zeros((2, 4))
    watched = np.zeros(2)
    for i in range(1, len(level) - 1):
        inside = signal[starts[i + pore.centre] + 1 : starts[i + pore.centre + 1] - 1]
        if len(inside) >= 8 and np.abs(level[i - 1 : i + 2 : 2] - level[i]).min() > 0.5:
            long = int(len(inside) > 40)
            watched[long] += len(inside)
            parts = np.array_split(np.abs(inside - level[i]) > 0.25, 4)
            away[long] += [part.sum() for part in parts]
    assert away[1, 3] < 0.75 * away[1, :3].mean()
    assert away[0, 3] < 0.5 * away[0, :3].mean()
    assert away[0].sum() / watched[0] < 0.8 * away[1].sum() / watched[1]


def test_excursions_are_counted_by_where_they_go() -> None:
    rng = np.random.default_rng(2)
    pore = flickering_pore()
    reads = [aligned(pore, rng.integers(0, 4, 4000, dtype=np.uint8), seed) for seed in range(100, 140)]
    events = events_of(reads, pore.k)
    expected = pore.levels[np.concatenate([kmers(read.codes, pore.k) for read in reads])].astype(float)
    found = excursions(reads, events, expected)
    # those of less than half a sample do not show
    assert found.rate == pytest.approx([0.3, 0.1], rel=0.25)
    assert found.rate[0] / found.rate[1] == pytest.approx(3.0, rel=0.25)
    # of both kinds (means of 1.5 and 4.5 samples, exponential) those of half a sample and more last as long
    mean, seen = 3.0 * np.array([SHORT, LONG]), np.exp(-0.5 / (3.0 * np.array([SHORT, LONG])))
    assert found.length == pytest.approx(((mean + 0.5) * seen).sum() / seen.sum(), abs=0.5)
    calm = [aligned(plain_pore(), reads[0].codes, 0)]
    still = excursions(calm, events_of(calm, pore.k), expected[:3998])
    assert still.runs.sum() == 0
    assert still.deviation == 0.0


def test_how_much_reads_differ_in_flicker_is_told_from_chance() -> None:
    rng = np.random.default_rng(3)
    pore = flickering_pore()
    codes = rng.integers(0, 4, 3000, dtype=np.uint8)
    expected = np.tile(pore.levels[kmers(codes, pore.k)].astype(float), 30)
    for deviation in (0.0, 0.5):
        factors = np.exp(deviation * rng.standard_normal(30))
        reads = [aligned(pore, codes, seed, dataclasses.replace(TRAITS, flicker=float(factor)))
                 for seed, factor in enumerate(factors)]
        found = excursions(reads, events_of(reads, pore.k), expected).deviation
        assert found == pytest.approx(np.log(factors).std(), abs=0.12)


def test_flicker_is_learnt_from_reads() -> None:
    """Beginning with none, by what the reads show and their simulated twins do not."""
    pore = plain_pore(
        4, noise=np.full(256, 0.15, np.float32), noise_factor=np.ones(QUANTILES, np.float32), dwell=DWELL,
        flicker=np.array([0.2, 0.0], np.float32), flicker_samples=3.0, speed=np.array([np.log(200.0), 0.0], np.float32),
        drift_sd=np.zeros(5, np.float32), drift_samples=np.array(DRIFT_SAMPLES, np.float32),
    )
    rng = np.random.default_rng(4)
    known = []
    for i in range(12):
        codes = rng.integers(0, 4, 2500, dtype=np.uint8)
        signal, _ = simulate_signal(pore, codes, rng, draw_traits(pore, rng))
        known.append(KnownRead(str(i), "run", signal, 90.0, 10.0, codes, np.zeros(0, np.float32), 4000.0))
    levels = KmerLevels(4, pore.levels, np.full(256, 0.3, np.float32))
    start = dataclasses.replace(pore, flicker=np.zeros(2, np.float32), spread=np.full(256, 0.05, np.float32))
    found = refine(start, align_known(known, levels), levels)
    assert found.flicker[0] == pytest.approx(0.2, rel=0.3)
    assert found.flicker[1] < 0.04
    assert found.flicker_samples == pytest.approx(3.0, rel=0.35)


def test_samples_lie_at_their_level_or_at_the_one_before() -> None:
    pore = flickering_pore()
    reads = [aligned(pore, np.random.default_rng(5).integers(0, 4, 3000, dtype=np.uint8), 1)]
    expected = pore.levels[kmers(reads[0].codes, pore.k)].astype(float)
    found = towards_before(reads, events_of(reads, pore.k), expected)
    assert (np.abs(found) < 0.01).mean() > 0.9
    away = found[found > 0.01]
    # one of 3 samples touches about 4
    assert len(away) / len(found) == pytest.approx(0.3 * 4 / 50, rel=0.3)
    assert (away > 0.99).mean() > 0.4  # the others lie on the way: the sample is a mean over its own time
    assert found.max() < 1.01


def test_what_the_motor_holds_says_how_often_a_strand_slips() -> None:
    effects = np.zeros((2, 4), np.float32)
    effects[1] = [-0.7, 0.0, 1.1, -0.4]
    effects -= np.log(np.exp(effects).mean(axis=1, keepdims=True))
    pore = dataclasses.replace(flickering_pore(), motor=np.zeros((2, 4), np.float32), flicker_motor=effects)
    rng = np.random.default_rng(6)
    reads = [aligned(pore, rng.integers(0, 4, 3000, dtype=np.uint8), seed) for seed in range(5)]
    events = events_of(reads, pore.k)
    expected = pore.levels[np.concatenate([kmers(read.codes, pore.k) for read in reads])].astype(float)
    watched = excursions(reads, events, expected).before
    places = reach_of_pore(pore).motor_places
    assert places == [(pore.centre + pore.motor_offset,), (pore.centre + pore.motor_offset + 1,)]
    found = motor_effects(reads, events, watched, places)
    assert found == pytest.approx(effects, abs=0.25)
    assert np.exp(found).mean(axis=1) == pytest.approx(1.0)
    few = Watched(watched.events[:50], watched.runs[:50], watched.wanted[:50])
    assert not motor_effects(reads, events, few, places).any()


def test_how_much_events_differ_in_flicker_is_told_from_chance() -> None:
    codes = np.random.default_rng(7).integers(0, 4, 8000, dtype=np.uint8)
    expected = plain_pore().levels[kmers(codes, 3)].astype(float)
    for spread in (0.0, 1.0):
        pore = dataclasses.replace(flickering_pore(), flicker_spread=spread)
        reads = [aligned(pore, codes, seed) for seed in range(3)]
        events = events_of(reads, pore.k)
        watched = excursions(reads, events, np.tile(expected, 3)).before
        places = reach_of_pore(pore).motor_places
        found = dispersion(reads, events, watched, places, pore.flicker_motor)
        assert found == pytest.approx(np.expm1(spread**2), abs=0.5)
        assert watched.runs.sum() == pytest.approx(watched.wanted.sum())


def test_excursions_are_of_two_kinds() -> None:
    """As many on the whole as asked for, more short ones and more long ones than of one kind."""
    pore, codes = flickering_pore(), np.random.default_rng(8).integers(0, 4, 20_000, dtype=np.uint8)
    padded = np.concatenate([np.zeros(MARGIN, np.uint8), codes, np.zeros(MARGIN, np.uint8)])
    event, begins, ends, back = _excursions(np.full(len(codes), 50.0), pore, padded, TRAITS, np.random.default_rng(0))
    lengths = ends - begins
    assert len(event) == pytest.approx(0.4 * len(codes), rel=0.05)
    assert back.mean() == pytest.approx(0.75, abs=0.02)
    assert lengths.mean() == pytest.approx(3.0, rel=0.05)
    assert lengths.std() / lengths.mean() == pytest.approx(np.sqrt(1.5), abs=0.05)
    assert (begins[1:] >= ends[:-1]).all()
