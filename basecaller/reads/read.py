"""What a raw file holds, as plain data: one read's signal and everything known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Calibration:
    """How to turn the device's integers into current: pA = (raw + offset) * range / digitisation."""

    offset: float
    range: float
    digitisation: float

    @property
    def scale(self) -> float:
        """Picoamperes per integer step."""
        return self.range / self.digitisation


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is common to all reads of one run; fields that a file does not hold are empty."""

    run_id: str = ""
    flow_cell_id: str = ""
    flow_cell_product_code: str = ""
    device_id: str = ""
    device_type: str = ""
    sample_id: str = ""
    experiment_id: str = ""
    protocol_group_id: str = ""
    sequencing_kit: str = ""
    experiment_type: str = ""
    """As recorded by the sequencer: `genomic_dna`, `rna`, ..."""
    start_time: datetime | None = None
    """When acquisition of the run started (with time zone)."""
    software: str = ""


@dataclass(frozen=True, slots=True)
class ReadInfo:
    """All that is known about a read but its signal: light enough to travel to the output."""

    read_id: str
    calibration: Calibration
    sampling_rate: float
    """Samples per second."""
    num_samples: int
    path: str = ""
    """The file that the read came from, as opened."""
    run: RunInfo = field(default_factory=RunInfo)
    channel: int = 0
    mux: int = 0
    number: int = 0
    start_sample: int = 0
    """Samples from the start of the acquisition to the start of the read."""
    end_reason: str = ""
    """As the specification names it: `signal_positive`, `mux_change`, `unblock_mux_change`, ..., or `unknown`."""
    median_before: float = float("nan")
    """Median open-pore current before the read in pA, NaN when not recorded."""
    num_minknow_events: int = 0

    @property
    def duration(self) -> float:
        """Length of the read in seconds."""
        return self.num_samples / self.sampling_rate

    @property
    def start_time(self) -> datetime | None:
        """When the read started (with time zone), None when the run's start is not recorded."""
        if self.run.start_time is None:
            return None
        return self.run.start_time + timedelta(seconds=self.start_sample / self.sampling_rate)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One read: its signal as the device stored it, and its metadata."""

    info: ReadInfo
    signal: npt.NDArray[np.int16]
    """(S,) int16, uncalibrated."""

    @property
    def read_id(self) -> str:
        return self.info.read_id

    def picoamperes(self) -> npt.NDArray[np.float32]:
        """(S,) float32 current in pA."""
        calibration = self.info.calibration
        return (self.signal.astype(np.float32) + np.float32(calibration.offset)) * np.float32(calibration.scale)
