"""`basecaller inspect`: the same call as the caller's, errors where they are, cells that really follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from synthetic_run import BASES, Truth

from basecaller.called import CalledRead
from basecaller.calling import Basecaller
from basecaller.cli.main import main
from basecaller.errors import UsageError
from basecaller.evaluation.alignment import Mapper
from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network, seeded
from basecaller.model.store import Model, save_model
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.reads.source import open_reads
from basecaller.report.cells import correlation, find_cells, properties
from basecaller.report.draw import draw
from basecaller.report.draw_html import plot_view
from basecaller.report.inspection import Inspection, find_read, inspect_read
from basecaller.report.view import interesting, make_view

STRIDE, DWELL, TRIMMED = 3, 9, 200


def made_up(sequence: str, reference: Path | None) -> Inspection:
    """A read of nine samples a base, called as `sequence`."""
    rng = np.random.default_rng(0)
    length = len(sequence)
    moves = np.tile(np.array([1, 0, 0], np.uint8), length)
    levels = np.repeat([{"A": 80.0, "C": 95.0, "G": 70.0, "T": 105.0}[base] for base in sequence], DWELL)
    current = np.concatenate([np.full(TRIMMED, 200.0), levels]) + rng.normal(0, 2, TRIMMED + len(levels))
    posteriors = np.full((3 * length, 5), 0.01, np.float32)
    posteriors[:, 0] = 0.96
    posteriors[::3] = 0.02
    posteriors[np.arange(0, 3 * length, 3), [1 + "ACGT".index(base) for base in sequence]] = 0.9
    qualities = np.full(length, 15, np.uint8)
    hit = None if reference is None else Mapper(reference).align(CalledRead("made-up", sequence, qualities))
    info = ReadInfo("made-up", Calibration(0, 1, 1), 4000, len(current))
    return Inspection(info, current.astype(np.float32), TRIMMED, STRIDE, "none", "ctc", sequence, qualities, moves,
                      posteriors, (), (), hit)


@pytest.fixture
def wrong(truth: Truth, tmp_path: Path) -> tuple[Inspection, dict[str, int], str]:
    """A read with a mismatch, an insertion, a lost base and a homopolymer of six called as four."""
    rng = np.random.default_rng(4)
    genome = "".join(rng.choice(list("ACGT"), 2000))
    genome = genome[:1000] + "CAAAAAAG" + genome[1008:]
    (tmp_path / "ref.fa").write_text(f">ref\n{genome}\n")
    other = "A" if genome[300] != "A" else "C"
    called = genome[:300] + other + genome[301:1001] + genome[1003:]
    return made_up(called, tmp_path / "ref.fa"), {"mismatch": 300, "run": 1001}, genome


def test_errors_are_where_they_were_made(wrong: tuple[Inspection, dict[str, int], str]) -> None:
    inspection, places, genome = wrong
    view = make_view(inspection, (0, inspection.info.num_samples))
    off = [base for base in view.bases if base.wrong]
    assert len(off) == 1
    assert off[0].start == TRIMMED + DWELL * places["mismatch"]
    assert (off[0].letter, off[0].reference) == (inspection.sequence[300], genome[300])
    assert "".join(gap.letters for gap in view.lost) == "AA"
    assert abs(view.lost[0].sample - (TRIMMED + DWELL * places["run"])) <= 4 * DWELL


def test_the_window_is_around_the_miscounted_homopolymer(wrong: tuple[Inspection, dict[str, int], str]) -> None:
    inspection, places, _ = wrong
    first, last = interesting(inspection)
    assert first + 200 < TRIMMED + DWELL * places["run"] < last - 200


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_inserted_bases_and_the_other_strand(tmp_path: Path, strand: str) -> None:
    rng = np.random.default_rng(8)
    genome = "".join(rng.choice(list("ACGT"), 900))
    extra = genome[:400] + "GATTACA" + genome[400:]
    complement = str.maketrans("ACGT", "TGCA")
    (tmp_path / "ref.fa").write_text(f">ref\n{genome if strand == 'forward' else genome[::-1].translate(complement)}\n")
    view = make_view(made_up(extra, tmp_path / "ref.fa"), (0, 8000))
    inserted = "".join(base.letter for base in view.bases if base.reference == "-")
    assert len(inserted) == 7
    assert all(base.letter == base.reference for base in view.bases if not base.wrong and base.reference)


def test_windows_are_checked(wrong: tuple[Inspection, dict[str, int], str]) -> None:
    inspection = wrong[0]
    for window in ((10, 10), (-1, 5), (0, inspection.info.num_samples + 1)):
        with pytest.raises(UsageError, match="window"):
            make_view(inspection, window)
    view = make_view(inspection, (0, 100))  # all before the trim point: no bases, still a picture
    assert view.bases == ()
    assert view.edges.size == 1


def test_pictures_are_drawn(wrong: tuple[Inspection, dict[str, int], str], tmp_path: Path) -> None:
    inspection = wrong[0]
    draw(make_view(inspection, (0, 100)), tmp_path / "a.png")
    draw(make_view(inspection, (150, 400)), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "called from here" in text
    figure = plot_view(make_view(inspection), "read", "A read", "")
    assert any("−AA" in str(trace.text) for trace in figure.plot.data)
    assert [row[0] for row in figure.table.rows] == [base.letter for base in make_view(inspection).bases]


def test_correlation_is_pearsons() -> None:
    rng = np.random.default_rng(2)
    units, values = rng.normal(size=(500, 4)).astype(np.float32), rng.normal(size=500).astype(np.float32)
    units[:, 3] = 1.0
    expected = [np.corrcoef(units[:, i], values)[0, 1] for i in range(3)]
    assert correlation(units, values)[:3] == pytest.approx(expected, abs=1e-6)
    assert correlation(units, values)[3] == 0


def test_planted_cells_are_found() -> None:
    rng = np.random.default_rng(3)
    sequence = "".join(BASES[rng.integers(0, 4, 600)].tobytes().decode())
    inspection = made_up(sequence, None)
    steps = len(inspection.moves)
    layers = [rng.normal(size=(steps, 8)).astype(np.float32) for _ in range(2)]
    found = properties(inspection)
    layers[1][:, 5] = 0.5 * found["homopolymer"] + rng.normal(0, 0.1, steps)
    layers[0][:, 2] = -found["base G"] + rng.normal(0, 0.1, steps)
    layers[0][: steps // 2, 7] = 10 * found["base T"][: steps // 2]  # follows T only where it is chosen
    cells = {cell.follows: cell for cell in find_cells(
        replace(inspection, activations=tuple(layers)), (False, False), both=True)}
    assert (cells["homopolymer"].layer, cells["homopolymer"].unit, cells["homopolymer"].backward) == (2, 5, True)
    assert cells["homopolymer"].correlation > 0.8
    assert (cells["base G"].layer, cells["base G"].unit, cells["base G"].backward) == (1, 2, False)
    assert cells["base G"].correlation < -0.9
    assert cells["base T"].unit == 7
    assert abs(cells["base T"].correlation) < 0.3  # the half that did not choose it tells
    runs = sequence.count("AAA") + sequence.count("CCC") + sequence.count("GGG") + sequence.count("TTT")
    assert (found["homopolymer"].sum() > 0) == (runs > 0)


def random_model(head: Literal["ctc", "crf"]) -> Model:
    config = ModelConfig("random", signal=SignalConfig(chunk=900, overlap=90), network=NetworkConfig(
        (Convolution(8, 5), Convolution(16, 9, STRIDE)), width=8, layers=2,
        direction="alternating" if head == "crf" else "both", head=head, state_length=2))
    network: Network = seeded(config.network, 5)
    for parameter in network.head.parameters():
        parameter.data *= 30  # surer of itself than untrained networks are, so that it calls many bases
    return Model("random", network.eval(), config)


@pytest.fixture(scope="module", params=["ctc", "crf"])
def model(request: pytest.FixtureRequest) -> Model:
    return random_model(request.param)


@pytest.fixture(scope="module")
def read() -> Read:
    rng = np.random.default_rng(6)
    signal = np.repeat(rng.normal(500, 80, 900), rng.integers(4, 14, 900)) + rng.normal(0, 8)
    return Read(ReadInfo("some-read", Calibration(10, 1200, 8192), 4000, len(signal)), signal.astype(np.int16))


def test_what_is_drawn_is_what_is_called(model: Model, read: Read) -> None:
    call = next(iter(Basecaller(model, device="cpu", threads=1, any_chemistry=True).call([read])))
    seen = inspect_read(read, model, cells=True)
    assert seen.sequence == call.sequence
    assert (seen.qualities == call.qualities).all()
    assert (seen.moves == call.moves).all()
    assert seen.trimmed == call.trimmed
    assert seen.posteriors.shape == (len(call.moves), 5)
    assert seen.posteriors.sum(axis=1) == pytest.approx(1, abs=1e-3)
    layers = model.config.network.layers
    assert len(seen.activations) == layers
    assert all(len(layer) == len(call.moves) for layer in seen.activations)
    assert find_cells(seen, model.network.encoder.backward_layer, model.config.network.direction == "both")


def test_the_last_layer_gives_the_scores(model: Model, read: Read) -> None:
    """Activations run forward in time in every layer: the head makes of the last what the network scored."""
    import torch

    seen = inspect_read(read, model, cells=True)
    with torch.inference_mode():
        scores = model.network.head(torch.from_numpy(seen.activations[-1])[:, None])[:, 0].numpy()
    if model.config.network.head == "ctc":
        assert np.exp(scores) == pytest.approx(seen.posteriors, abs=1e-4)
    else:
        assert scores.shape == (len(seen.moves), 80)


def test_only_reads_that_are_there(read: Read) -> None:
    with pytest.raises(UsageError, match="not among the 1 reads"):
        find_read([read], "other")


def test_command_line_on_a_real_read(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = random_model("crf")
    save_model(tmp_path / "model", model.network, model.config)
    path = sorted((shared_data / "lambda_r941").glob("*.fast5"), key=lambda path: path.stat().st_size)[0]
    read_id = next(iter(open_reads(path))).read_id
    for name in ("a.png", "a.html"):
        assert main(["inspect", read_id, "--signal", str(path), "--model", str(tmp_path / "model"), "--cells",
                     "--window", "1000:1400", "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 10_000
    assert "homopolymer: layer" in capsys.readouterr().out
    assert "http" not in (tmp_path / "a.html").read_text().split('id="plotly"')[0]
    for wrong in (["nobody", "-o", "a.png"], [read_id, "-o", str(tmp_path / "a.gif")],
                  [read_id, "-o", str(tmp_path / "a.png"), "--window", "5"]):
        assert main(["inspect", *wrong, "--signal", str(path), "--model", str(tmp_path / "model")]) == 2
