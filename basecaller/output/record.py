"""One call as a SAM record: the tags, the read group and the header that every format here is written from.

Tags and their types follow the sequencer vendor's output specification; the layout of header lines and records the
SAM specification (SAMv1.pdf) and its list of optional fields (SAMtags.pdf).
"""

from __future__ import annotations

import array
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pysam

from basecaller import __version__
from basecaller.decode.call import Call
from basecaller.decode.quality import MEAN_Q_RULE
from basecaller.reads.read import RunInfo

PROGRAM = "basecaller"
UNMAPPED = 4
_MAX_NAME = 254


@dataclass(frozen=True)
class OutputHeader:
    """What is known of the whole run of the program before the first read; read groups come with the reads."""

    command: str = ""
    """The command line, for @PG CL."""
    device: str = ""
    """What the network runs on, for @PG DS."""
    settings: str = ""
    """What the calls depend on besides the reads (`Basecaller.settings`), for @PG DS."""


def record_name(read_id: str) -> str:
    """The name under which a read is written: its id, with what SAM and FASTQ do not allow replaced by `_`."""
    return re.sub(r"[^!-~]", "_", read_id)[:_MAX_NAME].replace("@", "_") or "_"


def read_group(run_id: str, model: str) -> str:
    """ID of the read group of one run and model."""
    return text(f"{run_id or 'unknown'}_{model}")


def read_group_line(run: RunInfo, model: str) -> dict[str, str]:
    """The @RG line of one run called by one model, without the fields that the files do not hold."""
    line = {
        "ID": read_group(run.run_id, model),
        "PU": run.flow_cell_id,
        "PM": run.device_id,
        "DT": run.start_time.isoformat(timespec="milliseconds") if run.start_time else "",
        "PL": "ONT",
        "DS": f"runid={run.run_id or 'unknown'} basecall_model={model}",
        "LB": run.sample_id,
        "SM": run.sample_id,
    }
    return {key: text(value) for key, value in line.items() if value}


def header_lines(
    header: OutputHeader, groups: Iterable[dict[str, str]] = (), contigs: Iterable[tuple[str, int]] = ()
) -> dict[str, Any]:
    """The SAM header as pysam takes it; `contigs` are (name, length) of the reference when reads are aligned."""
    program = {"ID": PROGRAM, "PN": PROGRAM, "VN": __version__, "CL": header.command}
    program["DS"] = " ".join([*([f"device={header.device}"] if header.device else []), header.settings]).strip()
    lines: dict[str, Any] = {"HD": {"VN": "1.6", "SO": "unknown"}}
    if sequences := [{"SN": name, "LN": length} for name, length in contigs]:
        lines["SQ"] = sequences
    lines["RG"] = list(groups)
    lines["PG"] = [{key: text(value) for key, value in program.items() if value}]
    lines["CO"] = [MEAN_Q_RULE]
    return lines


def tags(call: Call, *, moves: bool, group: bool = True) -> list[tuple[str, Any, str | None]]:
    """The optional fields of a call as (tag, value, type), type None for an array.

    What the raw file does not hold (start time, end reason) is left out.
    """
    info = call.info
    fields: list[tuple[str, Any, str | None]] = [
        ("qs", float(call.mean_qscore), "f"),
        ("du", float(info.duration), "f"),
        ("ns", int(info.num_samples), "i"),
        ("ts", int(call.trimmed), "i"),
        ("mx", int(info.mux), "i"),
        ("ch", int(info.channel), "i"),
    ]
    if info.start_time is not None:
        fields.append(("st", info.start_time.isoformat(timespec="milliseconds"), "Z"))
    fields += [
        ("rn", int(info.number), "i"),
        ("fn", text(PurePath(info.path).name), "Z"),
        ("sm", float(call.scaling.shift), "f"),
        ("sd", float(call.scaling.scale), "f"),
        ("sv", text(call.scaling.method), "Z"),
        ("dx", 0, "i"),
    ]
    if call.front_adapter or call.back_adapter:
        # tags of our own: bases cut from the start and from the end
        fields += [("af", int(call.front_adapter), "i"), ("ab", int(call.back_adapter), "i")]
    if info.end_reason:
        fields.append(("er", text(info.end_reason), "Z"))
    if group:
        fields.append(("RG", read_group(info.run.run_id, call.model), "Z"))
    if moves:
        table = np.concatenate(([call.stride], call.moves)).astype(np.int8)
        fields.append(("mv", array.array("b", table.tobytes()), None))
    return fields


def unaligned(
    call: Call, header: pysam.AlignmentHeader, *, moves: bool = True, group: bool = True
) -> pysam.AlignedSegment:
    """The record of a call that is not aligned to anything."""
    record = pysam.AlignedSegment(header)
    record.query_name = record_name(call.info.read_id)
    record.flag = UNMAPPED
    record.reference_id = record.next_reference_id = -1
    record.reference_start = record.next_reference_start = -1
    record.mapping_quality = 0
    if call.sequence:
        record.query_sequence = call.sequence
        record.query_qualities = array.array("B", call.qualities.astype(np.uint8).tobytes())
    record.set_tags(tags(call, moves=moves, group=group))
    return record


def text(value: str) -> str:
    """A string as SAM allows it in a field: printable characters and spaces."""
    return re.sub(r"[^ -~]", "_", value)
