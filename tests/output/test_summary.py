"""sequencing_summary.tsv: the columns of the specification, in its order, then our own."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from basecaller.decode.call import Call
from basecaller.output import SummaryWriter, settings_of

MakeCall = Callable[..., Call]

# ont-output-specifications, read_data/sequencing_summary, version 1.1
SPECIFIED = [
    "input_filename", "batch_id", "parent_read_id", "read_id", "run_id", "channel", "mux", "minknow_events",
    "start_time", "duration", "passes_filtering", "template_start", "num_events_template", "template_duration",
    "sequence_length_template", "mean_qscore_template", "pore_type", "experiment_id", "sample_id", "end_reason",
]  # fmt: skip


def test_columns_and_values(tmp_path: Path, make_call: MakeCall) -> None:
    call = make_call(2, length=40)
    trimmed = dataclasses.replace(call, front_adapter=28, back_adapter=11)
    path = tmp_path / "summary.tsv"
    with SummaryWriter(path, min_qscore=call.mean_qscore + 1, settings="model=m trim=adapters") as writer:
        writer.write(trimmed)
    with path.open(newline="") as handle:
        reader = csv.DictReader(handle, delimiter="\t")
        [row] = list(reader)
    assert reader.fieldnames == [*SPECIFIED, "adapter_bases_start", "adapter_bases_end", "called_with"]
    samples = 3 * 121 + 112  # of make_call: 121 steps of 3 samples, 110 trimmed and 2 left over
    assert (row["read_id"], row["channel"], row["sample_id"]) == (call.info.read_id, "102", "phage 7")
    assert (float(row["start_time"]), float(row["duration"])) == (10000 / 4000, pytest.approx(samples / 4000, abs=1e-6))
    assert float(row["template_start"]) == pytest.approx((10000 + 110) / 4000)
    assert float(row["template_duration"]) == pytest.approx((samples - 110) / 4000, abs=1e-6)
    assert int(row["num_events_template"]) == (samples - 110) // 3
    assert (row["sequence_length_template"], row["passes_filtering"]) == ("40", "FALSE")
    assert (row["adapter_bases_start"], row["adapter_bases_end"]) == ("28", "11")
    assert row["called_with"] == "model=m trim=adapters"
    assert settings_of(path) == {"model=m trim=adapters"}


def test_settings_of_what_a_kill_left(tmp_path: Path, make_call: MakeCall) -> None:
    path = tmp_path / "summary.tsv"
    with SummaryWriter(path) as writer:
        writer.write(make_call(1))
        writer.write(make_call(2))
    whole = path.read_bytes()
    for size in (0, 10, whole.index(b"\n") + 1, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:size])
        assert settings_of(path) == (frozenset() if size <= whole.index(b"\n") + 1 else {"model=r9.4.1"})
