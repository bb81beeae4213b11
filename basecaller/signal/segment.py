"""What a run will be called in: one row per read, split into batches of equal work without copying signal."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from basecaller.errors import ReadError, UsageError
from basecaller.model.config import SignalConfig
from basecaller.reads.read import Read
from basecaller.reads.source import ReadSource
from basecaller.signal.chunk import cut
from basecaller.signal.prepare import prepare


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of the table: a read that will be called, or (with `set_aside`) a read or file that will not."""

    read_id: str
    """Empty where a whole file is set aside."""
    filename: str
    samples: int = 0
    trim: int = 0
    """Samples cut from the start."""
    shift: float = 0.0
    """pA."""
    scale: float = 0.0
    """pA."""
    chunks: int = 0
    """Chunks that the network will see: the work."""
    set_aside: str = ""
    """Why it will not be called."""


COLUMNS = (*(field.name for field in fields(Segment)), "batch")


class Table(csv.excel_tab):
    """Tab-separated, with the line ends of Unix."""

    lineterminator = "\n"


class Totals(NamedTuple):
    """What a table holds."""

    reads: int
    set_aside: int
    samples: int
    loads: list[int]
    """Chunks of each batch."""


def segment(read: Read, config: SignalConfig) -> Segment:
    """Prepare a read as for calling and say what came of it. Raises `ReadError` as `prepare` does."""
    prepared = prepare(read, config)
    spans = cut(prepared.signal.size, config.chunk, config.overlap)
    scaling = prepared.scaling
    return Segment(read.read_id, read.info.path, read.info.num_samples, prepared.trimmed,
                   round(scaling.shift, 4), round(scaling.scale, 4), len(spans))


def partition(work: Sequence[int], batches: int) -> list[int]:
    """The batch (0 to batches - 1) of each item: runs of neighbours of as equal work as can be had.

    Neighbours stay together so that a batch opens few files and the batches' outputs, one after another,
    are in the order of the input. No batch is empty while there are items enough.
    """
    left = sum(work)
    result: list[int] = []
    for batch in range(batches):
        later = batches - batch - 1
        target, load = left / (later + 1), 0
        for cost in work[len(result) : max(len(result) + 1, len(work) - later)]:
            if load and later and load + cost / 2 > target:
                break
            load += cost
            result.append(batch)
        left -= load
    return result


def write_segments(source: ReadSource, config: SignalConfig, batches: int, path: Path) -> Totals:
    """Segment every read of `source` into the table `path`, which appears when it is complete.

    A read that cannot be used is added to `source.quarantine`; all set aside stand at the table's end.
    """
    work: list[int] = []
    samples = 0
    partial = path.with_name(path.name + ".partial")
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape", newline="",
                                    dir=path.parent) as rows:
            spool = csv.writer(rows, Table)
            for row in _segments(source, config):
                spool.writerow(astuple(row))
                work.append(row.chunks)
                samples += row.samples
            numbers = partition(work, batches)
            rows.seek(0)
            with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
                table = csv.writer(handle, Table)
                table.writerow(COLUMNS)
                table.writerows([*row, number] for row, number in zip(csv.reader(rows, Table), numbers, strict=True))
                table.writerows((*astuple(Segment(entry.read_id, entry.path, set_aside=entry.reason)), "")
                                for entry in source.quarantine.entries)
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from None
    loads = [0] * batches
    for number, chunks in zip(numbers, work, strict=True):
        loads[number] += chunks
    return Totals(len(work), len(source.quarantine), samples, loads)


def read_batch(path: Path, batch: int) -> tuple[list[Path], list[str]]:
    """The files and the read ids of one batch of a table. Raises `UsageError` for what is not such a table."""
    files: dict[Path, None] = {}
    read_ids = []
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
            rows = csv.reader(handle, Table)
            if tuple(next(rows, ())) != COLUMNS:
                raise UsageError(f"{path}: not a table that `basecaller segment` wrote")
            for row in rows:
                if row[-1] and int(row[-1]) == batch:
                    files[Path(row[1])] = None
                    read_ids.append(row[0])
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, IndexError, csv.Error) as error:
        raise UsageError(f"{path}: damaged ({error})") from None
    return list(files), read_ids


def _segments(source: ReadSource, config: SignalConfig) -> Iterator[Segment]:
    for read in source:
        try:
            yield segment(read, config)
        except ReadError as error:
            source.quarantine.add_error(error)
