"""Loose attributes of raw files to the plain fields of `RunInfo`, the same from every format.

FAST5, POD5 and SLOW5 carry the same `tracking_id` and `context_tags` names, typed and spelt differently over ten
years of MinKNOW. Values that do no harm are cleaned (a tab or line break would break every text output), never refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import numpy as np

from basecaller.reads.read import RunInfo

END_REASONS = (
    "unknown", "partial", "mux_change", "unblock_mux_change", "data_service_unblock_mux_change", "signal_positive",
    "signal_negative", "api_request", "device_data_error", "analysis_config_change", "paused",
)
"""The names of the FAST5 and POD5 specifications; FAST5's integers count them from 0."""

MAX_TEXT = 1024
"""Characters of one attribute that are kept."""


def text(value: Any) -> str:
    """An attribute as one clean line of text; empty for None and for what is no text or number."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "S" and value.dtype.itemsize == 1:  # a string stored as an array of characters
            value = value.tobytes().replace(b"\0", b"")
        elif value.size >= 1:
            value = value.flat[0]
        else:
            return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float, np.integer, np.floating)):
        return ""
    line = " ".join(str(value)[:MAX_TEXT].split())
    return "".join(character if character.isprintable() else "?" for character in line)


def number(value: Any) -> float:
    """An attribute as a float; NaN where it is missing or no number."""
    try:
        return float(text(value))
    except ValueError:
        return math.nan


def integer(value: Any, default: int = 0) -> int:
    """An attribute as an integer; `default` where it is missing or no integer."""
    try:
        return int(text(value))
    except ValueError:
        return default


def moment(value: Any) -> datetime | None:
    """A time stamp (ISO 8601, or seconds since 1970) with its time zone, UTC where none is written; None if unset."""
    stamp = text(value)
    try:
        if stamp.isdigit():
            found = datetime.fromtimestamp(int(stamp), tz=timezone.utc)
        else:
            found = datetime.fromisoformat(_full_iso(stamp))
    except (ValueError, OverflowError, OSError):
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=timezone.utc)
    return found if found.year > 1970 else None


def _full_iso(stamp: str) -> str:
    """`stamp` as Python 3.10 reads it: no `Z`, and six digits of fraction."""
    stamp = stamp[:-1] + "+00:00" if stamp.endswith(("Z", "z")) else stamp
    head, dot, rest = stamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return head + dot + digits[:6].ljust(6, "0") + rest[len(digits):] if dot else stamp


def end_reason(value: Any) -> str:
    """The specification's name of an end reason given as its name or FAST5 number; `unknown` for anything else."""
    name = text(value).lower()
    if name.isdigit():
        return END_REASONS[int(name)] if int(name) < len(END_REASONS) else "unknown"
    return name if name in END_REASONS else "unknown"


def run_info(tag: Callable[[str], Any], **known: Any) -> RunInfo:
    """`RunInfo` of a run from its tags (`tag(name)` gives a value or None) and what is `known` beside them.

    A known value that is set wins over the tag.
    """
    fields: dict[str, Any] = {
        "run_id": text(known.get("run_id")) or text(tag("run_id")),
        "flow_cell_id": text(known.get("flow_cell_id")) or text(tag("flow_cell_id")),
        "flow_cell_product_code": (
            text(known.get("flow_cell_product_code")) or text(tag("flow_cell_product_code"))
            or _from_script(tag, "FLO-")
        ).upper(),
        "device_id": text(tag("device_id")) or text(known.get("device_id")),
        "device_type": (text(tag("device_type")) or text(known.get("device_type"))).lower(),
        "sample_id": text(known.get("sample_id")) or text(tag("sample_id")) or text(tag("user_filename_input")),
        "protocol_group_id": text(tag("protocol_group_id")) or text(known.get("experiment_name")),
        "sequencing_kit": (
            text(known.get("sequencing_kit")) or text(tag("sequencing_kit")) or _from_script(tag, "SQK-")
        ).upper(),
        "experiment_type": text(tag("experiment_type")) or text(tag("experiment_kit")),
        "start_time": known.get("start_time") or moment(tag("exp_start_time")),
        "software": text(tag("version")) or text(known.get("software")),
    }
    fields["experiment_id"] = text(tag("experiment_id")) or fields["protocol_group_id"]
    return RunInfo(**fields)


def _from_script(tag: Callable[[str], Any], prefix: str) -> str:
    """A flow cell or kit code out of the protocol's name (`..._FLO-MIN106_SQK-LSK108.py`), where old files keep it."""
    script = text(tag("exp_script_name"))
    for part in script.removesuffix(".py").replace("_", ":").replace("/", ":").split(":"):
        if part.upper().startswith(prefix):
            return part
    return ""
