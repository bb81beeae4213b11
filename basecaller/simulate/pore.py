"""What is known about a pore: current levels, dwell times and noise, as numbers learnt from aligned reads.

Levels are in the pore's own units, in which the levels of all k-mers have mean 0 and deviation 1; a read's shift and
scale (pA) take them to current. The shipped models, `r9.4.1.npz` and `r10.4.1.npz` beside this file, are made by
`basecaller simulate learn` from labelled reads; nothing in them comes from a published table.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.errors import UsageError

Floats = npt.NDArray[np.float32]

FORMAT = 4
SHIPPED = Path(__file__).parent
LONGEST_EXACT = 4**8
"""Tables of more k-mers are kept as float16, whose rounding (0.001 at the extreme levels) is far below all noise."""
SPREAD_FREEDOM = 4.0
"""Degrees of freedom of the events' offsets: most are small, a few are large."""


@dataclass(frozen=True, slots=True, eq=False)
class PoreModel:
    """A pore, its motor and its amplifier."""

    k: int
    sampling_rate: float
    """Samples per second."""
    levels: Floats
    """(4**k,) mean current of each k-mer, k-mers in lexicographic order."""
    groups: Floats
    """(G, 4**k) how the levels of each group of reads learnt from (flow cell, methylation) differ from `levels`."""
    pairs: npt.NDArray[np.int64]
    """(P, 2) pairs of bases of which one at least lies outside the k-mer, as offsets from its first base..."""
    pair_levels: Floats
    """(P, 16) ... and what each of the 16 pairs adds to the level."""
    spread: Floats
    """(4**k,) scale of an event's own offset from the k-mer's level (Student's t with `SPREAD_FREEDOM` degrees)."""
    noise: Floats
    """(4**k,) deviation of the samples within an event, but for `noise_factor`."""
    noise_factor: Floats
    """(Q,) an event's noise over that of its k-mer: quantiles, evenly spaced from 0 to 1."""
    noise_kernel: Floats
    """(M,) filter that gives white noise the colour of the noise within events; its squares sum to 1."""
    drift_sd: Floats
    """(D,) deviations of the slow wanderings of the level..."""
    drift_samples: Floats
    """(D,) ... and the times over which they persist, samples."""
    dwell: Floats
    """(Q,) dwell time of a base over the mean of its read and context: its quantiles, evenly spaced from 0 to 1."""
    motor: Floats
    """(B, 4) what each base in the motor adds to the log of the dwell time..."""
    motor_offset: int
    """... the first of them this far behind the base in the centre of the k-mer."""
    speed: Floats
    """(2,) mean and deviation over reads of log(bases per second)."""
    speed_drift: Floats
    """(2,) deviation of log speed within a read, and the bases over which it persists."""
    stall: Floats
    """(3,) stalls per base; mean and deviation of the log of their samples."""
    flicker: Floats
    """(2,) excursions per base to the level before and to the level after."""
    flicker_samples: float
    """Mean samples of an excursion."""
    held: float
    """Samples before it steps on in which a strand hardly slips any more: the rate of excursions falls as 1 less the
    exponential of the time that is left over this."""
    flicker_motor: Floats
    """(B, 4) what each base in the motor, as in `motor`, adds to the log of the rate of excursions."""
    flicker_spread: float
    """Deviation over events of the log of that rate, beside what the motor's bases say."""
    read_flicker: float
    """Deviation over reads of the log of `flicker`."""
    creep: Floats
    """(2, 4**k) how far each k-mer's current moves after the strand has stepped there and before it steps on, in units
    of the levels (see `creep.profiles`)."""
    read_creep: float
    """Deviation over reads of the log of `creep`."""
    skip: Floats
    """(3,) bases that pass within a sample, as a share of all; deviation over reads of the log of that share; and the
    share of them that are followed by another."""
    read_shift: Floats
    """(2,) mean and deviation over reads of the shift (pA)."""
    read_scale: Floats
    """(2,) mean and deviation over reads of the scale (pA)."""
    read_noise: float
    """Deviation over reads of the log of the noise."""
    leader: Floats
    """(P, 5) plateaus before the strand, in order: level, its deviation over reads, deviation of its samples, mean and
    deviation of the log of its duration in samples."""

    @property
    def centre(self) -> int:
        """The base of a k-mer to which the k-mer's stretch of signal is attributed (0-based)."""
        return self.k // 2

    @property
    def deviation(self) -> Floats:
        """(4**k,) deviation of single samples from the level of their k-mer, all kinds of noise together."""
        spread = self.spread**2 * (SPREAD_FREEDOM / (SPREAD_FREEDOM - 2))
        noise = self.noise**2 * (self.noise_factor**2).mean()
        return np.asarray(np.sqrt(spread + noise + (self.drift_sd**2).sum()), np.float32)

    def save(self, path: str | Path) -> None:
        """Write as .npz, to be read by `load_pore`."""
        fields: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        with Path(path).open("wb") as handle:
            np.savez_compressed(handle, format=FORMAT, **{name: _compact(value) for name, value in fields.items()})


def load_pore(name_or_path: str | Path = "r9.4.1") -> PoreModel:
    """A pore model that comes with the package (by name) or one of your own (by path of its .npz).

    `UsageError` when there is none such or the file is no pore model.
    """
    path = find_file(name_or_path, ".npz", "pore model")
    try:
        with np.load(path, allow_pickle=False) as table:
            if int(table["format"]) != FORMAT:
                raise UsageError(f"{path}: pore model of format {int(table['format'])}, this version reads {FORMAT}")
            values = {field.name: _value(table[field.name], str(field.type)) for field in dataclasses.fields(PoreModel)}
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: not a pore model made by `basecaller simulate learn` ({error})") from None
    return PoreModel(**values)


def find_file(name_or_path: str | Path, suffix: str, what: str) -> Path:
    """The file of that suffix that comes with the package under a name, or one's own; `UsageError` without either."""
    for path in (SHIPPED / f"{name_or_path}{suffix}", Path(name_or_path)):
        if path.is_file():
            return path
    known = ", ".join(sorted(file.stem for file in SHIPPED.glob(f"*{suffix}")))
    raise UsageError(f"no {what} {str(name_or_path)!r}: neither a file nor one that is shipped ({known})")


def _compact(value: Any) -> Any:
    large = isinstance(value, np.ndarray) and value.dtype == np.float32 and value.size > LONGEST_EXACT
    return value.astype(np.float16) if large else value


def _value(array: npt.NDArray[Any], kind: str) -> Any:
    if kind == "int":
        return int(array)
    if kind == "float":
        return float(array)
    return array.astype(np.float32 if kind == "Floats" else np.int64)
