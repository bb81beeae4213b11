"""Where bases begin, asked a second time: against simulated reads, of which it is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pore_by_hand import DWELL, TRAITS, plain_pore

from basecaller.labels.label import Stretch, stretches
from basecaller.simulate.genome import random_genome
from basecaller.simulate.learn import expected_levels
from basecaller.simulate.pore import load_pore
from basecaller.simulate.settle import EDGE, fit_to_pore, settle
from basecaller.simulate.squiggle import draw_traits, levels_of, simulate_signal


def test_settled_starts_are_nearer_to_the_truth_than_those_of_forced_alignment() -> None:
    pore, rng = load_pore(), np.random.default_rng(1)
    before: list[np.ndarray] = []
    after: list[np.ndarray] = []
    for _ in range(3):
        codes = random_genome(1500, rng)
        signal, starts = simulate_signal(pore, codes, rng, dataclasses.replace(draw_traits(pore, rng), speed=430.0))
        for found in stretches("read", signal, codes, expected_levels(pore)):
            inner = slice(2 * EDGE, len(found.bases) - 2 * EDGE)
            truth = (starts[found.first : found.first + len(found.bases)])[inner]
            settled = settle(found, pore)
            assert (settled.bases == found.bases).all() and (np.diff(settled.starts) >= 0).all()
            begin = starts[found.first] - found.starts[0]
            for stretch, errors in ((found, before), (settled, after)):
                moved = stretch.starts[inner] + begin - truth
                errors.append(np.abs(moved - np.median(moved)))
    wrong_before, wrong_after = (np.concatenate(errors) for errors in (before, after))
    assert len(wrong_before) > 2500
    assert wrong_after.mean() < 0.9 * wrong_before.mean()
    assert (wrong_after > 2).mean() < 0.8 * (wrong_before > 2).mean()


def test_a_sample_between_two_levels_is_no_base_of_its_own() -> None:
    pore = plain_pore(dwell=DWELL)
    codes = random_genome(400, np.random.default_rng(2))
    signal, starts = simulate_signal(pore, codes, np.random.default_rng(3), dataclasses.replace(TRAITS, speed=300.0))
    clear = np.abs(np.diff(levels_of(pore, codes, 0), prepend=0)) > 0.8
    noisy = signal + np.random.default_rng(4).normal(0, 0.1, len(signal)).astype(np.float32)
    moved = starts.astype(np.int32).copy()
    moved[100:300:5] = moved[101:301:5] - 1  # one sample is left of every fifth base
    moved = np.minimum.accumulate(moved[::-1])[::-1]
    settled = settle(Stretch("read", noisy, codes, moved, 0), pore)
    assert (np.abs(moved - starts)[clear] > 3).sum() > 15
    assert (np.abs(settled.starts - starts)[clear] > 3).sum() <= 2


def test_what_is_too_short_stays_as_it_is() -> None:
    short = Stretch("read", np.zeros(300, np.float32), np.zeros(30, np.uint8), np.arange(0, 300, 10, np.int32), 0)
    assert settle(short, plain_pore()) is short


def test_a_stretch_is_brought_to_the_levels_of_its_group() -> None:
    rng = np.random.default_rng(5)
    groups = np.stack([np.zeros(64), rng.normal(0, 0.3, 64)]).astype(np.float32)
    pore = plain_pore(groups=groups)
    codes = random_genome(500, rng)
    signal, starts = simulate_signal(pore, codes, rng, dataclasses.replace(TRAITS, group=1))
    fitted = fit_to_pore(Stretch("read", signal * np.float32(0.8) - np.float32(0.1), codes, starts.astype(np.int32), 0),
                         pore)
    assert fitted.group == 1
    assert (fitted.scale, fitted.shift) == pytest.approx((0.8, -0.1), abs=0.01)
    assert fitted.levels == pytest.approx(levels_of(pore, codes, 1))
