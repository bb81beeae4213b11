"""`calibrate`: make a model's Q scores true, by a line Q = scale * raw + bias fitted on aligned reads.

Each called base with a claimed Q counts towards the observed error rate of that Q (the rule for errors is that of
`tally.base_errors`). The line is the least-squares fit of observed on claimed Q, each Q weighted by its bases, which is
the squared form of the calibration error that is reported. The error reported is that of reads whose half of the
reference's loci was left out of the fit; the line that is kept is fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.decode.quality import MAX_Q, MIN_Q, mean_qscore
from basecaller.errors import BasecallerError, ModelError
from basecaller.model.config import DecodeConfig, read_config, write_config
from basecaller.training.alignment import CalledRead, Mapper
from basecaller.training.evaluate import MIN_LENGTH
from basecaller.training.reliability import calibration_error, observed_q
from basecaller.training.tally import Counts, Tally

LOCUS = 10_000
"""Bases of reference: loci of this size belong to the two halves in turn."""
FEWEST_BASES = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """Q = scale * raw + bias."""

    scale: float
    bias: float

    def of(self, q: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Q scores as the decoder writes them: rounded, and within its bounds."""
        return np.clip(np.rint(self.scale * np.asarray(q) + self.bias), MIN_Q, MAX_Q).astype(np.int64)

    def after(self, first: Line) -> Line:
        """The line of `first`, and then this one."""
        return Line(self.scale * first.scale, self.scale * first.bias + self.bias)


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

    line: Line
    """From claimed Q to true Q."""
    before: Counts
    """(Q, 4) by claimed Q: a `Tally.quality`."""
    after: Counts
    """(Q, 4) by the Q that the fit on the other half gives."""
    mean_q: npt.NDArray[np.float64]
    """(R,) mean Q of each mapped read after the fit."""

    @property
    def error_before(self) -> float | None:
        """Expected calibration error of the claimed Q."""
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


def calibrate(observed: Observed) -> Calibration:
    """Fit the line and judge it; raises `BasecallerError` when there is too little to fit to."""
    before = observed.halves[0] + observed.halves[1]
    if before[:, 0].sum() < FEWEST_BASES:
        raise BasecallerError(
            f"only {len(observed.identities)} of {observed.reads} reads map to the reference, with "
            f"{int(before[:, 0].sum())} aligned bases; a fit needs at least {FEWEST_BASES}"
        )
    line = fit_line(before)
    after = np.zeros_like(before)
    for judged, seen in (observed.halves, observed.halves[::-1]):
        own = fit_line(seen) if seen[:, 0].sum() >= FEWEST_BASES else line
        np.add.at(after, own.of(np.arange(len(judged))), judged)
    values = line.of(np.arange(len(before)))
    mean_q = np.array([mean_qscore(np.repeat(values, counts)) for counts in observed.histograms])
    return Calibration(line, before, after, mean_q)


def fit_line(quality: Counts) -> Line:
    """The line from claimed Q to observed Q; `quality` is (Q, 4), a `Tally.quality`.

    Raises `BasecallerError` when the observed Q does not rise with the claimed one.
    """
    claimed = np.flatnonzero(quality[:, 0])
    bases = quality[claimed, 0].astype(np.float64)
    observed = observed_q(bases, quality[claimed, 3] / 2)
    middle, level = np.average(claimed, weights=bases), np.average(observed, weights=bases)
    spread = np.average((claimed - middle) ** 2, weights=bases)
    scale = float(np.average((claimed - middle) * (observed - level), weights=bases) / spread) if spread else 0.0
    if scale <= 0:
        raise BasecallerError("the bases with higher Q scores are not called better, so that no line makes them true")
    return Line(scale, float(level - scale * middle))


def write_fit(folder: Path, line: Line) -> DecodeConfig:
    """Put `line`, from raw to true Q, into the `config.toml` of a model folder; `ModelError` where it cannot be."""
    path = folder / "config.toml"
    config = read_config(path)
    decode = replace(config.decode, quality_scale=round(line.scale, 4), quality_bias=round(line.bias, 4))
    growing = path.with_name("config.toml.partial")
    try:
        write_config(replace(config, decode=decode), growing)
        growing.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: the fit cannot be written there ({error.strerror})") from None
    return decode
