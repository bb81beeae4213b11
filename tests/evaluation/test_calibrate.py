"""The fit of Q scores, on reads whose every base has a known probability of being wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basecaller.called import CalledRead
from basecaller.cli.main import main
from basecaller.errors import BasecallerError, ModelError
from basecaller.evaluation.alignment import Mapper
from basecaller.evaluation.calibrate import FEWEST_BASES, Curve, calibrate, curve_of, fit_curve, observe, write_fit
from basecaller.evaluation.reliability import observed_q
from basecaller.model.config import DecodeConfig, ModelConfig, SignalConfig, read_config, write_config

GENOME = 60_000


def simulate(rng: np.random.Generator, genome: str, claim: Callable[[np.ndarray], np.ndarray],
             reads: int = 150, length: int = 2500) -> list[CalledRead]:
    """Reads with a true Q of 5 to 25 that changes every 100 bases, and claims `claim(true Q)`.

    With the probability that the true Q stands for a base is another one, or one too many. (Scores that change from
    base to base would test the mapper: it often puts an error beside its true place.)
    """
    others = {base: [other for other in "ACGT" if other != base] for base in "ACGT"}
    made = []
    for number in range(reads):
        start = int(rng.integers(0, len(genome) - length))
        levels = rng.uniform(5, 25, length // 100 + 1)
        sequence, quality = [], []
        for place, base in enumerate(genome[start : start + length]):
            true = levels[place // 100]
            while True:
                quality.append(true)
                kind = rng.random() / 10 ** (-true / 10)
                if kind >= 0.3:
                    sequence.append(base if kind >= 1 else str(rng.choice(others[base])))
                    break
                sequence.append(str(rng.choice(others[base])))  # one too many: the true one is still to come
        claimed = np.clip(np.rint(claim(np.array(quality))), 0, 93).astype(np.uint8)
        made.append(CalledRead(f"r{number}", "".join(sequence), claimed))
    return made


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    sequence = "".join(np.random.default_rng(2).choice(list("ACGT"), GENOME))
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(f">g\n{sequence}\n")
    return sequence, path


def fastq(reads: list[CalledRead], path: Path) -> Path:
    letters = [bytes(read.qualities + 33).decode() for read in reads]
    records = (f"@{r.name}\n{r.sequence}\n+\n{quality}\n" for r, quality in zip(reads, letters, strict=True))
    path.write_text("".join(records))
    return path


SCALE, BIAS = 0.6, 2.0
"""True Q = SCALE * claimed + BIAS."""


@pytest.fixture(scope="module")
def overconfident(genome: tuple[str, Path]) -> list[CalledRead]:
    return simulate(np.random.default_rng(3), genome[0], lambda true: (true - BIAS) / SCALE)


def test_the_fit_recovers_a_known_line(genome: tuple[str, Path], overconfident: list[CalledRead]) -> None:
    result = calibrate(observe(overconfident, Mapper(genome[1])), Curve())
    assert result.curve.scale == pytest.approx(SCALE, abs=0.03)
    assert result.curve.bias == pytest.approx(BIAS, abs=0.6)
    assert result.error_raw is not None
    assert result.error is not None
    assert result.error_raw > 3
    assert result.error < 0.4


def test_a_half_of_few_reads_does_not_judge_the_rest(
    genome: tuple[str, Path], overconfident: list[CalledRead]
) -> None:
    """Reads whose scores mean something else, enough for a fit of their own but few beside the others."""
    observed = observe(overconfident, Mapper(genome[1]))
    odd = observe(simulate(np.random.default_rng(5), genome[0], lambda true: 25 - true / 2, reads=8), Mapper(genome[1]))
    large, small = observed.halves[0] + observed.halves[1], odd.halves[0] + odd.halves[1]
    assert FEWEST_BASES < small[:, 0].sum() < large[:, 0].sum() / 10
    whole = calibrate(replace(observed, halves=(large, small)), Curve())
    assert whole.error is not None
    assert whole.error < 1


def test_true_scores_are_left_as_they_are(genome: tuple[str, Path]) -> None:
    reads = simulate(np.random.default_rng(4), genome[0], lambda true: true)
    observed = observe(reads, Mapper(genome[1]))
    result = calibrate(observed, Curve())
    assert result.curve.scale == pytest.approx(1, abs=0.05)
    assert result.curve.bias == pytest.approx(0, abs=0.7)
    assert result.error_raw == pytest.approx(0, abs=0.4)
    # what a read claims on average is what it is
    identity_q = -10 * np.log10(1 - observed.identities)
    assert np.std(identity_q) > 0.5
    assert np.mean(np.abs(result.mean_q - identity_q)) < 0.4


def test_observed_errors_are_those_that_were_made(genome: tuple[str, Path], overconfident: list[CalledRead]) -> None:
    """Per claimed Q, against the simulation's own probabilities, the mapper's liberties within 1 Q."""
    observed = observe(overconfident, Mapper(genome[1]))
    table = observed.halves[0] + observed.halves[1]
    claimed = np.flatnonzero(table[:, 0] > 3000)
    assert len(claimed) > 25
    found = observed_q(table[claimed, 0], table[claimed, 3] / 2)
    assert np.abs(found - (SCALE * claimed + BIAS)).max() < 1
    assert abs(np.mean(found - (SCALE * claimed + BIAS))) < 0.25
    assert min(half[:, 0].sum() for half in observed.halves) > 60_000


def test_reads_that_do_not_map_count_as_looked_at_only(genome: tuple[str, Path]) -> None:
    rng = np.random.default_rng(8)
    noise = CalledRead("n", "".join(rng.choice(list("ACGT"), 1000)), np.full(1000, 20, dtype=np.uint8))
    short = CalledRead("s", genome[0][:150], np.full(150, 20, dtype=np.uint8))
    observed = observe([noise, short], Mapper(genome[1]))
    assert (observed.reads, len(observed.identities)) == (1, 0)
    with pytest.raises(BasecallerError, match="only 0 of 1 reads map"):
        calibrate(observed, Curve())


def test_reads_without_qualities_are_refused_by_name(genome: tuple[str, Path]) -> None:
    with pytest.raises(BasecallerError, match="read plain has no qualities"):
        observe([CalledRead("plain", genome[0][:500], None)], Mapper(genome[1]))


def quality_table(points: dict[int, tuple[int, int]]) -> np.ndarray:
    """From claimed Q: (bases, half-errors)."""
    table = np.zeros((94, 4), dtype=np.int64)
    for q, (bases, half_errors) in points.items():
        table[q, [0, 3]] = bases, half_errors
    return table


def table_of(raw: np.ndarray, errors: np.ndarray, bases: int = 10**7) -> np.ndarray:
    """A table in which each of the scores has so many bases and such an error rate."""
    return quality_table({int(q): (bases, round(2 * bases * e)) for q, e in zip(raw, errors, strict=True)})


EVERY = np.arange(94.0)


def test_the_line_goes_through_two_points() -> None:
    curve = fit_curve(EVERY, quality_table({10: (10**7, 2 * 10**6), 30: (10**7, 2 * 10**5)}))
    assert curve.scale == pytest.approx(0.5, abs=1e-4)
    assert curve.bias == pytest.approx(5, abs=1e-3)
    assert curve.of([10, 30]) == pytest.approx([10, 20], abs=1e-3)


def test_errors_that_the_network_does_not_know_of_make_a_ceiling() -> None:
    """An error rate of 10^(-0.07 raw - 0.2) plus 2 %."""
    raw = np.arange(1, 45)
    errors = 10 ** (-0.07 * raw - 0.2) + 0.02
    curve = fit_curve(EVERY, table_of(raw, errors))
    assert curve.ceiling == pytest.approx(-10 * np.log10(0.02), abs=0.15)
    assert curve.scale == pytest.approx(0.7, abs=0.01)
    assert curve.bias == pytest.approx(2, abs=0.1)
    np.testing.assert_allclose(curve.of(raw), -10 * np.log10(errors), atol=0.05)


def test_a_line_gets_no_ceiling() -> None:
    raw = np.arange(1, 45)
    curve = fit_curve(EVERY, table_of(raw, 10 ** (-0.08 * raw - 0.1)))
    assert (curve.scale, curve.bias, curve.ceiling) == (pytest.approx(0.8, abs=1e-3), pytest.approx(1, abs=0.02), 100)


@pytest.mark.parametrize("points", [{20: (10**6, 10**4)}, {10: (10**6, 10**3), 20: (10**6, 10**5)}])
def test_scores_that_say_nothing_are_refused(points: dict[int, tuple[int, int]]) -> None:
    with pytest.raises(BasecallerError, match="no curve"):
        fit_curve(EVERY, quality_table(points))


@given(st.floats(0.2, 3), st.floats(-5, 8), st.floats(12, 100), st.floats(0, 30))
def test_a_curve_can_be_undone_below_its_ceiling(scale: float, bias: float, ceiling: float, raw: float) -> None:
    curve = Curve(scale, bias, ceiling)
    q = float(curve.of(raw))
    if q < ceiling - 0.1:
        assert float(curve.raw(q)) == pytest.approx(raw, abs=1e-3)
    assert np.isfinite(curve.raw([ceiling, 93])).all()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    config = ModelConfig("m", signal=SignalConfig(chunk=3000, overlap=300),
                         decode=DecodeConfig(quality_scale=0.8, quality_bias=1.5))
    write_config(config, folder / "config.toml")
    return folder


def test_the_command_puts_the_fit_into_the_model(
    genome: tuple[str, Path], overconfident: list[CalledRead], model: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The calls were made with the model's old line, so that the new one goes on top of it."""
    calls, before = fastq(overconfident, tmp_path / "calls.fastq"), read_config(model / "config.toml")
    out = tmp_path / "out"
    arguments = ["calibrate", str(model), "--calls", str(calls), "--reference", str(genome[1]), "-o", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    found = json.loads(printed)
    config = read_config(model / "config.toml")
    raw = (np.arange(6, 38) - 1.5) / 0.8
    fitted = curve_of(config.decode).of(raw)
    assert np.abs(fitted - (SCALE * (0.8 * raw + 1.5) + BIAS)).max() < 0.5
    assert found["quality_scale"] == config.decode.quality_scale
    assert found["quality_bias"] == config.decode.quality_bias
    assert found["calibration_error"] < 0.4 < found["calibration_error_raw"]
    rest = replace(config.decode, quality_scale=0.8, quality_bias=1.5, quality_ceiling=100.0)
    assert replace(config, decode=rest) == before
    assert {path.name for path in out.iterdir()} == {
        "calibration.html", "summary.json", "raw.tsv", "calibrated.tsv", "read_quality.tsv",
    }


def test_a_model_that_cannot_be_written_is_named(model: Path) -> None:
    (model / "config.toml.partial").mkdir()
    with pytest.raises(ModelError, match=r"config\.toml: the fit cannot be written"):
        write_fit(model, Curve())


def test_calls_or_signal_but_not_neither(model: Path, genome: tuple[str, Path]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["calibrate", str(model), "--reference", str(genome[1])])
    assert stopped.value.code == 2
