"""Where the strand starts: cut off the open pore, the waiting complex and the adapter's leader."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WINDOW_S = 0.010
"""Seconds in a window: about four bases."""
SEARCH_S = 10.0
"""Seconds at the start of a read in which the strand must begin."""
LEADER_S = 0.15
"""Seconds after the waiting stretch in which the leader's peak must come."""
MOVING_WINDOWS = 4
"""The strand has begun when this many more windows move than wait; a slow strand also has quiet windows."""
QUIET = 0.25
"""A window is quiet (nothing moves) when its deviation is below this part of the strand's."""
OPEN = 5.0
"""A window is open pore when its median lies this many deviations above the strand's."""
PEAK, PEAK_SAMPLES = 2.4, 4
"""A window belongs to the leader's peak when this many samples lie `PEAK` deviations above the strand's median."""


def find_start(signal: npt.NDArray[np.float32], sampling_rate: float) -> int:
    """Samples to cut from the start of a read.

    A read begins with what is left of the open pore (high current), then the loaded complex that waits
    (one level, almost no noise), then the adapter's leader (a short peak), then the strand. The first
    two may last from nothing to seconds; the leader is missing from reads that the sequencer split.

    `signal` is (S,) float32 in pA. Returns 0 when the read begins within the strand. Never more than
    half of the read is cut.
    """
    window = max(1, round(WINDOW_S * sampling_rate))
    search = min(round(SEARCH_S * sampling_rate), signal.size // 2) // window
    if search == 0:
        return 0
    # The strand's own level and spread, from a stretch that waiting cannot reach.
    body = signal[search * window : 3 * search * window]
    middle = float(np.median(body))
    spread = 1.4826 * float(np.median(np.abs(body - middle)))
    if spread <= 0:
        return 0
    windows = signal[: search * window].reshape(search, window)

    idle = (windows.std(axis=1) < QUIET * spread) | (np.median(windows, axis=1) > middle + OPEN * spread)
    balance = np.concatenate(([0], np.cumsum(np.where(idle, 1, -1))))
    moving = np.flatnonzero(np.maximum.accumulate(balance) - balance >= MOVING_WINDOWS)
    waiting = int(np.argmax(balance[: moving[0]] if moving.size else balance))

    leader = round(LEADER_S * sampling_rate) // window
    high = (windows[waiting : waiting + leader] > middle + PEAK * spread).sum(axis=1) >= PEAK_SAMPLES
    peaks = np.flatnonzero(high)
    if peaks.size == 0:
        return waiting * window
    # The peak's end: the first window after its start that is no longer high.
    falls = np.flatnonzero(~high[peaks[0] :])
    length = int(falls[0]) if falls.size else high.size - int(peaks[0])
    return (waiting + int(peaks[0]) + length) * window
