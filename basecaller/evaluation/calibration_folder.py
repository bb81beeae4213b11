"""The folder that a calibration leaves: the reliability curve before and after, as TSV files and calibration.html."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from basecaller.evaluation.calibrate import Calibration, Observed
from basecaller.evaluation.folder import write
from basecaller.evaluation.page import Scores, read_quality_figure
from basecaller.evaluation.reliability import HIGH_Q, LOW_Q
from basecaller.evaluation.tables import quality, read_quality
from basecaller.evaluation.tally import Counts, Tally
from basecaller.model.config import DecodeConfig
from basecaller.report.accuracy import Accuracy
from basecaller.report.page import Head, render_page
from basecaller.report.parts import Card, Section
from basecaller.report.plots_accuracy import reliability

Summary = dict[str, int | float | None]


def summary(observed: Observed, calibration: Calibration, fit: DecodeConfig) -> Summary:
    """What the command prints; an error is None when no base claims a Q in the range that is judged."""
    return {
        "reads": observed.reads,
        "mapped": len(observed.identities),
        "bases": int(calibration.before[:, 0].sum()),
        "quality_scale": fit.quality_scale,
        "quality_bias": fit.quality_bias,
        "quality_ceiling": fit.quality_ceiling,
        "calibration_error_raw": _rounded(calibration.error_raw),
        "calibration_error": _rounded(calibration.error),
        "median_read_error": _rounded(_read_error(observed, calibration)),
    }


def _read_error(observed: Observed, calibration: Calibration) -> float:
    """Median over the reads of |mean Q - (-10 log10(1 - identity))|."""
    identity_q = -10 * np.log10(np.maximum(1 - observed.identities, 1e-5))
    return float(np.median(np.abs(calibration.mean_q - identity_q)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def write_folder(folder: Path, model: str, observed: Observed, calibration: Calibration, found: Summary) -> None:
    """Write the tables and the page into `folder` (made where it is missing; files there are replaced)."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, calibrated = quality(calibration.before), quality(calibration.after)
    reads = read_quality(calibration.mean_q, observed.identities)
    for name, table in (("raw", raw), ("calibrated", calibrated), ("read_quality", reads)):
        write(folder / f"{name}.tsv", table.tsv())
    write(folder / "summary.json", json.dumps(found) + "\n")
    span = f"over Q{LOW_Q} to Q{HIGH_Q}"
    cards = (
        Card("reads mapped", f"{found['mapped']:,} of {found['reads']:,}"),
        Card("times the raw Q", f"{found['quality_scale']:.3f}",
             f"and {found['quality_bias']:+.2f}, ceiling Q{found['quality_ceiling']:.1f}"),
        *(
            Card(f"calibration error {when}", "unknown" if error is None else f"{error:.2f} Q", span)
            for when, error in (("of raw Q", calibration.error_raw), ("after the fit", calibration.error))
        ),
    )
    stages = (("before the fit", calibration.before), ("after the fit", calibration.after))
    curves = [(i, Scores(name, scores), scores)
              for i, (name, scores) in enumerate((name, _scores(observed, counts)) for name, counts in stages)]
    parts = (reliability(curves, several=True), read_quality_figure(reads))
    words = "After the fit, each half of the reference is judged by the fit on the other half."
    body = [Section("qualities", "Q scores", "", parts)]
    write(folder / "calibration.html", render_page(f"{model}: calibration", [Head(model, words, cards)], body))


def _scores(observed: Observed, quality_counts: Counts) -> Accuracy:
    """What the report's reliability curve takes."""
    return Accuracy(observed.reads, 1, (), observed.identities, np.zeros(0), np.zeros(0), Tally(quality=quality_counts))
