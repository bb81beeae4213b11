"""Multi-read FAST5 files out of `Read`s, as MinKNOW writes them (VBZ-compressed)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ont_fast5_api.compression_settings import VBZ
from ont_fast5_api.multi_fast5 import MultiFast5File

from basecaller.reads.metadata import END_REASONS
from basecaller.reads.read import Read
from basecaller.simulate.write import RunWriter, context_tags, tracking_id


class Fast5Writer(RunWriter):
    """Writes multi-read FAST5 files."""

    suffix = ".fast5"
    _file: MultiFast5File

    def _create(self, path: Path) -> None:
        self._file = MultiFast5File(str(path), mode="w")

    def _close(self) -> None:
        self._file.close()

    def _add(self, read: Read) -> None:
        info = read.info
        out = self._file.create_empty_read(info.read_id, info.run.run_id)
        out.handle.attrs["pore_type"] = "not_set"
        out.add_raw_data(read.signal, {
            "start_time": np.uint64(info.start_sample),
            "duration": np.uint32(info.num_samples),
            "read_number": np.int32(info.number),
            "start_mux": np.uint8(info.mux),
            "read_id": info.read_id,
            "median_before": np.float64(info.median_before),
            "end_reason": np.uint8(END_REASONS.index(info.end_reason) if info.end_reason in END_REASONS else 0),
            "num_minknow_events": np.uint64(info.num_minknow_events),
        }, compression=VBZ)
        out.add_channel_info({
            "channel_number": str(info.channel),
            "digitisation": np.float64(info.calibration.digitisation),
            "offset": np.float64(info.calibration.offset),
            "range": np.float64(info.calibration.range),
            "sampling_rate": np.float64(info.sampling_rate),
        })
        if "tracking_id" not in out.handle:  # the first read of a run; the others link to its groups
            out.add_tracking_id(tracking_id(info.run))
            out.add_context_tags(context_tags(info.run, info.sampling_rate))
