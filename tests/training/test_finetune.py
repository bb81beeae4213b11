"""Fine-tuning from FAST5 files and a reference to a model folder, in miniature: what goes where, and what is kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest
import torch

from basecaller.errors import UsageError
from basecaller.labels.dataset import LabelFile
from basecaller.labels.levels import KmerLevels
from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network
from basecaller.model.store import load_model, save_model
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.simulate.write_fast5 import Fast5Writer
from basecaller.training import finetune
from basecaller.training.blend import Pore
from basecaller.training.finetune import DETAILS, FineTuneSettings, fine_tune
from basecaller.training.settings import TrainSettings

GENOME, READS, LENGTH = 24_000, 18, 2000
TRAINING = TrainSettings(batch_size=4, samples=600, bf16=False, learning_rate=5e-3, warmup=5, average=0.8)
SETTINGS = FineTuneSettings(passes=0.01, training=TRAINING)


@pytest.fixture(scope="module")
def levels() -> KmerLevels:
    """A made-up pore of 3-mers whose levels are all far apart."""
    mean = np.random.default_rng(1).permutation(np.linspace(-1.7, 1.7, 64))
    return KmerLevels(3, mean.astype(np.float32), np.full(64, 0.15, np.float32))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, levels: KmerLevels) -> dict[str, Path]:
    """FAST5 files, the genome, calls of 95 % identity, and a model that has learnt nothing."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(2)
    genome = rng.integers(0, 4, GENOME).astype(np.uint8)
    letters = np.array(list("ACGT"))
    (folder / "genome.fa").write_text(f">g\n{''.join(letters[genome])}\n")
    with Fast5Writer(folder / "fast5", per_file=20) as writer, (folder / "calls.fastq").open("w") as calls:
        for number in range(READS):
            start = int(rng.integers(0, GENOME - LENGTH))
            bases = genome[start : start + LENGTH]
            if number % 2:
                bases = 3 - bases[::-1]
            expected, _ = levels.of(bases)
            clean = np.repeat(expected, rng.integers(6, 13, len(expected)))
            signal = 85 + 12 * (clean + 0.12 * rng.standard_normal(len(clean)))
            raw = np.rint(signal / 0.18).astype(np.int16)
            info = ReadInfo(f"read-{number}", Calibration(0, 1474.56, 8192), 4000.0, len(raw), number=number, channel=1)
            writer.write(Read(info, raw))
            wrong = rng.random(LENGTH) < 0.05
            called = letters[np.where(wrong, (bases + 1) % 4, bases)]
            calls.write(f"@read-{number}\n{''.join(called)}\n+\n{'+' * LENGTH}\n")
    torch.manual_seed(0)
    network = NetworkConfig((Convolution(8, 5), Convolution(8, 9, 3)), width=8, layers=1)
    config = ModelConfig("untaught", signal=SignalConfig(chunk=1200, overlap=120), network=network)
    save_model(folder / "untaught", Network(network), config)
    return {name: folder / name for name in ("fast5", "genome.fa", "calls.fastq", "untaught")}


def tune(run: dict[str, Path], levels: KmerLevels, folder: Path,
         settings: FineTuneSettings = SETTINGS) -> finetune.FineTuned:
    return fine_tune(run["untaught"], [run["fast5"]], run["genome.fa"], folder, Pore(levels), settings,
                     calls=run["calls.fastq"], device="cpu")


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """A few steps, judged on a few chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune, "LEAST_STEPS", 40)
        patch.setattr(finetune, "HELD_OUT_CHUNKS", 16)
        yield


@pytest.fixture(scope="module")
def tuned(run: dict[str, Path], levels: KmerLevels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "mine"
    tune(run, levels, folder)
    return folder


def test_the_result_is_a_model_of_its_own(tuned: Path, run: dict[str, Path]) -> None:
    before, after = load_model(run["untaught"]), load_model(tuned)
    assert after.name == "mine"
    assert after.config.network == before.config.network
    pairs = zip(before.network.parameters(), after.network.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert "untaught" in (tuned / "card.md").read_text()
    assert not tuned.with_name("mine.partial").exists()


def names(path: Path) -> set[str]:
    with pysam.FastxFile(str(path)) as handle:
        return {record.name for record in handle}


def test_judged_by_reads_of_loci_that_were_not_trained_on(tuned: Path) -> None:
    with (tuned / DETAILS / "split.tsv").open() as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert len(rows) == READS
    trained, judged = ([(int(row["start"]), int(row["end"])) for row in rows if row["part"] == part]
                       for part in ("train", "held_out"))
    assert trained
    assert judged
    assert not any(a < d and c < b for a, b in trained for c, d in judged)
    held_out = {row["read_id"] for row in rows if row["part"] == "held_out"}
    for stage in ("before", "after"):
        assert names(tuned / DETAILS / f"held_out_{stage}.fastq.gz") <= held_out
        assert json.loads((tuned / DETAILS / stage / "summary.json").read_text())["reads"] <= len(held_out)


def test_the_model_that_was_begun_with_is_judged_as_it_was(tuned: Path, run: dict[str, Path]) -> None:
    """Training must not have changed it before it was judged."""
    from basecaller.calling import Basecaller
    from basecaller.reads.source import open_reads

    expected = {call.info.read_id: call.sequence
                for call in Basecaller(load_model(run["untaught"]), device="cpu").call(open_reads(run["fast5"]))}
    with pysam.FastxFile(str(tuned / DETAILS / "held_out_before.fastq.gz")) as handle:
        judged = {record.name: record.sequence for record in handle}
    assert judged
    assert all(expected[name] == sequence for name, sequence in judged.items())


def test_training_lowers_the_held_out_loss(tuned: Path) -> None:
    with (tuned / DETAILS / "training" / "training.tsv").open() as handle:
        losses = [float(row["held_out_loss"]) for row in csv.DictReader(handle, delimiter="\t")]
    assert losses[-1] < losses[0] - 0.2


def test_a_stopped_run_goes_on_and_ends_the_same(
    run: dict[str, Path], levels: KmerLevels, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    with monkeypatch.context() as patch:
        patch.setattr(finetune, "evaluate_to_folder", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tune(run, levels, folder)
    assert not folder.exists()
    labels = folder.with_name("mine.partial") / DETAILS / "labels.h5"
    made = labels.stat().st_mtime_ns
    tune(run, levels, folder)
    assert (folder / DETAILS / "labels.h5").stat().st_mtime_ns == made
    assert (folder / "weights.safetensors").read_bytes() == (tuned / "weights.safetensors").read_bytes()


def test_a_stopped_run_with_other_settings_is_not_gone_on_with(
    run: dict[str, Path], levels: KmerLevels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "truth_from_calls", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tune(run, levels, tmp_path / "new")
    with pytest.raises(UsageError, match="other inputs or settings"):
        tune(run, levels, tmp_path / "new", replace(SETTINGS, held_out=0.3))


def test_a_folder_that_exists_is_not_touched(run: dict[str, Path], levels: KmerLevels, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists already"):
        tune(run, levels, tmp_path)


def test_chunks_are_no_longer_than_the_reads_allow(tuned: Path) -> None:
    file = LabelFile(tuned / DETAILS / "labels.h5")
    wanted = TrainSettings(samples=4800, batch_size=16)
    for stretch, samples, batch in ((20_000, 4800, 16), (5_000, 2400, 32), (1_000, 1200, 64)):
        file.table.samples[:] = stretch
        fitted = finetune._fitting(wanted, file)
        assert (fitted.samples, fitted.batch_size) == (samples, batch)
    file.table.samples[0] = 10**6  # one long read is worth its many short ones
    assert finetune._fitting(wanted, file) == wanted
