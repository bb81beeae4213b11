"""A whole simulated run: reads with signal, calibration and metadata as a MinION would have recorded them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np

from basecaller import __version__
from basecaller.bases import Codes, encode, reverse_complement
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo
from basecaller.simulate.pore import Floats, PoreModel
from basecaller.simulate.squiggle import draw_traits, simulate_signal

ADAPTER = "AATGTACTTCGTTCAGTTACGTATTGCT"
"""The strand of the ligation kits' adapter (SQK-LSK108, SQK-LSK109) that goes through the pore before the DNA."""
CHANNELS = 512
DIGITISATION = 8192.0
SHORTEST = 200
"""Bases of the shortest read."""
LENGTH_SHAPE = 3.0
"""Read lengths follow a gamma distribution of this shape, about that of a ligation library of sheared DNA."""
GAP_SAMPLES = 8000.0
"""Mean samples for which a channel stands open between two reads."""
OPEN_END = 3
"""Samples of open pore after the strand, at most."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a simulated read comes from."""

    contig: str
    start: int
    """0-based, on the contig's forward strand."""
    end: int
    """Half-open; beyond the contig's length where a read runs over the origin of a circle."""
    strand: str
    """`+` or `-`."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRead:
    """A read and the truth about it."""

    read: Read
    origin: Origin
    codes: Codes
    """(L,) the bases, without the adapter, in the direction in which they went through the pore."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to simulate."""

    read_length: float = 5000.0
    """Mean, bases."""
    coverage: float | None = 30.0
    """Times that each base of the genome is read, on average; None where `reads` says how many."""
    reads: int | None = None
    circular: bool = False
    """Whether the contigs are circles: reads then run over their origins."""
    seed: int = 1
    sample: str = "simulated"
    """Sample id."""


def simulate_run(pore: PoreModel, contigs: dict[str, Codes], plan: RunPlan) -> Iterator[SimulatedRead]:
    """The reads of a run, in the order in which they start on their channels; the same for the same seed."""
    rng = np.random.default_rng(plan.seed)
    run = _run_info(plan, rng)
    clocks = np.zeros(CHANNELS + 1, np.int64)
    numbers = np.zeros(CHANNELS + 1, np.int64)
    offsets = rng.integers(-20, 40, CHANNELS + 1)
    spans = float(rng.normal(1470.0, 20.0))
    names = list(contigs)
    sizes = np.array([len(contigs[name]) for name in names], np.float64)
    left = plan.coverage * sizes.sum() if plan.reads is None and plan.coverage is not None else np.inf
    count = 0
    while left > 0 and (plan.reads is None or count < plan.reads):
        origin, codes = _draw(contigs, names[int(rng.choice(len(names), p=sizes / sizes.sum()))], plan, rng)
        current = read_current(pore, codes, rng)
        channel = int(rng.integers(1, CHANNELS + 1))
        start = int(clocks[channel] + rng.exponential(GAP_SAMPLES))
        calibration = Calibration(float(offsets[channel]), spans, DIGITISATION)
        raw = np.clip(np.rint(current / calibration.scale - calibration.offset), -32768, 32767).astype(np.int16)
        clocks[channel] = start + len(raw)
        numbers[channel] += 1
        yield SimulatedRead(Read(ReadInfo(
            read_id=_uuid(rng),
            calibration=calibration,
            sampling_rate=pore.sampling_rate,
            num_samples=len(raw),
            run=run,
            channel=channel,
            mux=1 + channel % 4,
            number=int(numbers[channel]),
            start_sample=start,
            end_reason="signal_positive",
            median_before=float(current[:1].item()),
            num_minknow_events=len(codes),
        ), raw), origin, codes)
        left -= len(codes)
        count += 1


def read_current(pore: PoreModel, codes: Codes, rng: np.random.Generator) -> Floats:
    """(S,) current in pA of a read of these bases: open pore, waiting complex, leader, adapter, strand, open pore."""
    traits = draw_traits(pore, rng)
    parts = []
    opened = 0.0
    for level, level_deviation, noise, log_mean, log_deviation in pore.leader.tolist():
        samples = max(1, round(float(np.exp(rng.normal(log_mean, log_deviation)))))
        plateau = rng.normal(level, level_deviation) + noise * rng.standard_normal(samples)
        opened = max(opened, float(plateau[0]))
        parts.append(plateau.astype(np.float32))
    strand, _ = simulate_signal(pore, np.concatenate([encode(ADAPTER), codes]), rng, traits)
    parts += [strand, np.full(int(rng.integers(0, OPEN_END + 1)), opened, np.float32)]
    return traits.current(np.concatenate(parts))


def _draw(contigs: dict[str, Codes], name: str, plan: RunPlan, rng: np.random.Generator) -> tuple[Origin, Codes]:
    """A stretch of a contig, from either strand."""
    contig = contigs[name]
    wanted = max(SHORTEST, round(rng.gamma(LENGTH_SHAPE, plan.read_length / LENGTH_SHAPE)))
    length = min(wanted, len(contig))
    start = int(rng.integers(0, len(contig) if plan.circular else len(contig) - length + 1))
    codes = np.take(contig, np.arange(start, start + length), mode="wrap")
    forward = rng.random() < 0.5
    return Origin(name, start, start + length, "+" if forward else "-"), codes if forward else reverse_complement(codes)


def _run_info(plan: RunPlan, rng: np.random.Generator) -> RunInfo:
    return RunInfo(
        run_id=rng.bytes(20).hex(),
        flow_cell_id=f"SIM{plan.seed % 100000:05d}",
        flow_cell_product_code="FLO-MIN106",
        device_id="SIMULATED",
        device_type="minion",
        sample_id=plan.sample,
        experiment_id=plan.sample,
        protocol_group_id=plan.sample,
        sequencing_kit="SQK-LSK109",
        experiment_type="genomic_dna",
        start_time=datetime(2024, 1, 1, tzinfo=timezone.utc),
        software=f"basecaller {__version__}",
    )


def _uuid(rng: np.random.Generator) -> str:
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))

