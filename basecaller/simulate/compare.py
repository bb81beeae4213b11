"""How close simulated signal is to real signal: the same bases simulated, aligned and measured in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basecaller.bases import kmers
from basecaller.errors import UsageError
from basecaller.labels.levels import KmerLevels
from basecaller.simulate.creep import before_steps
from basecaller.simulate.events import AlignedRead, Doubles, events_of
from basecaller.simulate.flicker import towards_before
from basecaller.simulate.learn import KnownRead, align_known, expected_levels
from basecaller.simulate.noise import noise_variogram
from basecaller.simulate.pore import PoreModel
from basecaller.simulate.squiggle import draw_traits, simulate_signal
from basecaller.simulate.timing import mean_dwell

BLOCK = 4096
"""Samples in a stretch of which a spectrum is taken."""
LAST = 16
"""Samples of events before the step, in which the current creeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One measured distribution or function."""

    title: str
    x_label: str
    x: Doubles
    y: Doubles
    log_x: bool = False
    log_y: bool = False


COLOURS = ("#1f6f8b", "#e07a3f")
"""Real, simulated."""
SEED = 0


def compare(known: Sequence[KnownRead], pore: PoreModel, path: str | Path) -> None:
    """Draw reads of known sequence beside their simulated twins into one HTML page.

    `UsageError` when none of the reads fits its sequence.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    levels = expected_levels(pore)
    real = align_known(known, levels)
    if not real:
        raise UsageError("none of the reads fits its known sequence")
    simulated = twins(real, pore, levels, np.random.default_rng(SEED))
    pairs = list(zip(curves(real, pore), curves(simulated, pore), strict=True))
    columns = 3
    figure = make_subplots(-(-len(pairs) // columns), columns, subplot_titles=[ours.title for ours, _ in pairs])
    for i, pair in enumerate(pairs):
        place = {"row": i // columns + 1, "col": i % columns + 1}
        for curve, name, colour in zip(pair, ("real", "simulated"), COLOURS, strict=True):
            figure.add_trace(go.Scatter(x=curve.x, y=curve.y, name=name, legendgroup=name, showlegend=i == 0,
                                        line={"color": colour}), **place)
        figure.update_xaxes(title_text=pair[0].x_label, type="log" if pair[0].log_x else "linear", **place)
        figure.update_yaxes(type="log" if pair[0].log_y else "linear", **place)
    figure.update_layout(template="simple_white", height=330 * -(-len(pairs) // columns),
                         title=f"{len(real)} real reads and {len(simulated)} simulated ones of the same bases")
    figure.write_html(str(path), include_plotlyjs=True)


def twins(
    reads: Sequence[AlignedRead], pore: PoreModel, levels: KmerLevels, rng: np.random.Generator,
    groups: Sequence[str] = (),
) -> list[AlignedRead]:
    """A simulated read for each real one, of the same bases and mean speed, aligned as real reads are.

    `groups` names the model's groups of reads; a read of none of them is given one at random.
    """
    known = []
    for read in reads:
        group = groups.index(read.group) if read.group in groups else int(rng.integers(len(pore.groups)))
        traits = dataclasses.replace(draw_traits(pore, rng), speed=pore.sampling_rate / mean_dwell(read),
                                     shift=read.shift, scale=read.scale, group=group)
        signal, _ = simulate_signal(pore, read.codes, rng, traits)
        known.append(KnownRead(read.read_id, read.group, signal, read.shift, read.scale, read.codes, read.leader,
                               pore.sampling_rate))
    return align_known(known, levels)


def curves(reads: Sequence[AlignedRead], pore: PoreModel) -> list[Curve]:
    """The measurements by which real and simulated reads are compared."""
    levels = pore.levels.astype(np.float64)
    events = events_of(reads, pore.k)
    mean = np.array([mean_dwell(read) for read in reads])
    signal = np.concatenate([read.signal[read.bounds[0] : read.bounds[-1]] for read in reads])
    residual = events.mean - levels[events.kmer]
    residual = residual[np.isfinite(residual)]
    rough = np.sqrt(events.roughness[np.isfinite(events.roughness) & (events.dwell >= 10)])
    relative = events.dwell / mean[events.read]
    frequency, power = spectrum(reads, pore)
    lags = np.arange(1, 201)
    variogram = noise_variogram(reads)
    return [
        _histogram("Current", "normalised", signal, np.linspace(-4, 4, 161)),
        _histogram("Dwell", "samples", events.dwell, np.arange(-0.5, 41.5), log_y=False),
        _histogram("Long dwells", "dwell over mean of the read", relative[relative > 0.5], np.geomspace(0.5, 100, 60),
                   log_x=True, log_y=True),
        _histogram("Events about their level", "normalised", residual, np.linspace(-1, 1, 101), log_y=True),
        _histogram("Roughness within events", "deviation of neighbouring samples", rough, np.linspace(0, 0.5, 101)),
        _histogram("Long events", "their level 0, the level before 1",
                   towards_before(reads, events, levels[events.kmer]), np.linspace(-1, 2, 91), log_y=True),
        Curve("Before steps", "samples left of the event", np.arange(1.0, LAST + 1),
              before_steps(reads, events, levels[events.kmer], LAST)),
        Curve("Noise within calm events", "lag, samples", np.arange(1.0, len(variogram)), variogram[1:]),
        Curve("Spectrum of what levels leave", "Hz", frequency, power, log_x=True, log_y=True),
        Curve("Autocorrelation of the current", "lag, samples", lags.astype(np.float64), _autocorrelation(reads, lags)),
        _histogram("Distance from the levels", "mean over 25 bases", _distances(reads, levels, pore.k),
                   np.linspace(0, 0.6, 61)),
    ]


def _distances(reads: Sequence[AlignedRead], levels: Doubles, k: int) -> Doubles:
    """Mean absolute residual of samples in windows of 25 k-mers."""
    out = []
    for read in reads:
        size = np.abs(_residual(read, levels, k))
        steps = read.bounds[:-1:25] - read.bounds[0]
        sums = np.add.reduceat(size, np.minimum(steps, len(size) - 1))[:-1]
        out.append(sums / np.maximum(np.diff(steps), 1))
    return np.concatenate(out)


def _residual(read: AlignedRead, levels: Doubles, k: int) -> Doubles:
    expected = np.repeat(levels[kmers(read.codes, k)], np.diff(read.bounds))
    return np.asarray(read.signal[read.bounds[0] : read.bounds[-1]] - expected, np.float64)


def spectrum(reads: Sequence[AlignedRead], pore: PoreModel) -> tuple[Doubles, Doubles]:
    """Power spectral density of signal less levels: frequencies (Hz) and power, averaged into octaves' fifths."""
    window = np.hanning(BLOCK)
    power, count = np.zeros(BLOCK // 2 + 1), 0
    for read in reads:
        rest = np.clip(_residual(read, pore.levels.astype(np.float64), pore.k), -1.0, 1.0)
        for begin in range(0, len(rest) - BLOCK, BLOCK):
            power += np.abs(np.fft.rfft(rest[begin : begin + BLOCK] * window)) ** 2
            count += 1
    power /= max(count, 1) * (window**2).sum() * pore.sampling_rate / 2
    frequency = np.fft.rfftfreq(BLOCK, 1 / pore.sampling_rate)
    edges = np.unique(np.geomspace(1, BLOCK // 2, 50).astype(int))
    return frequency[edges[:-1]], np.add.reduceat(power, edges)[:-1] / np.diff(edges)


def _autocorrelation(reads: Sequence[AlignedRead], lags: npt.NDArray[np.int64]) -> Doubles:
    total, norm = np.zeros(len(lags)), 0.0
    for read in reads:
        signal = read.signal[read.bounds[0] : read.bounds[-1]].astype(np.float64)
        signal = np.clip(signal - signal.mean(), -4, 4)
        size = 1 << int(np.ceil(np.log2(2 * len(signal))))
        total += np.fft.irfft(np.abs(np.fft.rfft(signal, size)) ** 2)[lags]
        norm += float((signal**2).sum())
    return total / max(norm, 1e-9)


def _histogram(title: str, label: str, values: npt.NDArray[Any], edges: npt.NDArray[Any], *,
               log_x: bool = False, log_y: bool = False) -> Curve:
    counts, _ = np.histogram(values, edges)
    middle = np.sqrt(edges[1:] * edges[:-1]) if log_x else (edges[1:] + edges[:-1]) / 2
    return Curve(title, label, middle, counts / max(len(values), 1) / np.diff(edges), log_x, log_y)
