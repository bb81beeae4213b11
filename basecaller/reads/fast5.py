"""FAST5: single-read and multi-read files of every age, compressed with gzip, VBZ or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py

from basecaller.errors import ReadError
from basecaller.reads.check import checked, complaint
from basecaller.reads.hdf5 import attribute, member, missing_filter, open_hdf5, signal, subgroup, tags
from basecaller.reads.metadata import end_reason, integer, number, run_info, text
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo


class Parts(NamedTuple):
    """Where one read's signal and attributes lie."""

    name: str
    """The read id that the layout itself gives; empty in single-read files."""
    run_id: str
    """What the layout gives beside the tags; empty in single-read files."""
    read: h5py.Group
    """Has `Signal`, `read_id`, `start_time`, ..."""
    channel: h5py.Group | None
    tracking: h5py.Group | None
    context: h5py.Group | None


@contextmanager
def open_fast5(path: Path) -> Iterator[partial[Iterator[Read | ReadError]]]:
    """Open a file; what it yields is called with the number of the first read wanted, and gives reads in stored order.

    A `ReadError` stands in for a read that is bad. Raises `ReadError` where the file holds no reads, `OSError` where
    HDF5 cannot open it.
    """
    with open_hdf5(path) as (file, damage):
        yield partial(_reads, file, damage, str(path))


def _reads(file: h5py.File, damage: str, path: str, first: int) -> Iterator[Read | ReadError]:
    runs: dict[tuple[str, int, int], RunInfo] = {}
    for name, find in _layout(file)[first:]:
        read_id = ""
        try:
            parts = find(name)
            read_id = text(attribute(parts.read, "read_id")) or parts.name
            yield _read(parts, read_id, _run(parts, runs), path)
        except ReadError as error:
            yield ReadError(error.reason, path, read_id or name.removeprefix("read_"))
        except Exception as error:  # h5py raises nearly every kind for a damaged object
            yield ReadError(complaint(error), path, read_id or name.removeprefix("read_"))
    if damage:
        raise ReadError(f"{damage}; the reads before the cut are used", path)


def _layout(file: h5py.File) -> list[tuple[str, Callable[[str], Parts]]]:
    """Each read's group name, in stored order, and the function that finds its parts."""
    def multi(name: str) -> Parts:
        top = subgroup(file, name)
        raw = subgroup(top, "Raw") if top is not None else None
        if top is None or raw is None:
            raise ReadError("has no raw signal")
        return Parts(name.removeprefix("read_"), text(attribute(top, "run_id")), raw, subgroup(top, "channel_id"),
                     tags(top, "tracking_id"), tags(top, "context_tags"))

    def single(name: str) -> Parts:
        raw = subgroup(file, f"Raw/Reads/{name}")
        if raw is None:
            raise ReadError("has no raw signal")
        return Parts("", "", raw, subgroup(file, "UniqueGlobalKey/channel_id"),
                     tags(file, "UniqueGlobalKey/tracking_id"), tags(file, "UniqueGlobalKey/context_tags"))

    reads = subgroup(file, "Raw/Reads")
    if reads is not None and len(reads):
        return [(name, single) for name in reads]
    names = [name for name in file if name.startswith("read_")]
    if names:
        return [(name, multi) for name in names]
    if subgroup(file, "Analyses/EventDetection_000") is not None:
        raise ReadError("holds events but no raw signal (a FAST5 of 2015 or before)")
    if "IntermediateData" in file or "StateData" in file:
        raise ReadError("is a bulk FAST5 file: channels, not reads")
    raise ReadError("is a FAST5 file without reads")


def _read(parts: Parts, read_id: str, run: RunInfo, path: str) -> Read:
    """One read. Raises `ReadError` (or h5py's errors) where it cannot be used."""
    dataset = member(parts.read, "Signal")
    if not isinstance(dataset, h5py.Dataset):
        raise ReadError("has no raw signal")
    if missing := missing_filter(dataset):
        raise ReadError(missing)
    if parts.channel is None:
        raise ReadError("has no channel_id, hence no calibration")
    values = signal(dataset)
    info = ReadInfo(
        read_id=read_id,
        calibration=Calibration(*(
            number(attribute(parts.channel, name)) for name in ("offset", "range", "digitisation"))),
        sampling_rate=number(attribute(parts.channel, "sampling_rate")),
        num_samples=len(values),
        path=path,
        run=run,
        channel=integer(attribute(parts.channel, "channel_number")),
        mux=integer(attribute(parts.read, "start_mux")),
        number=integer(attribute(parts.read, "read_number")),
        start_sample=integer(attribute(parts.read, "start_time")),
        end_reason=end_reason(attribute(parts.read, "end_reason")),
        median_before=number(attribute(parts.read, "median_before")),
        num_minknow_events=integer(attribute(parts.read, "num_minknow_events")),
    )
    return checked(info, values)


def _run(parts: Parts, runs: dict[tuple[str, int, int], RunInfo]) -> RunInfo:
    """The run of a read. Multi-read files link one set of tags to all reads: each set is parsed once."""
    key = (parts.run_id, _address(parts.tracking), _address(parts.context))
    if key not in runs:
        def tag(name: str) -> object:
            found = attribute(parts.tracking, name)
            return found if found is not None else attribute(parts.context, name)

        runs[key] = run_info(tag, run_id=parts.run_id)
    return runs[key]


def _address(group: h5py.Group | None) -> int:
    """Where in the file a group lies: the same for all hard links to it."""
    return 0 if group is None else int(h5py.h5o.get_info(group.id).addr)
