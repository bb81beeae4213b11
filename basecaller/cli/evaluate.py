"""Accuracy of called reads against a known reference.

Prints one line of JSON: reads, mapped reads, median, mean and pooled identity (matching bases / alignment columns of
each read's best hit), rates of mismatches, insertions and deletions, and the calibration error of the Q scores.
With -o, a folder gets the details as TSV files and one HTML page: identity per read, substitutions, homopolymers,
the worst k-mers, accuracy by Q score and along the reads.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `basecaller evaluate`."""
    parser.add_argument("calls", type=Path, metavar="CALLS", help="called reads: FASTQ or FASTA (.gz), BAM or SAM")
    parser.add_argument("--reference", type=Path, required=True, metavar="FASTA", help="the genome they came from")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write tables and evaluation.html here")
    parser.add_argument("--min-length", type=int, default=200, metavar="N", help="leave out reads of fewer bases (200)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")


def main(args: argparse.Namespace) -> int:
    """Run `basecaller evaluate`."""
    from basecaller.evaluation.evaluate import evaluate
    from basecaller.evaluation.folder import evaluate_to_folder

    settings = {"min_length": args.min_length, "threads": max(1, args.threads)}
    if args.output:
        evaluation = evaluate_to_folder(args.calls, args.reference, args.output, **settings)
    else:
        evaluation = evaluate(args.calls, args.reference, **settings)
    print(json.dumps(evaluation.summary()))
    return 0
