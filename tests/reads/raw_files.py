"""Write small raw files of every format from `Read`s, for the reader tests: with the formats' own libraries."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pod5
import pyslow5

from basecaller.reads.hdf5 import VBZ, load_vbz
from basecaller.reads.metadata import END_REASONS
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo

RUN = RunInfo(
    run_id="a08e850aaa44c8b56765eee10b386fc3e516a62b",
    flow_cell_id="FAQ75412",
    flow_cell_product_code="FLO-MIN106",
    device_id="MN38418",
    device_type="minion",
    sample_id="a sample",
    experiment_id="group_1",
    protocol_group_id="group_1",
    sequencing_kit="SQK-LSK109",
    experiment_type="genomic_dna",
    start_time=datetime(2021, 8, 26, 5, 38, 50, 348000, tzinfo=timezone.utc),
    software="4.3.4",
)


def make_read(seed: int, samples: int = 3000, run: RunInfo = RUN, path: str = "", **changes: Any) -> Read:
    """A read of random levels, with every field filled."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(300, 700, samples // 9 + 1)
    signal = (np.repeat(levels, 9)[:samples] + rng.integers(-12, 13, samples)).astype(np.int16)
    fields: dict[str, Any] = {
        "read_id": str(uuid.UUID(int=rng.integers(1 << 62).item() << 64 | seed)),
        "calibration": Calibration(offset=6.0, range=1444.86, digitisation=8192.0),
        "sampling_rate": 4000.0,
        "num_samples": samples,
        "path": path,
        "run": run,
        "channel": 7 + seed,
        "mux": 2,
        "number": 2760 + seed,
        "start_sample": 54148211 + seed,
        "end_reason": "signal_positive",
        "median_before": 216.25,
        "num_minknow_events": 0,
    }
    return Read(ReadInfo(**{**fields, **changes}), signal)


def tracking(run: RunInfo) -> dict[str, str]:
    assert run.start_time is not None
    return {
        "run_id": run.run_id, "flow_cell_id": run.flow_cell_id, "device_id": run.device_id,
        "flow_cell_product_code": run.flow_cell_product_code.lower(), "device_type": run.device_type,
        "sample_id": run.sample_id, "protocol_group_id": run.protocol_group_id, "version": run.software,
        "exp_start_time": run.start_time.isoformat(),
    }


def context(run: RunInfo) -> dict[str, str]:
    return {"sequencing_kit": run.sequencing_kit.lower(), "experiment_type": run.experiment_type}


def filters(compression: str) -> dict[str, Any]:
    """h5py's arguments for `none`, `gzip`, or `vbz` (version 1, two-byte integers, zig-zag, zstd 1)."""
    if compression == "vbz":
        load_vbz()
        return {"compression": VBZ, "compression_opts": (1, 2, 1, 1), "chunks": True}
    return {"compression": "gzip", "compression_opts": 1} if compression == "gzip" else {}


def fill(group: h5py.Group, read: Read) -> None:
    """`Raw`'s attributes."""
    info = read.info
    reasons = h5py.enum_dtype({name: code for code, name in enumerate(END_REASONS)}, "u1")
    group.attrs["read_id"] = np.bytes_(info.read_id.encode())
    group.attrs["duration"] = np.uint32(info.num_samples)
    group.attrs["start_time"] = np.uint64(info.start_sample)
    group.attrs["read_number"] = np.int32(info.number)
    group.attrs["start_mux"] = np.uint8(info.mux)
    group.attrs["median_before"] = np.float64(info.median_before)
    group.attrs.create("end_reason", END_REASONS.index(info.end_reason), dtype=reasons)


def fill_channel(group: h5py.Group, info: ReadInfo) -> None:
    group.attrs["channel_number"] = str(info.channel)
    group.attrs["digitisation"] = info.calibration.digitisation
    group.attrs["offset"] = info.calibration.offset
    group.attrs["range"] = info.calibration.range
    group.attrs["sampling_rate"] = info.sampling_rate


def write_multi_fast5(path: Path, reads: Sequence[Read], compression: str = "gzip") -> Path:
    """A multi-read FAST5; reads of one run share its tags by hard links, as MinKNOW writes them."""
    shared: dict[str, h5py.Group] = {}
    with h5py.File(path, "w") as file:
        file.attrs["file_version"] = "2.2"
        for read in reads:
            run = read.info.run
            top = file.create_group(f"read_{read.read_id}")
            top.attrs["run_id"] = np.bytes_(run.run_id.encode())
            fill(top.create_group("Raw"), read)
            fill_channel(top.create_group("channel_id"), read.info)
            if run.run_id in shared:
                for name in ("tracking_id", "context_tags"):
                    top[name] = shared[run.run_id][name]
            else:
                shared[run.run_id] = top
                top.create_group("tracking_id").attrs.update(tracking(run))
                top.create_group("context_tags").attrs.update(context(run))
        for read in reads:
            file.create_dataset(f"read_{read.read_id}/Raw/Signal", data=read.signal, **filters(compression))
    return path


def write_single_fast5(path: Path, read: Read, compression: str = "none") -> Path:
    with h5py.File(path, "w") as file:
        raw = file.create_group(f"Raw/Reads/Read_{read.info.number}")
        fill(raw, read)
        raw.create_dataset("Signal", data=read.signal, **filters(compression))
        fill_channel(file.create_group("UniqueGlobalKey/channel_id"), read.info)
        file.create_group("UniqueGlobalKey/tracking_id").attrs.update(tracking(read.info.run))
        file.create_group("UniqueGlobalKey/context_tags").attrs.update(context(read.info.run))
    return path


def write_pod5(path: Path, reads: Sequence[Read]) -> Path:
    with pod5.Writer(path) as writer:
        for read in reads:
            info, run = read.info, read.info.run
            assert run.start_time is not None
            writer.add_read(pod5.Read(
                read_id=uuid.UUID(info.read_id),
                pore=pod5.Pore(info.channel, info.mux, "not_set"),
                calibration=pod5.Calibration(info.calibration.offset, info.calibration.scale),
                read_number=info.number,
                start_sample=info.start_sample,
                median_before=info.median_before,
                end_reason=pod5.EndReason(pod5.EndReasonEnum[info.end_reason.upper()], False),
                run_info=pod5.RunInfo(
                    acquisition_id=run.run_id, acquisition_start_time=run.start_time, adc_max=4095, adc_min=-4096,
                    context_tags=context(run), experiment_name=run.experiment_id, flow_cell_id=run.flow_cell_id,
                    flow_cell_product_code=run.flow_cell_product_code, protocol_name="", protocol_run_id="",
                    protocol_start_time=run.start_time, sample_id=run.sample_id, sample_rate=int(info.sampling_rate),
                    sequencing_kit=run.sequencing_kit.lower(), sequencer_position=run.device_id,
                    sequencer_position_type=run.device_type, software="", system_name="", system_type="",
                    tracking_id=tracking(run),
                ),
                signal=read.signal,
            ))
    return path


def write_slow5(path: Path, reads: Sequence[Read]) -> Path:
    """SLOW5 or BLOW5, by the suffix. All reads are of the first one's run."""
    file = pyslow5.Open(str(path), "w")
    run = reads[0].info.run
    file.write_header({**tracking(run), **context(run)}, end_reason_labels=list(END_REASONS))
    for read in reads:
        info = read.info
        record = {
            "read_id": info.read_id, "read_group": 0, "digitisation": info.calibration.digitisation,
            "offset": info.calibration.offset, "range": info.calibration.range, "sampling_rate": info.sampling_rate,
            "len_raw_signal": info.num_samples, "signal": read.signal,
        }
        file.write_record(record, {
            "channel_number": str(info.channel), "median_before": info.median_before, "read_number": info.number,
            "start_mux": info.mux, "start_time": info.start_sample, "end_reason": END_REASONS.index(info.end_reason),
        })
    file.close()
    return path
