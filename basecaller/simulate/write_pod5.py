"""POD5 files out of `Read`s."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID

import pod5

from basecaller.reads.read import Read, RunInfo
from basecaller.simulate.write import RunWriter, context_tags, tracking_id

FORCED = ("mux_change", "unblock_mux_change", "data_service_unblock_mux_change")
"""End reasons by which the device, not the strand, ended the read."""


class Pod5Writer(RunWriter):
    """Writes POD5 files."""

    suffix = ".pod5"
    _file: pod5.Writer

    def _create(self, path: Path) -> None:
        self._file = pod5.Writer(path, software_name="basecaller")

    def _close(self) -> None:
        self._file.close()

    def _add(self, read: Read) -> None:
        info = read.info
        reason = getattr(pod5.EndReasonEnum, info.end_reason.upper(), pod5.EndReasonEnum.UNKNOWN)
        self._file.add_read(pod5.Read(
            read_id=UUID(info.read_id),
            pore=pod5.Pore(info.channel, info.mux, "not_set"),
            calibration=pod5.Calibration(info.calibration.offset, info.calibration.scale),
            read_number=info.number,
            start_sample=info.start_sample,
            median_before=info.median_before,
            end_reason=pod5.EndReason(reason, info.end_reason in FORCED),
            run_info=_run_info(info.run, info.sampling_rate, info.calibration.digitisation),
            num_minknow_events=info.num_minknow_events,
            signal=read.signal,
        ))


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
