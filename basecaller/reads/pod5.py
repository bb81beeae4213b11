"""POD5, through the pod5 package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pod5

from basecaller.errors import ReadError
from basecaller.reads.check import check_length, checked, complaint
from basecaller.reads.metadata import end_reason, integer, run_info
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo

MAGIC = b"\x8bPOD\r\n\x1a\n"
"""The first and last bytes of every whole POD5 file."""


@contextmanager
def open_pod5(path: Path) -> Iterator[partial[Iterator[Read | ReadError]]]:
    """Open a file; what it yields is called with the number of the first read wanted, and gives reads in stored order.

    A `ReadError` stands in for a read that is bad. Raises `ReadError` for a file that is cut short: POD5 keeps the
    table of its reads at its end; and pod5's own errors where the file cannot be opened.
    """
    with path.open("rb") as handle:
        handle.seek(-min(len(MAGIC), path.stat().st_size), os.SEEK_END)
        if handle.read() != MAGIC:
            raise ReadError("is cut short: its end, and with it the table of its reads, is missing", path)
    whole = path.absolute()
    with _elsewhere() as back, pod5.Reader(whole) as file:
        os.fchdir(back)
        yield partial(_reads, file, str(path), path.stat().st_size)


@contextmanager
def _elsewhere() -> Iterator[int]:
    """Into a folder for the while, as pod5 converts files of its first versions in the current one, which may not be
    writable; gives the descriptor of the folder before. For the process that reads files only."""
    before = os.open(".", os.O_RDONLY)
    try:
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                yield before
            finally:
                os.fchdir(before)
    finally:
        os.close(before)


def _reads(file: pod5.Reader, path: str, size: int, first: int) -> Iterator[Read | ReadError]:
    runs: dict[str, RunInfo] = {}
    position = -1
    for batch in file.read_batches():
        for row in range(batch.num_reads):
            position += 1
            if position < first:
                continue
            read_id = ""
            try:
                record = batch.get_read(row)
                read_id = str(record.read_id)
                yield _read(record, runs, path, size)
            except ReadError as error:
                yield ReadError(error.reason, path, read_id)
            except Exception as error:  # pod5 and pyarrow raise many kinds for damaged bytes
                yield ReadError(complaint(error), path, read_id)


def _read(record: pod5.ReadRecord, runs: dict[str, RunInfo], path: str, size: int) -> Read:
    check_length(record.num_samples, size)
    values = np.ascontiguousarray(record.signal, dtype=np.int16)
    if len(values) != record.num_samples:
        raise ReadError(f"declares {record.num_samples} samples but holds {len(values)}")
    run = record.run_info
    if run.acquisition_id not in runs:
        tags = {**dict(run.context_tags), **dict(run.tracking_id)}
        runs[run.acquisition_id] = run_info(
            tags.get,
            run_id=run.acquisition_id,
            flow_cell_id=run.flow_cell_id,
            flow_cell_product_code=run.flow_cell_product_code,
            device_id=run.sequencer_position,
            device_type=run.sequencer_position_type,
            sample_id=run.sample_id,
            experiment_name=run.experiment_name,
            sequencing_kit=run.sequencing_kit,
            start_time=run.acquisition_start_time if run.acquisition_start_time.year > 1970 else None,
            software=run.software,
        )
    info = ReadInfo(
        read_id=str(record.read_id),
        calibration=Calibration(
            float(record.calibration.offset),
            float(record.calibration.scale) * record.calibration_digitisation,
            float(record.calibration_digitisation),
        ),
        sampling_rate=float(run.sample_rate),
        num_samples=len(values),
        path=path,
        run=runs[run.acquisition_id],
        channel=integer(record.pore.channel),
        mux=integer(record.pore.well),
        number=integer(record.read_number),
        start_sample=integer(record.start_sample),
        end_reason=end_reason(record.end_reason.name),
        median_before=float(record.median_before),
        num_minknow_events=integer(record.num_minknow_events),
    )
    return checked(info, values)
