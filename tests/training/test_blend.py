"""What fine-tuning learns from: how much of what, and what becomes of it where something is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_recombine import LEVELS, write

from basecaller.bases import decode
from basecaller.labels.dataset import LabelFile, LabelWriter, Origin
from basecaller.labels.label import Stretch
from basecaller.model.config import read_config
from basecaller.model.store import CONFIG, model_folder
from basecaller.simulate.learnt.model import load_signal_model
from basecaller.simulate.pore import load_pore
from basecaller.training import blend as module
from basecaller.training.blend import Pore, Shares, blend, pore_of

SILENT: list[str] = []


@pytest.fixture(scope="module")
def pore() -> Pore:
    return Pore(LEVELS, load_pore("r9.4.1"), load_signal_model("r9.4.1"))


def test_chunks_come_in_the_shares_asked_for(tmp_path: Path, pore: Pore) -> None:
    own = write(tmp_path / "own.h5", [3000, 4000, 3500])
    reads = [decode(own.stretch(row)[1]) for row in range(3)]
    with LabelWriter(tmp_path / "drawn.h5", scaling="med_mad") as writer:  # known by its signal
        writer.add(Stretch("d", np.full(30_000, 9, np.float32), np.zeros(3000, np.uint8),
                           np.arange(0, 30_000, 10).astype(np.int32), 0), Origin())
    source = blend(own, pore, Shares(0.5, 0.3), "med_mad", 1e6, tmp_path / "drawn.h5", 1, SILENT.append)
    chunks = source.draw(np.random.default_rng(3), 600, 1000)
    drawn = [chunk for chunk in chunks if (chunk.signal == 9).all()]
    whole = [chunk for chunk in chunks if any(decode(chunk.bases) in read for read in reads)]
    assert len(drawn) / 600 == pytest.approx(0.5, abs=0.07)
    assert len(whole) / 600 == pytest.approx(0.2, abs=0.07)


def test_signal_is_drawn_once(tmp_path: Path, pore: Pore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_DRAWN", 24_000)
    own, path, said = write(tmp_path / "own.h5", [3000, 4000]), tmp_path / "drawn.h5", []
    blend(own, pore, Shares(), "r9.4.1_levels", 1000, path, 1, said.append)
    assert any("drawing" in line for line in said)
    file = LabelFile(path)
    assert file.scaling == "r9.4.1_levels" and file.table.samples.sum() == 24_000
    made = path.stat().st_mtime_ns
    blend(own, pore, Shares(), "r9.4.1_levels", 1000, path, 1, said.append)
    assert path.stat().st_mtime_ns == made


def test_without_a_signal_model_the_pore_simulates(tmp_path: Path, pore: Pore) -> None:
    own, path = write(tmp_path / "own.h5", [3000, 4000]), tmp_path / "drawn.h5"
    source = blend(own, replace(pore, signal_model=None), Shares(1.0, 0.0), "med_mad", 1000, path, 1, SILENT.append)
    assert not path.exists()
    reads = [decode(own.stretch(row)[1]) for row in range(2)]
    for chunk in source.draw(np.random.default_rng(3), 4, 1000):
        assert not any(decode(chunk.bases) in read for read in reads)


def test_reads_too_few_to_recombine_are_used_as_they_are(tmp_path: Path) -> None:
    own, said = write(tmp_path / "own.h5", [90]), []
    source = blend(own, Pore(LEVELS), Shares(), "med_mad", 1000, tmp_path / "drawn.h5", 1, said.append)
    assert any("recombined" in line for line in said)
    read = decode(own.stretch(0)[1])
    assert all(decode(chunk.bases) in read for chunk in source.draw(np.random.default_rng(3), 5, 300))


def test_what_is_known_of_a_pore_goes_by_the_model() -> None:
    config = read_config(model_folder("r9.4.1_fast") / CONFIG)
    known = pore_of(config)
    assert known.model is not None and known.signal_model is not None
    other = pore_of(replace(config, signal=replace(config.signal, scaling="med_mad")))
    assert other.model is not None and other.signal_model is None  # its signal is scaled otherwise
    beta = pore_of(read_config(model_folder("r10.4.1_beta") / CONFIG))
    assert beta.model is not None and beta.signal_model is None
