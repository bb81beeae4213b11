"""List what will be called, read by read, split into batches of equal work.

The table has a row per read: what is cut from its start, its scaling, its chunks, and its batch (from 0 on);
reads and files that cannot be used stand at its end with the reason. `basecall --segments TABLE --batch K` calls
one batch; the batches' outputs, one after another, are what one `basecall` of everything gives.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller segment`."""
    parser.add_argument("reads", nargs="+", help="FAST5, POD5 or SLOW5 files or folders")
    parser.add_argument("-o", "--output", required=True, type=Path, help="table to write (TSV)")
    parser.add_argument("--batches", type=int, default=1, help="how many batches (default: %(default)s)")
    parser.add_argument("--model", help="model whose scaling and chunk size to use (default: what most models use)")


def main(args: argparse.Namespace) -> int:
    """Write the table; exit status 3 when something was set aside."""
    from basecaller.errors import UsageError
    from basecaller.model.config import SignalConfig
    from basecaller.reads.source import open_reads
    from basecaller.signal.segment import write_segments

    if args.batches < 1:
        raise UsageError("--batches must be at least 1")
    config = SignalConfig()
    if args.model:
        from basecaller.model.config import read_config
        from basecaller.model.store import CONFIG, model_folder

        config = read_config(model_folder(args.model) / CONFIG).signal
    totals = write_segments(open_reads(args.reads), config, args.batches, args.output)
    print(f"{totals.reads} reads of {totals.samples} samples in {args.batches} batches of {min(totals.loads)} to "
          f"{max(totals.loads)} chunks; {totals.set_aside} set aside; in {args.output}", file=sys.stderr)
    return 3 if totals.set_aside else 0
