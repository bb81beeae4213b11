"""SLOW5 and BLOW5, through pyslow5.

Its C library writes its errors to stderr, ends the process on some malformed files and crashes on others: call this
only in a process of its own (`worker.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyslow5

from basecaller.errors import ReadError
from basecaller.reads.check import check_length, checked, complaint
from basecaller.reads.metadata import end_reason, integer, number, run_info, text
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo
from basecaller.reads.slow5_records import alone, cut, name, suffix


@contextmanager
def open_slow5(path: Path) -> Iterator[partial[Iterator[Read | ReadError]]]:
    """Open a file; what it yields is called with the number of the first read wanted, and gives reads in stored order.

    A `ReadError` stands in for a read that is bad. Raises `ReadError` where the rest of the file is unreadable.
    """
    with _named(path) as named:
        file = pyslow5.Open(str(named), "r")
        try:
            yield partial(_reads, file, named, str(path))
        finally:
            file.close()


@contextmanager
def _named(path: Path) -> Iterator[Path]:
    """The file under a name with the suffix that pyslow5 tells the format by."""
    kind = suffix(path)
    if path.suffix == kind:
        yield path
        return
    with TemporaryDirectory(prefix="basecaller-") as folder:
        link = Path(folder, "reads" + kind)
        link.symlink_to(path.resolve())
        yield link


def _reads(file: Any, named: Path, path: str, first: int) -> Iterator[Read | ReadError]:
    """In one stream while all goes well; from the first bad record on (or past a crash), record by record."""
    runs = [run_info(file.get_all_headers(read_group=group).get) for group in range(file.get_num_read_groups())]
    labels = file.get_aux_enum_labels("end_reason") if "end_reason" in file.get_aux_names() else []
    complaints = _Complaints()
    done = first
    if first == 0:
        for record in _records(file):
            done += 1
            yield _read(record, runs, labels, path)
        if not complaints.said:
            return
    pieces = cut(named)
    header = next(pieces)
    for position, piece in enumerate(pieces):
        if position < done:
            continue
        complaints.said.clear()
        with alone(header, piece, named.suffix) as one:
            single = pyslow5.Open(str(one), "r")
            found = list(_records(single))
            single.close()
        if not found:
            yield ReadError(f"read number {position + 1} is damaged: {complaints}", path, name(piece, named.suffix))
        else:
            yield _read(found[0], runs, labels, path)


def _records(file: Any) -> Iterator[dict[str, Any]]:
    names = file.get_aux_names()
    return iter(file.seq_reads(aux="all" if names else None))


def _read(record: dict[str, Any], runs: list[RunInfo], labels: list[str], path: str) -> Read | ReadError:
    read_id = text(record["read_id"])
    try:
        check_length(int(record["len_raw_signal"]))
        group = int(record["read_group"])
        if not 0 <= group < len(runs):
            raise ReadError(f"belongs to read group {group}, which the file does not describe")
        reason = record.get("end_reason")
        if isinstance(reason, (int, np.integer)) and 0 <= reason < len(labels):
            reason = labels[reason]
        values = np.ascontiguousarray(record["signal"], dtype=np.int16)
        info = ReadInfo(
            read_id=read_id,
            calibration=Calibration(*(number(record[name]) for name in ("offset", "range", "digitisation"))),
            sampling_rate=number(record["sampling_rate"]),
            num_samples=len(values),
            path=path,
            run=runs[group],
            channel=integer(record.get("channel_number")),
            mux=integer(record.get("start_mux")),
            number=integer(record.get("read_number")),
            start_sample=integer(record.get("start_time")),
            end_reason=end_reason(reason),
            median_before=number(record.get("median_before")),
            num_minknow_events=integer(record.get("num_minknow_events")),
        )
        return checked(info, values)
    except ReadError as error:
        return ReadError(error.reason, path, read_id)
    except Exception as error:
        return ReadError(complaint(error), path, read_id)


class _Complaints(logging.Handler):
    """Catches pyslow5's error messages: it logs them and ends the iteration as if the file were complete."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []
        logger = logging.getLogger("pyslow5")
        logger.handlers[:] = [self]
        logger.setLevel(logging.ERROR)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(text(record.getMessage()))

    def __str__(self) -> str:
        return self.said[-1].rpartition(": [")[2].rstrip("]") if self.said else "no reason given"
