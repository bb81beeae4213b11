"""Training: the label file, augmentation, the loop, resuming."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from basecaller.errors import UsageError
from basecaller.labels.dataset import CONTEXT, Chunk, LabelFile, LabelWriter, Mixture, Origin
from basecaller.labels.label import Stretch
from basecaller.model.config import Convolution, DecodeConfig, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import seeded
from basecaller.model.store import load_model
from basecaller.training.augment import NONE, Augmentation, Augmented, augment
from basecaller.training.batch import batch_losses, make_batch, mean_loss
from basecaller.training.settings import TrainSettings
from basecaller.training.train import learning_rate, train

CRF = NetworkConfig(convolutions=(Convolution(8, 5), Convolution(16, 9, 5)), width=16, layers=2,
                    direction="alternating", head="crf", state_length=2)


def stretch(name: str, bases: int, rng: np.random.Generator) -> Stretch:
    """A stretch whose signal is its bases, held for ten samples each."""
    codes = rng.integers(4, size=bases).astype(np.uint8)
    signal = np.repeat(codes.astype(np.float32) - 1.5, 10) + rng.normal(0, 0.05, bases * 10).astype(np.float32)
    return Stretch(name, signal, codes, (np.arange(bases) * 10).astype(np.int32), 0)


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    with LabelWriter(tmp_path / "labels.h5", scaling="med_mad") as writer:
        for i in range(6):
            writer.add(stretch(f"read{i}", 400 + 50 * i, rng), Origin("chr", 1000 * i, 1000 * i + 450))
    return tmp_path / "labels.h5"


def spelled(chunk: Chunk) -> np.ndarray:
    """Bases read off the signal of `stretch`, in the middle of each base."""
    middle = np.minimum(chunk.starts + 5, len(chunk.signal) - 1)
    return np.clip(np.round(chunk.signal[middle] + 1.5), 0, 3).astype(np.uint8)


def test_chunks_hold_the_bases_that_start_in_them(label_file: Path) -> None:
    chunks = LabelFile(label_file).draw(np.random.default_rng(1), 50, 300)
    assert len({int(c.starts[0]) for c in chunks}) > 5  # windows start anywhere
    for chunk in chunks:
        assert chunk.signal.shape == (300,) and len(chunk.context) == CONTEXT
        assert len(chunk.bases) == 30 and chunk.starts[0] < 10
        assert (spelled(chunk)[:-1] == chunk.bases[:-1]).all()


def test_held_out_regions_are_never_drawn(label_file: Path) -> None:
    file = LabelFile(label_file)
    inside = file.within([("chr", 1200, 2100)])
    assert inside.tolist() == [False, True, True, False, False, False]
    whole = {bytes(LabelFile(label_file).bases[file.first_base[i]:file.first_base[i + 1]]) for i in (1, 2)}
    file.use = ~inside
    for chunk in file.draw(np.random.default_rng(1), 200, 300):
        assert not any(bytes(chunk.bases) in sequence for sequence in whole)


def test_reads_over_reads_weigh_less(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def weight(name: str, origins: list[Origin]) -> float:
        with LabelWriter(tmp_path / name, scaling="med_mad") as writer:
            for i, origin in enumerate(origins):
                for _ in range(2):  # two stretches of a read are no depth
                    writer.add(stretch(f"read{i}", 100, rng), origin)
        return LabelFile(tmp_path / name).weight()

    apart = weight("apart.h5", [Origin("chr", 1000 * i, 1000 * i + 500) for i in range(8)])
    assert apart == 8 * 2 * 1000 == weight("unknown.h5", [Origin()] * 8)
    assert weight("piled.h5", [Origin("chr", 1000 * (i % 2), 1000 * (i % 2) + 500) for i in range(8)]) == apart / 2
    half = weight("half.h5", [Origin("chr", 0, 1000), Origin("chr", 500, 1500)])
    assert half == pytest.approx(4000 / np.sqrt(2000 / 1500))


def test_a_broken_label_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("no")
    with pytest.raises(UsageError, match=r"x\.h5: not a label file"):
        LabelFile(tmp_path / "x.h5")
    with pytest.raises(RuntimeError), LabelWriter(tmp_path / "y.h5", scaling="med_mad"):
        raise RuntimeError
    assert not list(tmp_path.glob("y.h5*"))


@pytest.mark.parametrize("lost", ["signal", "starts"])
def test_a_label_file_that_lost_parts_is_named(label_file: Path, lost: str) -> None:
    with h5py.File(label_file, "r+") as file:
        file[lost][: len(file[lost]) // 2] = 0
    with pytest.raises(UsageError, match=r"labels\.h5: [23] of 6 stretches hold nothing but zeros"):
        LabelFile(label_file)


def test_two_writers_of_one_label_file_leave_one_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    another = ("import sys\nfrom basecaller.labels.dataset import LabelWriter\n"
               "with LabelWriter(sys.argv[1], scaling='med_mad'):\n    pass")
    with LabelWriter(tmp_path / "one.h5", scaling="med_mad") as writer:
        for i in range(200):  # more than HDF5 keeps in memory
            writer.add(stretch(f"read{i}", 4000, rng), Origin())
            if i == 150:
                subprocess.run([sys.executable, "-c", another, str(tmp_path / "one.h5")], check=True)
    assert LabelFile(tmp_path / "one.h5").table.length.tolist() == [4000] * 200
    assert [path.name for path in tmp_path.iterdir()] == ["one.h5"]


def test_mixture_keeps_its_shares(label_file: Path) -> None:
    class Constant:
        def __init__(self, value: float) -> None:
            self.value = value

        def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
            empty = np.zeros(0, np.uint8)
            return [Chunk(np.full(samples, self.value, np.float32), empty, empty, np.zeros(0, np.int32))] * count

    drawn = Mixture([(Constant(0), 1.0), (Constant(1), 3.0)]).draw(np.random.default_rng(0), 4000, 2)
    assert np.mean([chunk.signal[0] for chunk in drawn]) == pytest.approx(0.75, abs=0.03)


def test_augmentation_of_speed_keeps_bases_under_their_signal(label_file: Path) -> None:
    how = dataclasses.replace(NONE, speed=0.2, wander=0.1)
    counts = set()
    for chunk in Augmented(LabelFile(label_file), how).draw(np.random.default_rng(2), 40, 300):
        assert chunk.signal.shape == (300,)
        assert (np.diff(chunk.starts) >= 0).all() and chunk.starts[-1] < 300
        assert (spelled(chunk)[1:-1] == chunk.bases[1:-1]).mean() > 0.9
        counts.add(len(chunk.bases))
    assert len(counts) > 5


def test_no_augmentation_changes_nothing_and_the_rest_changes_only_the_signal(label_file: Path) -> None:
    chunk = LabelFile(label_file).draw(np.random.default_rng(3), 1, 300)[0]
    same = augment(chunk, NONE, np.random.default_rng(0), 300)
    np.testing.assert_allclose(same.signal, chunk.signal, atol=1e-6)
    other = augment(chunk, Augmentation(speed=0, wander=0), np.random.default_rng(0), 300)
    assert (other.bases == chunk.bases).all() and (other.starts == chunk.starts).all()
    assert np.abs(other.signal - chunk.signal).mean() > 0.01


def test_every_base_gets_an_offset_of_its_own(label_file: Path) -> None:
    chunk = LabelFile(label_file).draw(np.random.default_rng(3), 1, 300)[0]
    moved = augment(chunk, dataclasses.replace(NONE, events=0.5), np.random.default_rng(1), 300).signal - chunk.signal
    offsets = [part for part in np.split(moved, chunk.starts) if len(part)]
    assert all(np.ptp(part) < 1e-5 for part in offsets)
    assert 0.05 < np.std([part[0] for part in offsets]) < 0.6


def test_rate_warms_up_and_falls_to_its_end() -> None:
    settings = TrainSettings(steps=1000, warmup=100, learning_rate=1.0, final_rate=0.01)
    rates = [learning_rate(step, settings) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01) and rates[99] == 1.0 == max(rates)
    assert all(a >= b for a, b in itertools.pairwise(rates[100:]))
    assert rates[-1] == pytest.approx(0.01, abs=1e-4)


@pytest.mark.parametrize("head", ["ctc", "crf"])
def test_a_network_learns_and_its_loss_is_per_base(label_file: Path, head: str, tmp_path: Path) -> None:
    network = CRF if head == "crf" else dataclasses.replace(CRF, head="ctc", direction="both")
    config = ModelConfig("toy", network=network, signal=SignalConfig(chunk=300, overlap=60),
                         decode=DecodeConfig(method="viterbi" if head == "crf" else "greedy"))
    source = LabelFile(label_file)
    settings = TrainSettings(steps=120, batch_size=16, samples=300, learning_rate=2e-2, warmup=10, bf16=False,
                             validate_every=40, average=0.9)
    rows = []
    held_out = source.draw(np.random.default_rng(9), 16, 300)
    train(config, seeded(network, 1), source, held_out, tmp_path / "out", settings, report=rows.append)
    assert rows[-1].held_out_identity > 0.85
    assert rows[-1].held_out_loss < 0.6 < rows[0].held_out_loss
    assert rows[-1].held_out_loss < rows[-1].disturbed_loss
    assert rows[-1].held_out_identity > rows[-1].disturbed_identity > 0
    model = load_model(tmp_path / "out")
    batch = make_batch(held_out, network)
    loss = mean_loss(batch_losses(model.network(batch.signal), batch, network))
    assert loss.item() == pytest.approx(rows[-1].held_out_loss, rel=1e-3)


def test_a_training_that_was_stopped_ends_as_an_unbroken_one(label_file: Path, tmp_path: Path) -> None:
    config = ModelConfig("toy", network=CRF, signal=SignalConfig(chunk=300, overlap=60),
                         decode=DecodeConfig(method="viterbi"))
    source = Augmented(LabelFile(label_file), Augmentation())
    held_out = source.draw(np.random.default_rng(9), 4, 300)
    settings = TrainSettings(steps=8, batch_size=4, samples=300, warmup=2, bf16=False, validate_every=4,
                             dropout=0.2)

    logged = []

    class Watched:
        """The source, and what the log says whenever chunks are drawn: what a run killed then would leave."""

        def draw(self, rng: np.random.Generator, number: int, samples: int) -> list[Chunk]:
            logged.append((tmp_path / "parts" / "training.tsv").read_text())
            return source.draw(rng, number, samples)

    def run(folder: Path, stop: bool = False, resume: bool = False) -> None:
        def report(row) -> None:
            if stop:
                raise KeyboardInterrupt

        train(config, seeded(CRF, 1), Watched() if resume else source, held_out, folder, settings, resume=resume,
              report=report)

    run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", stop=True)
    assert threading.active_count() < 20
    run(tmp_path / "parts", resume=True)
    whole, parts = (load_model(tmp_path / name).network for name in ("whole", "parts"))
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    logs = [[line.split("\t")[:2] for line in (tmp_path / n / "training.tsv").read_text().splitlines()]
            for n in ("whole", "parts")]
    assert logs[0] == logs[1] and len(logs[0]) == 3
    assert len(logged[0].splitlines()) == 2
