"""What makes a read usable: one place for all formats, so that each is refused for the same reasons."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.reads.metadata import text
from basecaller.reads.read import Calibration, Read, ReadInfo

MAX_SAMPLES = 1 << 27
"""Longest read accepted: 7.5 hours at 5 kHz. Sequencers break reads at every mux scan (1.5 h)."""

SAMPLING_RATES = (500.0, 50_000.0)
"""Samples per second that a nanopore device can have (known: 3000 to 5000)."""

SCALES = (1e-5, 1e3)
"""pA per integer step that a device can have (known: 0.14 to 0.18)."""

MAX_OFFSET = 1e6

NAME = re.compile(r"[!-?A-~]{1,254}")
"""Read names that FASTQ and SAM can carry (QNAME of the SAM specification, 1.4)."""


def check_name(read_id: str) -> None:
    """Raise `ReadError` for a read id that no output could carry."""
    if not read_id:
        raise ReadError("has no read id")
    if not NAME.fullmatch(read_id):
        raise ReadError(f"its read id {read_id[:80]!r} cannot be a read name in FASTQ or SAM")


def check_length(num_samples: int, stored_bytes: int | None = None) -> None:
    """Raise `ReadError` where the declared length is none, absurd, or more than the stored bytes can hold.

    A thousand to one is what the compressions reach on constant signal.
    """
    if num_samples <= 0:
        raise ReadError("has no signal (0 samples)")
    if num_samples > MAX_SAMPLES:
        raise ReadError(f"declares {num_samples} samples; no read has more than {MAX_SAMPLES}")
    if stored_bytes is not None and num_samples > 1000 * stored_bytes:
        raise ReadError(f"declares {num_samples} samples but only {stored_bytes} bytes of signal are stored")


def checked(info: ReadInfo, signal: npt.NDArray[np.int16]) -> Read:
    """The read, when everything that calling needs is sound.

    Raises `ReadError` (without a path) naming what is not.
    """
    check_name(info.read_id)
    check_length(len(signal))
    check_calibration(info.calibration)
    if not SAMPLING_RATES[0] <= info.sampling_rate <= SAMPLING_RATES[1]:
        raise ReadError(f"its sampling rate is {_shown(info.sampling_rate)}; "
                        f"devices have {SAMPLING_RATES[0]:g} to {SAMPLING_RATES[1]:g} Hz")
    return Read(info, signal)


def check_calibration(calibration: Calibration) -> None:
    """Raise `ReadError` where raw integers could not be turned into pA."""
    for name in ("offset", "range", "digitisation"):
        value = getattr(calibration, name)
        if not math.isfinite(value) or (name != "offset" and value <= 0):
            raise ReadError(f"its calibration is unusable: {name} is {_shown(value)}")
    if not SCALES[0] <= calibration.scale <= SCALES[1] or abs(calibration.offset) > MAX_OFFSET:
        raise ReadError(f"its calibration is absurd: offset {calibration.offset:g}, "
                        f"{calibration.scale:g} pA per step")


def complaint(error: Exception) -> str:
    """What a library raised, as a reason."""
    if isinstance(error, MemoryError):
        return "cannot be read: it asks for far more memory than a file of its size can need"
    return f"cannot be read: {text(str(error)) or type(error).__name__}"


def _shown(value: float) -> str:
    return "missing or no number" if math.isnan(value) else f"{value:g}"
