"""`basecaller simulate`, `label` and `train` one after the other, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from basecaller.cli.main import main
from basecaller.labels.dataset import LabelFile
from basecaller.model.store import load_model

TINY = """
name = "tiny"
[signal]
chunk = 1000
overlap = 200
[network]
convolutions = [{ channels = 4, kernel = 5 }, { channels = 8, kernel = 9, stride = 5 }]
width = 8
layers = 1
direction = "alternating"
head = "crf"
state_length = 1
[decode]
method = "viterbi"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label_train") / "run"
    assert main(["simulate", "--genome-length", "6000", "--reads", "6", "--read-length", "2000",
                 "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def labels(run: Path) -> Path:
    path = run.parent / "labels.h5"
    assert main(["label", str(run), "--truth", str(run / "truth.fasta"), "-o", str(path)]) == 0
    return path


def test_simulated_reads_are_labelled_with_their_truth(run: Path, labels: Path) -> None:
    file = LabelFile(labels)
    truth = {block.split("\n")[0].split()[0]: block.split("\n", 1)[1].replace("\n", "")
             for block in (run / "truth.fasta").read_text().split(">")[1:]}
    assert set(file.table.read_id) == set(truth)
    for row, name in enumerate(file.table.read_id):
        bases = file.bases[file.first_base[row] : file.first_base[row + 1]]
        assert "".join(np.array(list("ACGT"))[bases]) in truth[name]
    assert file.table.length.sum() > 0.85 * sum(map(len, truth.values()))


def test_a_network_is_trained_and_the_training_goes_on(labels: Path, tmp_path: Path,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    how = ["train", "--labels", str(labels), "--simulated", "0.5", "--batch-size", "4", "--samples", "500",
           "--validate-every", "2", "-o", str(tmp_path / "out")]
    assert main([*how, "--config", str(tmp_path / "tiny.toml"), "--steps", "2"]) == 0
    assert load_model(tmp_path / "out").name == "tiny"
    assert main([*how, "--config", str(tmp_path / "tiny.toml"), "--steps", "4"]) == 2
    assert "is not empty; give --resume" in capsys.readouterr().err
    assert main([*how, "--config", str(tmp_path / "tiny.toml"), "--steps", "4", "--resume"]) == 0
    log = (tmp_path / "out" / "training.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in log] == ["step", "2", "4"]


def test_a_signal_model_learns_from_labels_and_a_network_from_what_it_draws(
    run: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settled, model, drawn = (tmp_path / name for name in ("settled.h5", "signal.safetensors", "drawn.h5"))
    assert main(["label", str(run), "--truth", str(run / "truth.fasta"), "--dwell-times", "-o", str(settled)]) == 0
    before, after = LabelFile(labels), LabelFile(settled)
    assert (before.bases == after.bases).all() and (before.starts != after.starts).any()
    assert main(["simulate", "fit", str(settled), "--steps", "2", "-o", str(model)]) == 0
    assert main(["simulate", "fit", str(settled), "--from", str(model), "--steps", "1", "--learning-rate", "1e-3",
                 "-o", str(tmp_path / "on.safetensors")]) == 0
    assert "step 2/2" in capsys.readouterr().err
    draw = ["simulate", "labels", "--samples", "6000", "--read-samples", "2000", "-o", str(drawn)]
    assert main([*draw, "--signal-model", str(model)]) == 2
    assert "has learnt too little" in capsys.readouterr().err
    assert not drawn.exists()
    assert main(draw) == 0  # from the shipped model
    file = LabelFile(drawn)
    assert file.table.samples.tolist() == [2000] * 3 and file.scaling == "r9.4.1_levels"
    (tmp_path / "tiny.toml").write_text(TINY)
    how = ["train", "--config", str(tmp_path / "tiny.toml"), "--simulated-from", str(drawn), "--batch-size", "2",
           "--samples", "500", "--steps", "1"]
    assert main([*how, "-o", str(tmp_path / "out")]) == 2
    assert "drawn.h5: labelled with r9.4.1_levels scaling, the model wants med_mad" in capsys.readouterr().err
    (tmp_path / "tiny.toml").write_text(TINY.replace("[signal]", '[signal]\nscaling = "r9.4.1_levels"'))
    assert main([*how, "-o", str(tmp_path / "out")]) == 0
    assert "100% simulated" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, says", [
    (["simulate", "fit", "labels.h5", "--steps", "0", "-o", "x"],
     "--steps and --learning-rate must be positive, not 0 and 0.003"),
    (["simulate", "labels", "--samples", "10", "-o", "x"], "--samples must be at least 1000, not 10"),
    (["simulate", "labels", "--noise", "1", "0.5", "-o", "x"], "the first number of --noise not be above the second"),
    (["simulate", "labels", "--signal-model", "r9", "-o", "x"], "no signal model 'r9'"),
    (["label", "run", "--moves", "x.bam", "--dwell-times", "-o", "x"], "goes with forced alignment"),
])
def test_what_a_signal_model_cannot_do_is_said_in_a_sentence(arguments: list[str], says: str,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("arguments, says", [
    (["--config", "x.toml", "--simulated", "0.5"], "be 1 where there are no labels"),
    (["--config", "x.toml", "--labels", "none.h5"], "none.h5: not a label file"),
    (["--config", "missing.toml"], "missing.toml: no such model config"),
    (["--from", "r9.4.1_fst"], "did you mean r9.4.1_fast?"),
])
def test_what_cannot_be_trained_is_said_in_a_sentence(arguments: list[str], says: str, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TINY)
    assert main(["train", "-o", "out", *arguments]) in (1, 2)
    assert says in capsys.readouterr().err


def test_shipped_models_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:2] == ["model", "pore"]
    assert ["r9.4.1_fast", "r9.4.1"] in [row[:2] for row in rows]
    assert main(["models", "r9.4.1_fast"]) == 0
    assert "r9.4.1_fast" in capsys.readouterr().out
