"""Read thousands of damaged raw files, until told to stop; not part of the test suite.

    python tests/fuzz/readers.py [--mutants 1000] [--seed 0] [--keep FOLDER]

makes so many mutants of each of eight small base files and reads them all. Prints how they ended and the slowest;
a mutant that breaks a rule is kept. Exit status 1 if any did.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reads"))

import numpy as np
from mutants import check, mutate, write_bases

from basecaller.errors import ReadError
from basecaller.reads.isolated import IsolatedReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000, help="mutants of each base file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other mutants (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for mutants that break a rule")
    args = parser.parse_args()
    failures = 0
    slowest: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as folder, IsolatedReader(patience=2.0) as reader:
        for position, base in enumerate(write_bases(Path(folder))):
            good = base.read_bytes()
            whole = len(list(reader.read(base)))
            ends: Counter[str] = Counter()
            for number in range(args.mutants):
                data = mutate(np.random.default_rng([args.seed, position, number]), good)
                mutant = base.with_stem("mutant")
                mutant.write_bytes(data)
                start = time.monotonic()
                try:
                    items = list(reader.read(mutant))
                    check(items)
                except Exception as error:
                    failures += 1
                    args.keep.mkdir(parents=True, exist_ok=True)
                    kept = args.keep / f"{base.stem}_{args.seed}_{number}{base.suffix}"
                    kept.write_bytes(data)
                    print(f"{kept}: {type(error).__name__}: {error}", flush=True)
                    continue
                slowest.append((time.monotonic() - start, f"{base.name} {number}"))
                errors = [item.reason for item in items if isinstance(item, ReadError)]
                ends["all reads" if not errors and len(items) == whole else "some" if len(errors) < len(items)
                     else "no read"] += 1
                for kind in ("crashes", "gives up", "does not end"):
                    ends[kind] += any(kind in reason for reason in errors)
            print(f"{base.name:16} {dict(ends)}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(slowest)[-5:][::-1]))
    print(f"{failures} broke a rule; peak memory of a reading process {peak} MiB")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
