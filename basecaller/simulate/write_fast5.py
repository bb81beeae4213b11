"""Multi-read FAST5 files out of `Read`s, as MinKNOW writes them."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from ont_fast5_api.compression_settings import GZIP, VBZ
from ont_fast5_api.multi_fast5 import MultiFast5File

from basecaller.reads.metadata import END_REASONS
from basecaller.reads.read import Read, RunInfo


class Fast5Writer:
    """Writes reads into `folder/NAME_0.fast5`, `NAME_1.fast5`, ..., so many to a file; a context manager.

    A file appears under its final name once it is complete.
    """

    def __init__(
        self, folder: str | Path, name: str = "reads", per_file: int = 4000, compression: Literal["vbz", "gzip"] = "vbz"
    ) -> None:
        self.folder = Path(folder)
        self.name = name
        self.per_file = per_file
        self.compression = VBZ if compression == "vbz" else GZIP
        self.files: list[Path] = []
        self._open: MultiFast5File | None = None
        self._count = 0

    def write(self, read: Read) -> None:
        """Append one read."""
        if self._open is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._open = MultiFast5File(str(self._partial()), mode="w")
        info = read.info
        out = self._open.create_empty_read(info.read_id, info.run.run_id)
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
        }, compression=self.compression)
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
        self._count += 1
        if self._count == self.per_file:
            self._finish()

    def _partial(self) -> Path:
        return self.folder / f"{self.name}_{len(self.files)}.fast5.part"

    def _finish(self) -> None:
        if self._open is not None:
            self._open.close()
            partial = self._partial()
            self.files.append(partial.rename(partial.with_suffix("")))
            self._open, self._count = None, 0

    def __enter__(self) -> Fast5Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        elif self._open is not None:
            self._open.close()
            self._partial().unlink(missing_ok=True)


def tracking_id(run: RunInfo) -> dict[str, str]:
    """The attributes of `tracking_id` that describe a run; those not known are left out."""
    return _set({
        "run_id": run.run_id,
        "flow_cell_id": run.flow_cell_id,
        "flow_cell_product_code": run.flow_cell_product_code,
        "device_id": run.device_id,
        "device_type": run.device_type,
        "sample_id": run.sample_id,
        "protocol_group_id": run.protocol_group_id,
        "exp_start_time": run.start_time.isoformat() if run.start_time is not None else "",
        "version": run.software,
    })


def context_tags(run: RunInfo, sampling_rate: float) -> dict[str, str]:
    """The attributes of `context_tags` that describe a run; those not known are left out."""
    return _set({
        "experiment_type": run.experiment_type,
        "sequencing_kit": run.sequencing_kit.lower(),
        "sample_frequency": str(math.floor(sampling_rate)),
    })


def _set(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if value}
