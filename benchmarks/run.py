"""How fast each step is, and how much memory calling takes: the figures of the README's table.

    python benchmarks/run.py [READS ...] [--model r9.4.1] [--device cpu] [--threads 2] [--repeat 3]
        [--precision bfloat16]

Without READS, a run is simulated first. Every step is timed `--repeat` times; medians are printed, with the spread.
The network's and the decoder's figures count the samples of the chunks they are given.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from basecaller.calling import available_cores
from basecaller.decode import decode_batch
from basecaller.device import PRECISIONS, Runner, find_devices
from basecaller.model.store import load_model
from basecaller.reads.source import open_reads
from basecaller.signal.prepare import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reads", nargs="*", help="raw files or folders (default: a simulated run)")
    parser.add_argument("--model", default="r9.4.1", help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=available_cores(), help="default: all cores")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=3, help="default: %(default)s")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        reads = args.reads or [simulated(Path(scratch))]
        measure(reads, args, Path(scratch))


def simulated(scratch: Path) -> str:
    """A run of 6 million samples or so."""
    run = scratch / "run"
    subprocess.run(["basecaller", "simulate", "--genome-length", "20000", "--coverage", "30", "--seed", "1",
                    "-o", str(run)], check=True)
    return str(run)


def measure(paths: list[str], args: argparse.Namespace, scratch: Path) -> None:
    """Time every step on the same reads and print a table."""
    torch.set_num_threads(1)  # as `basecall` does, which runs a batch on each core
    model = load_model(args.model)
    config = model.config
    device = find_devices(args.device)[0]
    runner = Runner(model.network, device, config.signal.chunk, precision=args.precision)
    parameters = sum(weight.numel() for weight in model.network.parameters())
    print(f"{platform.machine()}, {device}, torch {torch.__version__}, {model.name} ({parameters:,} parameters)\n")

    reads = list(open_reads(paths))
    samples = sum(read.signal.size for read in reads)
    shape = (runner.batch_size, 1, config.signal.chunk)
    signal = np.concatenate([prepare(read, config.signal).signal for read in reads])
    batch = np.resize(signal, shape)  # over again from the start where there are too few samples
    scores = runner.scores(batch)
    row("step", "samples/s", "spread")
    row("---", "---:", "---:")
    for name, count, step in (
        ("reading", samples, lambda: sum(1 for _ in open_reads(paths))),
        ("trimming and scaling", samples, lambda: [prepare(read, config.signal) for read in reads]),
        (f"network, one {'core' if device.type == 'cpu' else 'device'}", batch.size, lambda: runner.scores(batch)),
        ("decoding, one core", batch.size, lambda: decode_batch(scores, config.network, config.decode)),
    ):
        rates = [count / seconds(step) for _ in range(args.repeat + 1)][1:]  # the first warms up
        row(name, *shown(rates))
    command = ["basecall", *paths, "--model", args.model, "--device", args.device, "--precision", args.precision,
               "--threads", str(args.threads)]
    runs = [child([*command, "-o", str(scratch / f"calls{number}.bam")]) for number in range(args.repeat)]
    row(f"`basecall`, start to end, {args.threads} threads", *shown([samples / wall for wall, _ in runs]))
    peak = statistics.median(memory for _, memory in runs)
    print(f"\n{samples:,} samples in {len(reads):,} reads; peak memory of `basecall` {peak:,.0f} MB")


def seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def child(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of a command, of it and the processes that it waited for."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def shown(rates: list[float]) -> tuple[str, str]:
    median = statistics.median(rates)
    return f"{median:,.0f}", f"±{(max(rates) - min(rates)) / 2 / median:.0%}"


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
