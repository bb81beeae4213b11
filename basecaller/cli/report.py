"""Make one HTML page of a finished or running run: reads, accuracy, contigs, and what was set aside."""

from __future__ import annotations

import argparse
from pathlib import Path

from basecaller.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER",
                        help="a run's folder, as the pipeline or basecall leaves it; several are shown side by side")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"),
                        help="the page; metrics.json (for MultiQC) is written beside it (default: %(default)s)")
    parser.add_argument("--reference", type=Path, help="FASTA of what was sequenced, to measure reads and contigs by")
    parser.add_argument("--signal", nargs="+", type=Path, default=[], metavar="READS",
                        help="the raw files or folders: the best, a typical and the worst read are drawn from them")
    parser.add_argument("--model", default="", help="with --signal: shipped model or model folder that calls them "
                        "(default: the one that the reads name)")


def main(args: argparse.Namespace) -> int:
    from basecaller.report import make_report

    if args.reference and not args.reference.is_file():
        raise UsageError(f"{args.reference}: no such reference file")
    if not args.output.resolve().parent.is_dir():
        raise UsageError(f"{args.output}: its folder does not exist")
    make_report(args.folders, args.output, args.reference, args.signal, args.model)
    return 0
