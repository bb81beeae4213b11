"""From a read as stored to the numbers that the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.model.config import SignalConfig
from basecaller.reads.read import Read, ReadInfo
from basecaller.signal.scale import METHODS, Scaling
from basecaller.signal.trim import find_start


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A read ready for the network."""

    info: ReadInfo
    signal: npt.NDArray[np.float32]
    """(S - trimmed,) float32, normalised."""
    trimmed: int
    """Samples cut from the start."""
    scaling: Scaling


def prepare(read: Read, config: SignalConfig) -> Prepared:
    """Calibrate, trim and scale a read.

    Raises `ReadError` when there is nothing to call: no samples, or a calibration that gives no finite current.
    """
    info = read.info
    if read.signal.size == 0:
        raise ReadError("has no samples", info.path, info.read_id)
    calibration = info.calibration
    if not (np.isfinite(calibration.offset) and np.isfinite(calibration.scale) and calibration.scale > 0):
        raise ReadError("its calibration (offset, range, digitisation) is not usable", info.path, info.read_id)
    if not (np.isfinite(info.sampling_rate) and info.sampling_rate > 0):
        raise ReadError(f"its sampling rate is {info.sampling_rate}", info.path, info.read_id)
    current = read.picoamperes()
    start = find_start(current, info.sampling_rate)
    strand = current[start:]
    scaling = METHODS[config.scaling](strand)
    return Prepared(info, scaling.apply(strand), start, scaling)
