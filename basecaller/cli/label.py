"""Align the signal of reads to their known sequence and write a label file to train from.

The known sequence of a read comes either from --truth (a FASTA with one record per read id, in the direction in which
the strand went through the pore) or from --reference with --calls (basecalls of the same reads, mapped to it).
Stretches where the signal contradicts the sequence (variants, stalls, a wrong reference) are left out. Reads of which
nothing is known are labelled with calls of our own (--moves).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller label`."""
    from basecaller.model.config import ScalingMethod

    parser.add_argument("reads", nargs="+", help="FAST5, POD5 or SLOW5 files or folders")
    parser.add_argument("-o", "--output", required=True, type=Path, help="label file to write (HDF5)")
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--truth", type=Path, help="FASTA: the true sequence of each read, named by read id")
    truth.add_argument("--reference", type=Path, help="FASTA: the genome that --calls are mapped to")
    parser.add_argument("--calls", type=Path, help="FASTQ or BAM: basecalls of the reads, with --reference")
    parser.add_argument("--moves", type=Path, metavar="BAM", help="our own calls of the reads, with move tables, which "
                        "place the bases instead of forced alignment: for self-training (without a truth: reads of "
                        "--min-qscore are labelled with their own calls) and for a --truth with errors, such as "
                        "another caller's calls")
    parser.add_argument("--min-qscore", type=float, default=9.0,
                        help="with --moves alone: mean Q of a read that is used (default: %(default)s)")
    parser.add_argument("--levels", type=Path, help="k-mer level table to start from (TSV with columns kmer and "
                        "level_mean); default: the pore model that comes with the package")
    parser.add_argument("--pore", default="r9.4.1", help="pore model to align with (default: %(default)s)")
    parser.add_argument("--dwell-times", action="store_true", help="place the bases of forced alignment a second time, "
                        "with the dwell times of --pore and all that it knows of levels (docs/simulator.md)")
    parser.add_argument("--scaling", choices=get_args(ScalingMethod), default="med_mad",
                        help="scaling of the signal, as in the config of the model to train; r9.4.1_levels is that of "
                        "the shipped R9.4.1 models (default: %(default)s)")
    parser.add_argument("--min-identity", type=float, default=0.8,
                        help="with --reference: identity of a call that is used (default: %(default)s)")


def main(args: argparse.Namespace) -> int:
    """Label the reads; exit status 3 when some could not be labelled."""
    from basecaller.called import read_moves
    from basecaller.errors import UsageError
    from basecaller.labels.labelling import by_alignment, by_moves, label_reads
    from basecaller.labels.levels import read_levels
    from basecaller.labels.truth import truth_from_calls, truth_from_fasta
    from basecaller.model.config import SignalConfig
    from basecaller.reads.source import open_reads
    from basecaller.simulate.learn import expected_levels
    from basecaller.simulate.pore import load_pore
    from basecaller.simulate.settle import settle

    if args.reference and not args.calls:
        raise UsageError("--reference needs --calls (basecalls of the same reads)")
    if not (args.truth or args.reference or args.moves):
        raise UsageError("what went through the pore? give --truth, or --reference with --calls, or --moves")
    if args.moves and args.dwell_times:
        raise UsageError("--dwell-times goes with forced alignment, not with --moves")
    truth = None
    if args.truth:
        truth = truth_from_fasta(args.truth)
    elif args.reference:
        truth = truth_from_calls(args.calls, args.reference, args.min_identity)
    if args.moves:
        labeller = by_moves(read_moves(args.moves), truth, args.min_qscore)
    else:
        assert truth is not None
        pore = load_pore(args.pore)
        levels = read_levels(args.levels) if args.levels else expected_levels(pore)
        labeller = by_alignment(truth, levels, (lambda stretch: settle(stretch, pore)) if args.dwell_times else None)
    source = open_reads(args.reads)
    count = label_reads(source, labeller, SignalConfig(scaling=args.scaling), args.output)
    quarantine = source.quarantine
    if quarantine.entries:
        quarantine.write(args.output.with_suffix(".quarantine.tsv"))
    print(f"{count.reads} reads labelled, {count.stretches} stretches, {count.bases} bases, {count.samples} samples "
          f"in {args.output}; {count.without_truth} reads without truth, {len(quarantine.entries)} set aside",
          file=sys.stderr)
    return 3 if quarantine.entries else 0
