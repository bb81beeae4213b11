"""`calibrate`: make a model's Q scores true, by a curve fitted on aligned reads (see `decode.quality.fitted`).

Each called base with a raw Q counts towards the observed error rate of that Q (the rule for errors is that of
`tally.base_errors`). The curve is the least-squares fit to the observed Q, each raw Q weighted by its bases, which is
the squared form of the calibration error that is reported. The error reported is that of reads whose half of the
reference's loci was left out of the fit; the curve that is kept is fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.called import CalledRead
from basecaller.decode.quality import NO_CEILING, Floats, fitted, mean_qscore, written
from basecaller.errors import BasecallerError, ModelError
from basecaller.evaluation.alignment import Mapper
from basecaller.evaluation.evaluate import MIN_LENGTH
from basecaller.evaluation.reliability import calibration_error, observed_q
from basecaller.evaluation.tally import Counts, Tally
from basecaller.model.config import DecodeConfig, read_config, write_config

LOCUS = 10_000
"""Bases of reference: loci of this size belong to the two halves in turn."""
FEWEST_BASES = 10_000
LEAST_HALF = 0.2
"""Share of the bases in a half whose fit may judge the other; a handful of reads says little of many."""
CEILINGS = np.arange(8.0, 40.0, 0.25).tolist()
"""Tried in turn."""
ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Curve:
    """From raw Q scores to those that are written."""

    scale: float = 1.0
    bias: float = 0.0
    ceiling: float = NO_CEILING

    def of(self, raw: npt.ArrayLike) -> Floats:
        """(N,) Q scores before they are rounded."""
        return fitted(raw, self.scale, self.bias, self.ceiling)

    def raw(self, q: npt.ArrayLike) -> Floats:
        """(N,) the raw scores from which the curve makes `q`; next to the ceiling, and above, as if a little below."""
        below = np.minimum(np.asarray(q, dtype=np.float64), self.ceiling - 0.1)
        line = -10 * np.log10(10 ** (-below / 10) - 10 ** (-self.ceiling / 10))
        return np.asarray((line - self.bias) / self.scale)


def curve_of(decode: DecodeConfig) -> Curve:
    """The curve that a model's calls are made with."""
    return Curve(decode.quality_scale, decode.quality_bias, decode.quality_ceiling)


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What the alignments of some calls say of their Q scores."""

    reads: int
    """Reads looked at."""
    halves: tuple[Counts, Counts]
    """Per half of the loci (Q, 4): a `Tally.quality`."""
    histograms: npt.NDArray[np.int64]
    """(R, Q) how many bases of each mapped read claim each Q."""
    identities: npt.NDArray[np.float64]
    """(R,) of the mapped reads."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The fit and what it does."""

    curve: Curve
    """From raw Q to true Q."""
    before: Counts
    """(Q, 4) by raw Q, rounded: a `Tally.quality`."""
    after: Counts
    """(Q, 4) by the Q that the fit on the other half gives."""
    mean_q: npt.NDArray[np.float64]
    """(R,) mean Q of each mapped read after the fit."""

    @property
    def error_raw(self) -> float | None:
        """Expected calibration error of the raw Q."""
        return calibration_error(self.before[:, 0], self.before[:, 3] / 2)

    @property
    def error(self) -> float | None:
        """Expected calibration error after the fit, on loci that it did not see."""
        return calibration_error(self.after[:, 0], self.after[:, 3] / 2)


def observe(reads: Iterable[CalledRead], mapper: Mapper) -> Observed:
    """Map reads and count what their bases claim and what they are; reads without qualities are an error."""
    halves = (Tally(), Tally())
    histograms, identities, count = [], [], 0
    for read in reads:
        if len(read.sequence) < MIN_LENGTH:
            continue
        if read.qualities is None:
            raise BasecallerError(f"read {read.name} has no qualities; calibration needs FASTQ or BAM, not FASTA")
        count += 1
        hit = mapper.align(read)
        if hit is not None:
            middle = (hit.reference_start + hit.reference_end) // 2
            columns = halves[middle // LOCUS % 2].add(hit)
            identities.append(columns[0] / columns.sum())
            histograms.append(np.bincount(read.qualities, minlength=len(halves[0].quality)))
    return Observed(
        count,
        (halves[0].quality, halves[1].quality),
        np.array(histograms, dtype=np.int64).reshape(-1, len(halves[0].quality)),
        np.array(identities),
    )


def calibrate(observed: Observed, made_with: Curve) -> Calibration:
    """Fit the curve for calls that were made with another, and judge it.

    Raises `BasecallerError` when there is too little to fit to.
    """
    counts = observed.halves[0] + observed.halves[1]
    if counts[:, 0].sum() < FEWEST_BASES:
        raise BasecallerError(
            f"only {len(observed.identities)} of {observed.reads} reads map to the reference, with "
            f"{int(counts[:, 0].sum())} aligned bases; a fit needs at least {FEWEST_BASES}"
        )
    raw = made_with.raw(np.arange(len(counts)))
    curve = fit_curve(raw, counts)
    before, after = np.zeros_like(counts), np.zeros_like(counts)
    np.add.at(before, written(raw), counts)
    enough = max(FEWEST_BASES, LEAST_HALF * counts[:, 0].sum())
    for judged, seen in (observed.halves, observed.halves[::-1]):
        own = fit_curve(raw, seen) if seen[:, 0].sum() >= enough else curve
        np.add.at(after, written(own.of(raw)), judged)
    values = written(curve.of(raw))
    mean_q = np.array([mean_qscore(np.repeat(values, bases)) for bases in observed.histograms])
    return Calibration(curve, before, after, mean_q)


def fit_curve(raw: Floats, quality: Counts) -> Curve:
    """The curve from raw Q (Q,) to the observed Q of the bases that have it; `quality` is (Q, 4), a `Tally.quality`.

    A ceiling is part of it only where it makes the squared error smaller by a tenth. Raises `BasecallerError` when
    the observed Q does not rise with the raw one.
    """
    some = quality[:, 0] > 0
    raw, weights = raw[some], quality[some, 0] / quality[:, 0].sum()
    observed = observed_q(quality[some, 0], quality[some, 3] / 2)
    line = _refined(Curve(*_line(raw, observed, weights)), raw, observed, weights)
    if line is None:
        raise BasecallerError("the bases with higher Q scores are not called better, so that no curve makes them true")
    best, least = line, 0.9 * _squares(line, raw, observed, weights)
    for ceiling in CEILINGS if len(raw) > 4 else ():
        start = Curve(*_line(raw, observed, weights * (observed < ceiling - 3)), ceiling)
        curve = _refined(start, raw, observed, weights)
        if curve is not None and (squares := _squares(curve, raw, observed, weights)) < least:
            best, least = curve, squares
    return best


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[float, float]:
    """Slope and intercept of the least-squares line; no slope where there are no two points to it."""
    total = weights.sum()
    if not total:
        return 0.0, 0.0
    middle, level = x @ weights / total, y @ weights / total
    spread = (x - middle) ** 2 @ weights
    slope = float((x - middle) * (y - level) @ weights / spread) if spread > 0 else 0.0
    return slope, float(level - slope * middle)


def _refined(curve: Curve, raw: Floats, observed: Floats, weights: Floats) -> Curve | None:
    """Scale and bias for the curve's ceiling by Gauss and Newton's method; None where that leads nowhere."""
    root = np.sqrt(weights)
    for _ in range(ROUNDS):
        if not (1e-3 < curve.scale < 1e3 and abs(curve.bias) < 1e3):
            return None
        found = curve.of(raw)
        part = 1 - 10 ** ((found - curve.ceiling) / 10)  # of the error probability that the line stands for
        slopes = np.stack([raw * part, part], axis=1) * root[:, None]
        change = np.linalg.lstsq(slopes, (observed - found) * root, rcond=None)[0]
        curve = replace(curve, scale=curve.scale + float(change[0]), bias=curve.bias + float(change[1]))
    return curve if 1e-3 < curve.scale < 1e3 else None


def _squares(curve: Curve, raw: Floats, observed: Floats, weights: Floats) -> float:
    return float((curve.of(raw) - observed) ** 2 @ weights)


def write_fit(folder: Path, curve: Curve) -> DecodeConfig:
    """Put the curve into the `config.toml` of a model folder; `ModelError` where it cannot be."""
    path = folder / "config.toml"
    config = read_config(path)
    decode = replace(config.decode, quality_scale=round(curve.scale, 4), quality_bias=round(curve.bias, 4),
                     quality_ceiling=round(curve.ceiling, 4))
    growing = path.with_name("config.toml.partial")
    try:
        write_config(replace(config, decode=decode), growing)
        growing.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: the fit cannot be written there ({error.strerror})") from None
    return decode
