"""The reads of a run as columns: what the report's plots of lengths, qualities, time and channels need.

Filled from `sequencing_summary.tsv` where there is one, else from the reads themselves; a few numbers a read are kept.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.bases import n50
from basecaller.called import read_calls
from basecaller.decode.quality import mean_qscore
from basecaller.errors import BasecallerError
from basecaller.report.folder import RunFolder

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReadTable:
    """One entry per read in every column; NaN (or channel 0) where it is not known."""

    length: Floats
    """Bases."""
    quality: Floats
    """Mean Phred score."""
    start: Floats
    """Seconds from the start of the run."""
    duration: Floats
    """Seconds of signal that the bases came from."""
    samples: Floats
    """Samples of signal, the trimmed start included (NaN where only seconds are known)."""
    channel: npt.NDArray[np.int64]
    skipped: tuple[str, ...] = ()
    """Files, or parts of files, that could not be read, with the reason."""

    def __len__(self) -> int:
        return len(self.length)

    @property
    def bases(self) -> int:
        return int(self.length.sum())

    @property
    def seconds(self) -> float:
        """Seconds of signal in all."""
        return float(np.nansum(self.duration))

    @property
    def speed(self) -> Floats:
        """Bases per second of each read, NaN where the time is not known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.duration > 0, self.length / self.duration, np.nan)

    def n50(self) -> int:
        """Half of all bases are in reads of this length or more (0 without reads)."""
        return n50(self.length)


Row = tuple[float, float, float, float, float, int]


def load_reads(run: RunFolder) -> ReadTable:
    """The reads of a run; empty when there are none yet. Damaged ends of files are left out and named in `skipped`."""
    columns = [array("d") for _ in range(5)]
    channels = array("q")
    skipped: list[str] = []
    paths = run.summaries or run.calls
    for path in paths:
        try:
            for row in (_summary_rows(path) if run.summaries else _call_rows(path)):
                for column, value in zip(columns, row[:5], strict=True):
                    column.append(value)
                channels.append(row[5])
        except (BasecallerError, OSError, ValueError) as error:
            skipped.append(f"{path}: {error}")
    length, quality, start, duration, samples = (np.array(column) for column in columns)
    if len(start) and np.isfinite(start).any() and np.nanmin(start) > 1e8:  # times of day, not of the run
        start = start - np.nanmin(start)
    return ReadTable(length, quality, start, duration, samples, np.array(channels, np.int64), tuple(skipped))


def _summary_rows(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8", errors="replace") as handle:
        table = csv.reader(handle, delimiter="\t")
        header = next(table, [])
        where = {name: i for i, name in enumerate(header)}
        if "sequence_length_template" not in where:
            raise ValueError("no column sequence_length_template: not a sequencing summary")
        width = len(header)
        length_at = where["sequence_length_template"]

        def number(row: list[str], *names: str) -> float:
            for name in names:
                if name in where and row[where[name]]:
                    try:
                        return float(row[where[name]])
                    except ValueError:
                        return float("nan")
            return float("nan")

        for row in table:
            if len(row) != width or not row[length_at]:
                continue  # the last line of a table that is still being written
            channel = number(row, "channel")
            yield (float(row[length_at]), number(row, "mean_qscore_template"), number(row, "start_time"),
                   number(row, "template_duration", "duration"), float("nan"), int(channel) if channel > 0 else 0)


def _call_rows(path: Path) -> Iterator[Row]:
    for read in read_calls(path, tags=True):
        tags = read.tags
        samples, trimmed = float(tags.get("ns", "nan")), float(tags.get("ts", 0))
        seconds = float(tags.get("du", "nan"))
        if samples > 0:
            seconds *= (samples - trimmed) / samples
        none = np.zeros(0, np.uint8)
        quality = float(tags["qs"]) if "qs" in tags else mean_qscore(none if read.qualities is None else read.qualities)
        try:
            start = datetime.fromisoformat(str(tags["st"]).replace("Z", "+00:00")).timestamp()
        except (KeyError, ValueError):
            start = float("nan")
        yield float(len(read.sequence)), quality, start, seconds, samples, int(tags.get("ch", 0))
