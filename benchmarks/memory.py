"""Peak memory of `basecall` on runs of very different shape: it should be that of a batch and the longest read.

    python benchmarks/memory.py [--model r9.4.1] [--device cpu] [--threads 2]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from uuid import UUID

import numpy as np
from run import child, row

from basecaller.calling import available_cores
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.simulate.write_pod5 import Pod5Writer

SHAPES = {
    "100 reads of 20,000 samples": (100, 20_000),
    "1,000 reads of 20,000 samples": (1_000, 20_000),
    "10,000 reads of 2,000 samples": (10_000, 2_000),
    "one read of 2,000,000 samples": (1, 2_000_000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="r9.4.1", help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=available_cores(), help="default: all cores")
    args = parser.parse_args()
    row("run", "samples/s", "peak memory, MB")
    row("---", "---:", "---:")
    for name, (reads, samples) in SHAPES.items():
        with tempfile.TemporaryDirectory() as scratch:
            write_run(Path(scratch, "run"), reads, samples)
            wall, memory = child([
                "basecall", str(Path(scratch, "run")), "-o", str(Path(scratch, "calls.bam")), "--quiet",
                "--model", args.model, "--device", args.device, "--threads", str(args.threads),
            ])
        row(name, f"{reads * samples / wall:,.0f}", f"{memory:,.0f}")


def write_run(folder: Path, reads: int, samples: int) -> None:
    """POD5 files of 1,000 reads of random levels, nine samples each."""
    rng = np.random.default_rng(1)
    with Pod5Writer(folder, per_file=1_000) as writer:
        for number in range(reads):
            signal = np.repeat(rng.integers(300, 700, samples // 9 + 1), 9)[:samples].astype(np.int16)
            info = ReadInfo(str(UUID(int=number)), Calibration(6.0, 1444.86, 8192.0), 4000.0, samples)
            writer.write(Read(info, signal))


if __name__ == "__main__":
    main()
