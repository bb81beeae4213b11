"""sequencing_summary.tsv: one row per called read, in the columns of the sequencer vendor's output specification 1.1,
followed by three of our own.

NanoPlot, pycoQC, toulligQC and MinIONQC read it. Times are seconds; `start_time` and `template_start` count from the
start of the run. `template` is what was called: the read without the samples trimmed from its start.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

from basecaller.decode.call import Call
from basecaller.output import beside
from basecaller.output.align import Hit
from basecaller.output.record import record_name, text
from basecaller.output.writer import Writer

COLUMNS = (
    "input_filename",
    "batch_id",
    "parent_read_id",
    "read_id",
    "run_id",
    "channel",
    "mux",
    "minknow_events",
    "start_time",
    "duration",
    "passes_filtering",
    "template_start",
    "num_events_template",
    "template_duration",
    "sequence_length_template",
    "mean_qscore_template",
    "pore_type",
    "experiment_id",
    "sample_id",
    "end_reason",
)
ALIGNMENT_COLUMNS = (
    "alignment_genome",
    "alignment_direction",
    "alignment_genome_start",
    "alignment_genome_end",
    "alignment_strand_start",
    "alignment_strand_end",
    "alignment_num_insertions",
    "alignment_num_deletions",
    "alignment_num_aligned",
    "alignment_num_correct",
    "alignment_identity",
    "alignment_accuracy",
    "alignment_score",
    "alignment_coverage",
    "alignment_mapping_quality",
)
OWN_COLUMNS = ("adapter_bases_start", "adapter_bases_end", "called_with")
"""Bases of adapters and primers cut from either end of the read, and what the calls depend on besides the reads: an
interrupted run is only continued with the same (`settings_of`). After all specified columns."""

_READ_ID = COLUMNS.index("read_id")
_UNALIGNED = ("*", "*", *["-1"] * 4, *["0"] * 9)


def row(call: Call, min_qscore: float = 0.0) -> list[str]:
    """The values of `COLUMNS` for one read; it passes when its mean Q is at least `min_qscore`."""
    info = call.info
    name = record_name(info.read_id)
    start = info.start_sample / info.sampling_rate
    trimmed = call.trimmed / info.sampling_rate
    values = (
        PurePath(info.path).name,
        0,
        name,
        name,
        info.run.run_id or "unknown",
        info.channel,
        info.mux,
        info.num_minknow_events,
        start,
        info.duration,
        "TRUE" if call.mean_qscore >= min_qscore else "FALSE",
        start + trimmed,
        (info.num_samples - call.trimmed) // call.stride,
        info.duration - trimmed,
        len(call.sequence),
        call.mean_qscore,
        "not_set",
        info.run.experiment_id or info.run.protocol_group_id,
        info.run.sample_id,
        info.end_reason or "unknown",
    )
    return [_value(value) for value in values]


def alignment_row(call: Call, hit: Hit | None) -> list[str]:
    """The values of `ALIGNMENT_COLUMNS`: identity of aligned bases, accuracy with gaps, coverage of the read."""
    if hit is None:
        return list(_UNALIGNED)
    values = (
        hit.contig,
        "+" if hit.strand > 0 else "-",
        hit.ref_start,
        hit.ref_end,
        hit.read_start,
        hit.read_end,
        hit.insertions,
        hit.deletions,
        hit.aligned,
        hit.correct,
        hit.correct / hit.aligned,
        hit.correct / (hit.aligned + hit.insertions + hit.deletions),
        hit.score,
        (hit.read_end - hit.read_start) / len(call.sequence),
        hit.mapping_quality,
    )
    return [_value(value) for value in values]


def columns(alignment: bool) -> tuple[str, ...]:
    """All columns of a table, with those of alignments or without."""
    return (*COLUMNS, *(ALIGNMENT_COLUMNS if alignment else ()), *OWN_COLUMNS)


class SummaryWriter(Writer):
    """Writes the table; a row is handed to the system as soon as it is written."""

    def __init__(
        self,
        path: str | Path,
        *,
        alignment: bool = False,
        min_qscore: float = 0.0,
        settings: str = "",
        keep: Collection[str] | None = None,
    ) -> None:
        """`alignment`: add `ALIGNMENT_COLUMNS` from the first of the hits given to `write`. `settings`: the text of
        the column `called_with`; by default the model's name."""
        super().__init__(path, keep)
        self._alignment = alignment
        self._settings = settings
        self._min_qscore = min_qscore
        self._handle: BinaryIO

    def _start(self, previous: Path | None, keep: frozenset[str]) -> None:
        self._handle = self.partial.open("wb")
        self._append("\t".join(columns(self._alignment)) + "\n")
        if previous is not None:
            for name, line in whole_rows(previous):
                if name in keep:
                    self._append(line)
                    self.count += 1

    def _write(self, call: Call, hits: Sequence[Hit]) -> None:
        values = row(call, self._min_qscore)
        if self._alignment:
            values += alignment_row(call, hits[0] if hits else None)
        values += [str(call.front_adapter), str(call.back_adapter), text(self._settings or f"model={call.model}")]
        self._append("\t".join(values) + "\n")

    def _append(self, line: str) -> None:
        self._handle.write(line.encode("ascii"))
        self._handle.flush()

    def _stop(self) -> None:
        self._handle.close()

    def _finish(self) -> None:
        self._stop()
        beside.publish(self.partial, self.path)


def whole_rows(path: Path) -> Iterator[tuple[str, str]]:
    """(read name, line) of every whole row of a summary, up to where it is cut off or damaged."""
    header: tuple[str, ...] = ()
    with path.open("rb") as handle:
        for raw in handle:
            if not (raw.endswith(b"\n") and raw.isascii()):
                return
            line = raw.decode("ascii")
            fields = tuple(line.rstrip("\n").split("\t"))
            if not header:
                if fields not in (columns(False), columns(True)):
                    return
                header = fields
                continue
            if len(fields) != len(header):
                return
            yield fields[_READ_ID], line


def settings_of(path: Path) -> frozenset[str]:
    """What the reads of a summary, whole or not, were called with: its column `called_with`."""
    return frozenset(line.rstrip("\n").rpartition("\t")[2] for _, line in whole_rows(path))


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.6f}" if math.isfinite(value) else ""
