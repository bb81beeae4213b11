"""Calls made by hand for the writers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from basecaller.decode.call import Call
from basecaller.decode.quality import mean_qscore
from basecaller.reads.read import Calibration, ReadInfo, RunInfo
from basecaller.signal.scale import Scaling

RUN = RunInfo(
    run_id="a3f0c2d1",
    flow_cell_id="FAK12345",
    flow_cell_product_code="FLO-MIN106",
    device_id="MN24598",
    sample_id="phage 7",
    experiment_id="exp1",
    start_time=datetime(2021, 5, 4, 12, 30, 15, 250000, tzinfo=timezone(timedelta(hours=2))),
)

MakeCall = Callable[..., Call]


@pytest.fixture
def make_call() -> MakeCall:
    """A function that makes one call: `make_call(number, length=..., sequence=..., run=..., read_id=...)`."""

    def make(
        number: int = 0, *, length: int = 60, sequence: str | None = None, run: RunInfo = RUN, read_id: str = "",
        **info: object,
    ) -> Call:
        rng = np.random.default_rng(number)
        if sequence is None:
            sequence = "".join(rng.choice(list("ACGT"), length))
        moves = np.zeros(3 * len(sequence) + 1, dtype=np.uint8)
        moves[np.sort(rng.choice(len(moves), len(sequence), replace=False))] = 1
        qualities = rng.integers(1, 51, len(sequence)).astype(np.uint8)
        fields: dict[str, object] = {
            "num_samples": 3 * len(moves) + 112,
            "path": "/somewhere/run 1/reads.fast5",
            "channel": 100 + number,
            "mux": 3,
            "number": 7000 + number,
            "start_sample": 5000 * number,
            "end_reason": "signal_positive",
        }
        return Call(
            info=ReadInfo(
                read_id=read_id or f"{number:08x}-0000-4000-8000-000000000000",
                calibration=Calibration(offset=4.0, range=1400.0, digitisation=8192.0),
                sampling_rate=4000.0,
                run=run,
                **{**fields, **info},  # type: ignore[arg-type]
            ),
            sequence=sequence,
            qualities=qualities,
            moves=moves,
            stride=3,
            trimmed=110,
            scaling=Scaling(shift=91.25, scale=13.5, method="med_mad"),
            model="r9.4.1",
            mean_qscore=mean_qscore(qualities),
        )

    return make
