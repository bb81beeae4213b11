"""How fast raw files are read: samples per second, CPU time and peak memory, by format.

    python benchmarks/reading.py [PATH...]

reads the files or folders given, or, without any, files that it writes: the same reads (random levels of nine samples
with noise) in every format, and 1,000 tiny ones. `MiB` is the memory of the
process that asks for reads, `MiB read` that of the one that opens the files for it; both share the CPU time.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "reads"))

from raw_files import make_read, write_multi_fast5, write_pod5, write_single_fast5, write_slow5

from basecaller.reads.read import Read
from basecaller.reads.source import open_reads

READS, SAMPLES = 200, 100_000
TINY_READS, TINY_SAMPLES = 1_000, 400


def write_singles(folder: Path, reads: Sequence[Read]) -> None:
    folder.mkdir()
    for read in reads:
        write_single_fast5(folder / f"{read.read_id}.fast5", read, "gzip")


SETS: dict[str, Callable[[Path, Sequence[Read]], object]] = {
    "multi_gzip.fast5": lambda path, reads: write_multi_fast5(path, reads, "gzip"),
    "multi_vbz.fast5": lambda path, reads: write_multi_fast5(path, reads, "vbz"),
    "single_gzip_fast5": write_singles,
    "reads.pod5": write_pod5,
    "reads.blow5": write_slow5,
}


def measure(path: Path) -> None:
    """Read everything below `path` and print one row."""
    start = time.perf_counter()
    reads = samples = 0
    source = open_reads(path)
    for read in source:
        reads += 1
        samples += read.info.num_samples
    seconds = time.perf_counter() - start
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    busy = sum(use.ru_utime + use.ru_stime for use in uses)
    process = uses[1].ru_maxrss >> 10
    print(f"{path.name:24} {reads:6} {samples / 1e6:9.1f} {seconds:8.2f} {busy:6.2f} {samples / seconds / 1e6:6.1f} "
          f"{reads / seconds:8.0f} {_own_peak():6} {process:8} {len(source.quarantine):6}", flush=True)


def _own_peak() -> int:
    """Peak memory of this process in MiB; `ru_maxrss` would count that of the process it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) >> 10
    return 0


def measure_alone(path: Path) -> None:
    """Measure in a fresh process, whose memory and CPU time are those of reading."""
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(path,))
    process.start()
    process.join()


def main() -> None:
    print(f"{'':24} {'reads':>6} {'M samples':>9} {'seconds':>8} {'CPU s':>6} {'M/s':>6} {'reads/s':>8} "
          f"{'MiB':>6} {'MiB read':>8} {'aside':>6}")
    if len(sys.argv) > 1:
        for name in sys.argv[1:]:
            measure_alone(Path(name))
        return
    with tempfile.TemporaryDirectory() as folder:
        for prefix, count, length in (("", READS, SAMPLES), ("tiny_", TINY_READS, TINY_SAMPLES)):
            reads = [make_read(seed, length) for seed in range(count)]
            for name, write in SETS.items():
                write(Path(folder, prefix + name), reads)
                measure_alone(Path(folder, prefix + name))


if __name__ == "__main__":
    main()
