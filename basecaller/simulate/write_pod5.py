"""POD5 files out of `Read`s."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from uuid import UUID

import pod5

from basecaller.reads.read import Read, RunInfo
from basecaller.simulate.write_fast5 import context_tags, tracking_id

_FORCED = ("mux_change", "unblock_mux_change", "data_service_unblock_mux_change")
"""End reasons by which the device, not the strand, ended the read."""


class Pod5Writer:
    """Writes reads into `folder/NAME_0.pod5`, ..., so many to a file; a context manager.

    A file appears under its final name once it is complete.
    """

    def __init__(self, folder: str | Path, name: str = "reads", per_file: int = 4000) -> None:
        self.folder = Path(folder)
        self.name = name
        self.per_file = per_file
        self.files: list[Path] = []
        self._open: pod5.Writer | None = None
        self._count = 0

    def write(self, read: Read) -> None:
        """Append one read."""
        if self._open is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._partial().unlink(missing_ok=True)  # pod5 refuses to write over a file
            self._open = pod5.Writer(self._partial(), software_name="basecaller")
        info = read.info
        reason = getattr(pod5.EndReasonEnum, info.end_reason.upper(), pod5.EndReasonEnum.UNKNOWN)
        self._open.add_read(pod5.Read(
            read_id=UUID(info.read_id),
            pore=pod5.Pore(info.channel, info.mux, "not_set"),
            calibration=pod5.Calibration(info.calibration.offset, info.calibration.scale),
            read_number=info.number,
            start_sample=info.start_sample,
            median_before=info.median_before,
            end_reason=pod5.EndReason(reason, info.end_reason in _FORCED),
            run_info=_run_info(info.run, info.sampling_rate, info.calibration.digitisation),
            num_minknow_events=info.num_minknow_events,
            signal=read.signal,
        ))
        self._count += 1
        if self._count == self.per_file:
            self._finish()

    def _partial(self) -> Path:
        return self.folder / f"{self.name}_{len(self.files)}.pod5.part"

    def _finish(self) -> None:
        if self._open is not None:
            self._open.close()
            partial = self._partial()
            self.files.append(partial.rename(partial.with_suffix("")))
            self._open, self._count = None, 0

    def __enter__(self) -> Pod5Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        elif self._open is not None:
            self._open.close()
            self._partial().unlink(missing_ok=True)


def _run_info(run: RunInfo, sampling_rate: float, digitisation: float) -> pod5.RunInfo:
    start = run.start_time or datetime.fromtimestamp(0, timezone.utc)
    return pod5.RunInfo(
        acquisition_id=run.run_id,
        acquisition_start_time=start,
        adc_max=int(digitisation) // 2 - 1,
        adc_min=-int(digitisation) // 2,
        context_tags=context_tags(run, sampling_rate),
        experiment_name=run.experiment_id,
        flow_cell_id=run.flow_cell_id,
        flow_cell_product_code=run.flow_cell_product_code,
        protocol_name="",
        protocol_run_id="",
        protocol_start_time=start,
        sample_id=run.sample_id,
        sample_rate=int(sampling_rate),
        sequencing_kit=run.sequencing_kit.lower(),
        sequencer_position=run.device_id,
        sequencer_position_type=run.device_type,
        software=run.software,
        system_name="",
        system_type="",
        tracking_id=tracking_id(run),
    )
