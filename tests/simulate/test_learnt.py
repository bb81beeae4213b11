"""Signal drawn from a network that has learnt from labelled reads."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from pore_by_hand import DWELL, TRAITS, plain_pore

from basecaller.errors import UsageError
from basecaller.labels.dataset import Chunk, LabelFile, LabelWriter, Origin
from basecaller.labels.label import Stretch
from basecaller.model.store import load_model
from basecaller.simulate.genome import random_genome
from basecaller.simulate.learnt.draw import draw_stretches
from basecaller.simulate.learnt.examples import Example, draw_windows, examples_of
from basecaller.simulate.learnt.fit import FitProgress, fit, losses
from basecaller.simulate.learnt.model import STEPS, SignalModel, load_signal_model
from basecaller.simulate.learnt.settings import FitSettings, Variety
from basecaller.simulate.pore import PoreModel, load_pore
from basecaller.simulate.settle import fit_to_pore
from basecaller.simulate.squiggle import simulate_signal
from basecaller.training.validate import validate

QUICK = FitSettings(steps=120, batch_size=8, samples=200, report_every=40)


@pytest.fixture(scope="module")
def pore() -> PoreModel:
    return plain_pore(dwell=DWELL, noise=np.full(64, 0.2, np.float32))


@pytest.fixture(scope="module")
def label_file(pore: PoreModel, tmp_path_factory: pytest.TempPathFactory) -> LabelFile:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("learnt") / "labels.h5"
    with LabelWriter(path, scaling="med_mad") as writer:
        for i in range(4):
            codes = random_genome(600, rng)
            signal, starts = simulate_signal(pore, codes, rng, dataclasses.replace(TRAITS, speed=400.0))
            writer.add(Stretch(f"read{i}", signal * np.float32(0.7) + np.float32(0.2), codes,
                               starts.astype(np.int32), 0), Origin("chr", 1000 * i, 1000 * i + 600))
    return LabelFile(path)


@pytest.fixture(scope="module")
def examples(label_file: LabelFile, pore: PoreModel) -> list[Example]:
    return examples_of([label_file], pore)


@pytest.fixture(scope="module")
def fitted(examples: list[Example]) -> tuple[SignalModel, list[FitProgress]]:
    rows: list[FitProgress] = []
    return fit(examples[:3], examples[3:], "by hand", "med_mad", QUICK, rows.append), rows


def test_a_fit_goes_on_from_a_signal_model(
    examples: list[Example], fitted: tuple[SignalModel, list[FitProgress]]
) -> None:
    model, before = fitted
    kept = {name: value.clone() for name, value in model.network.state_dict().items()}
    rows: list[FitProgress] = []
    again = dataclasses.replace(QUICK, steps=10, learning_rate=3e-4, report_every=10)
    fit(examples[:3], examples[3:], "by hand", "med_mad", again, rows.append, model)
    now, new = (row.stepping + row.current for row in (rows[0], before[0]))
    assert now < new - 0.1  # after 10 steps it is better than a new one after 40
    assert all(torch.equal(value, kept[name]) for name, value in model.network.state_dict().items())


def test_an_example_lies_on_its_levels_and_counts_dwells(examples: list[Example], pore: PoreModel) -> None:
    assert len(examples) == 4
    for example in examples:
        assert (example.scale, example.shift) == pytest.approx((0.7, 0.2), abs=0.02)
        assert np.std(example.signal - example.levels[example.place]) < 0.3
        assert example.traits[0] == pytest.approx(np.log(10), abs=0.15)
        begins = np.flatnonzero(np.diff(example.place)) + 1
        assert (example.dwelt[begins] == 0).all()
        lengths = np.diff(begins)
        assert np.allclose(example.dwelt_before[begins[1:]], np.log1p(lengths) / 3)


def test_a_wrong_label_and_its_neighbours_are_not_learnt_from(label_file: LabelFile, pore: PoreModel) -> None:
    signal, bases, starts = label_file.stretch(0)
    broken = signal.copy()
    broken[starts[300] : starts[301]] += 1.5
    folder = label_file.path.parent
    with LabelWriter(folder / "broken.h5", scaling="med_mad") as writer:
        writer.add(Stretch("read", broken, bases, starts, 0), Origin())
    (example,) = examples_of([LabelFile(folder / "broken.h5")], pore)
    assert set(np.unique(example.place[example.sound == 0])) >= {299, 300, 301}
    assert example.sound.mean() > 0.95


def test_windows_hold_what_their_stretch_holds(examples: list[Example]) -> None:
    windows = draw_windows(examples, np.random.default_rng(1), 6, 300)
    rows = torch.arange(6)[:, None]
    assert windows.signal.shape == windows.place.shape == (6, 301)
    level = windows.levels[rows, windows.place]
    assert float((windows.signal - level).std()) < 0.3
    with pytest.raises(UsageError, match="no labelled stretch of 100002 samples"):
        draw_windows(examples, np.random.default_rng(1), 6, 100_000)


def test_fitting_makes_signal_that_was_not_learnt_from_likelier(
    fitted: tuple[SignalModel, list[FitProgress]], examples: list[Example]
) -> None:
    _, rows = fitted
    assert [row.step for row in rows] == [40, 80, 120]
    # white noise of 0.2 has an entropy of log(0.2) + 1.419 nats a sample; the best that can be said of stepping, once
    # in ten samples, is 0.325 when it comes at random
    assert rows[-1].held_out_current < rows[0].held_out_current
    assert -0.2 < rows[-1].held_out_current < 0.5
    assert rows[-1].held_out_stepping < 0.4
    again = fit(examples[:3], [], "by hand", "med_mad", dataclasses.replace(QUICK, steps=3))
    assert again.reads.traits.shape == (3, 4)


@torch.no_grad()
def test_stepping_and_current_are_scored_sample_by_sample(fitted: tuple[SignalModel, list[FitProgress]],
                                                          examples: list[Example]) -> None:
    model, _ = fitted
    windows = draw_windows(examples, np.random.default_rng(2), 4, 150)
    stepping, current = losses(model, windows)
    later = dataclasses.replace(windows, sound=torch.cat([windows.sound[:, :76], torch.zeros(4, 75)], 1))
    changed = dataclasses.replace(later, signal=torch.cat([later.signal[:, :76], torch.zeros(4, 75)], 1))
    for ours, theirs in zip(losses(model, later), losses(model, changed), strict=True):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-4)  # nothing is known of what comes later
    assert float(stepping) > 0 and float(current) > -1
    chances = model.network.steps(torch.zeros(1, 96), torch.zeros(1, 48)).exp()
    assert chances.shape == (1, STEPS) and float(chances.sum()) == pytest.approx(1, abs=1e-5)


def test_a_saved_model_draws_the_same(fitted: tuple[SignalModel, list[FitProgress]], pore: PoreModel,
                                      tmp_path: Path) -> None:
    model, _ = fitted
    model.save(tmp_path / "model.safetensors")
    loaded = load_signal_model(tmp_path / "model.safetensors")
    assert (loaded.pore, loaded.scaling) == ("by hand", "med_mad")
    first, second, other = (next(draw_stretches(which, pore, np.random.default_rng(seed), 500, 16))
                            for which, seed in ((model, 1), (loaded, 1), (loaded, 2)))
    assert (first.signal == second.signal).all() and (first.bases == second.bases).all()
    assert first.signal.shape == other.signal.shape == (500,)
    assert (first.signal != other.signal).any()


def test_reads_are_drawn_as_slow_and_as_calm_as_asked() -> None:
    def drawn(variety: Variety) -> tuple[float, float]:
        """Samples a base, and how far a sample lies from the one before within a base."""
        reads = list(islice(draw_stretches(load_signal_model(), load_pore(), np.random.default_rng(5), 1500, 48,
                                           variety), 48))
        steps = [np.delete(np.diff(read.signal), np.maximum(read.starts, 1) - 1) for read in reads]
        return 48 * 1500 / sum(len(read.bases) for read in reads), float(np.median(np.abs(np.concatenate(steps))))

    dwell, step = drawn(Variety())
    slow, _ = drawn(Variety(slow=1e6))
    _, calm = drawn(Variety(noise=(0.1, 0.2)))
    assert slow > 10 > dwell
    assert calm < 0.5 * step


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_what_is_no_signal_model_is_said_in_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    if content is None:
        with pytest.raises(UsageError, match=r"no signal model .* shipped \(r9.4.1\)"):
            load_signal_model(path)
        return
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not a signal model made by"):
        load_signal_model(path)


def test_the_shipped_model_draws_signal_that_a_basecaller_reads() -> None:
    model, pore = load_signal_model(), load_pore()
    drawn = list(islice(draw_stretches(model, pore, np.random.default_rng(3), 3000, 16), 16))
    assert len({stretch.read_id for stretch in drawn}) == 16
    assert 7 < 16 * 3000 / sum(len(stretch.bases) for stretch in drawn) < 13
    for stretch in drawn:
        assert (np.diff(stretch.starts) >= 0).all() and stretch.starts[-1] < 3000
        fitted = fit_to_pore(stretch, pore)
        place = np.searchsorted(stretch.starts, np.arange(int(stretch.starts[20]), 2800), "right") - 1
        assert np.corrcoef(fitted.signal[int(stretch.starts[20]) : 2800], fitted.levels[place])[0, 1] > 0.9
    caller = load_model("r9.4.1_fast")
    assert caller.config.signal.scaling == model.scaling
    chunks = [Chunk(s.signal, s.bases[:5], s.bases[5:], s.starts[5:]) for s in drawn]
    found = validate(caller.network, caller.config.network, caller.config.decode, chunks)
    assert 0.8 < found.identity < 0.97
