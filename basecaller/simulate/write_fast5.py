"""Multi-read FAST5 files out of `Read`s, as MinKNOW writes them (VBZ-compressed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from basecaller.reads.hdf5 import VBZ, load_vbz
from basecaller.reads.metadata import END_REASONS
from basecaller.reads.read import Read
from basecaller.simulate.write import RunWriter, context_tags, tracking_id

VBZ_OPTIONS = (0, 2, 1, 1)
"""Version, bytes of an integer, zig-zag, level of zstd."""
FILE_VERSION = "2.2"


class Fast5Writer(RunWriter):
    """Writes multi-read FAST5 files."""

    suffix = ".fast5"
    _file: h5py.File

    def _create(self, path: Path) -> None:
        load_vbz()
        self._file = h5py.File(path, "w")
        self._file.attrs.update(file_version=FILE_VERSION, file_type="multi-read")
        self._tags: dict[str, dict[str, h5py.Group]] = {}

    def _close(self) -> None:
        self._file.close()

    def _add(self, read: Read) -> None:
        info = read.info
        group = self._file.create_group(f"read_{info.read_id}")
        group.attrs.update(_plain(run_id=info.run.run_id, pore_type="not_set"))
        raw = group.create_group("Raw")
        raw.create_dataset("Signal", data=read.signal, dtype=np.int16, compression=VBZ, compression_opts=VBZ_OPTIONS)
        raw.attrs.update(_plain(
            start_time=np.uint64(info.start_sample),
            duration=np.uint32(info.num_samples),
            read_number=np.int32(info.number),
            start_mux=np.uint8(info.mux),
            read_id=info.read_id,
            median_before=np.float64(info.median_before),
            end_reason=np.uint8(END_REASONS.index(info.end_reason) if info.end_reason in END_REASONS else 0),
            num_minknow_events=np.uint64(info.num_minknow_events),
        ))
        group.create_group("channel_id").attrs.update(_plain(
            channel_number=str(info.channel),
            digitisation=np.float64(info.calibration.digitisation),
            offset=np.float64(info.calibration.offset),
            range=np.float64(info.calibration.range),
            sampling_rate=np.float64(info.sampling_rate),
        ))
        if info.run.run_id not in self._tags:
            tags = {"tracking_id": tracking_id(info.run), "context_tags": context_tags(info.run, info.sampling_rate)}
            self._tags[info.run.run_id] = {name: group.create_group(name) for name in tags}
            for name, values in tags.items():
                group[name].attrs.update(_plain(**values))
        else:  # all reads of a run link to the tags of its first
            for name, first in self._tags[info.run.run_id].items():
                group[name] = first


def _plain(**attributes: Any) -> dict[str, Any]:
    """Attributes with text as bytes of fixed length, as MinKNOW stores it."""
    return {name: np.bytes_(value) if isinstance(value, str) else value for name, value in attributes.items()}
