"""SLOW5 and BLOW5, through pyslow5.

Its C library writes its errors to stderr, ends the process on some malformed files and crashes on others: call this
only in a process of its own (`worker.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyslow5

from basecaller.errors import ReadError
from basecaller.reads.check import check_length, checked
from basecaller.reads.metadata import end_reason, integer, number, run_info, text
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo


def read_slow5(path: Path, first: int = 0) -> Iterator[Read | ReadError]:
    """The reads of a file in stored order from the `first`th on; a `ReadError` stands in for one that is bad.

    Raises `ReadError` where the file is damaged beyond the reads given so far.
    """
    complaints = _Complaints()
    file = pyslow5.Open(str(path), "r")
    try:
        runs = [_run(file, group) for group in range(file.get_num_read_groups())]
        aux = file.get_aux_names()
        labels = file.get_aux_enum_labels("end_reason") if "end_reason" in aux else []
        complaints.said.clear()
        for position, record in enumerate(file.seq_reads(aux="all" if aux else None)):
            if position < first:
                continue
            read_id = text(record["read_id"])
            try:
                yield _read(record, runs, labels, str(path))
            except ReadError as error:
                yield ReadError(error.reason, path, read_id)
        if complaints.said:
            raise ReadError(f"is damaged or cut short after this point: {complaints.said[-1]}", path)
    finally:
        file.close()


def _read(record: dict[str, Any], runs: list[RunInfo], labels: list[str], path: str) -> Read:
    check_length(int(record["len_raw_signal"]))
    group = int(record["read_group"])
    if not 0 <= group < len(runs):
        raise ReadError(f"belongs to read group {group}, which the file does not describe")
    reason = record.get("end_reason")
    if isinstance(reason, (int, np.integer)) and 0 <= reason < len(labels):
        reason = labels[reason]
    values = np.ascontiguousarray(record["signal"], dtype=np.int16)
    info = ReadInfo(
        read_id=text(record["read_id"]),
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


def _run(file: Any, group: int) -> RunInfo:
    return run_info(file.get_all_headers(read_group=group).get)


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
