"""Simulate a run: a genome in, raw FAST5 or POD5 files and the truth about every read out.

    basecaller simulate --genome phage.fasta --circular --coverage 30 -o run/
    basecaller simulate --genome-length 20000 -o run/

The folder gets reads_0.fast5 (or .pod5), ..., genome.fasta, truth.fasta (each read's bases, by read id, as they went
through the pore, without the adapter) and truth.tsv (where each read comes from). The pore's numbers are learnt from
real reads whose sequence is known, and compared with them, and tell how to scale its reads, by three more forms of the
command:

    basecaller simulate learn READS --truth sequences.fasta --levels start.tsv -o pore.npz
    basecaller simulate compare READS --truth sequences.fasta -o figure.html
    basecaller simulate scaling --pore r9.4.1 -o r9.4.1_levels.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from basecaller.simulate.learn import KnownRead


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller simulate`."""
    genome = parser.add_mutually_exclusive_group()
    genome.add_argument("--genome", type=Path, metavar="FASTA", help="genome to read from")
    genome.add_argument("--genome-length", type=int, default=20000, metavar="BASES",
                        help="or: length of a random circular genome (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="folder for the run")
    parser.add_argument("--circular", action="store_true", help="the sequences of --genome are circles")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--coverage", type=float, default=30.0, help="times each base is read (default: %(default)g)")
    amount.add_argument("--reads", type=int, metavar="COUNT", help="or: number of reads")
    parser.add_argument("--read-length", type=float, default=5000.0, metavar="BASES",
                        help="mean length of a read (default: %(default)g)")
    parser.add_argument("--format", choices=("fast5", "pod5"), default="fast5", help="of the files (default: fast5)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same run (default: %(default)s)")
    parser.add_argument("--pore", default="r9.4.1", help="pore model: name or .npz file (default: %(default)s)")
    parser.add_argument("--genome-out", type=Path, metavar="FASTA", help="where the genome is written "
                        "(default: genome.fasta in the folder)")
    actions = parser.add_subparsers(dest="action", metavar="learn|compare|scaling", title="the pore model")
    for name, summary in (("learn", "learn a pore model from reads of known sequence"),
                          ("compare", "draw real reads beside simulated ones of the same bases")):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("known", nargs="+", metavar="READS", help="FAST5, POD5 or SLOW5 files or folders")
        action.add_argument("--truth", type=Path, required=True,
                            help="FASTA: the true sequence of each read, named by read id, as it went through the pore")
        action.add_argument("-o", "--output", type=Path, required=True,
                            help="pore model (.npz) to write" if name == "learn" else "HTML page to write")
        if name == "learn":
            action.add_argument("--levels", type=Path, help="k-mer levels to start from (TSV with columns kmer and "
                                "level_mean); default: those of --pore")
        action.add_argument("--pore", default="r9.4.1", help="pore model: name or .npz file (default: %(default)s)")
    summary = "make the table by which reads are scaled to the pore's levels (signal/scale.py)"
    scaling = actions.add_parser("scaling", help=summary, description=summary)
    scaling.add_argument("--pore", default="r9.4.1", help="pore model: name or .npz file (default: %(default)s)")
    scaling.add_argument("-o", "--output", type=Path, required=True, help="table (.json) to write")


def main(args: argparse.Namespace) -> int:
    """Simulate, learn, compare or make a table for scaling."""
    if args.action == "learn":
        return _learn(args)
    if args.action == "compare":
        return _compare(args)
    if args.action == "scaling":
        return _scaling(args)
    return _simulate(args)


def _simulate(args: argparse.Namespace) -> int:
    import numpy as np

    from basecaller.errors import UsageError
    from basecaller.simulate.genome import random_genome, read_fasta
    from basecaller.simulate.pore import load_pore
    from basecaller.simulate.run import SHORTEST, RunPlan, simulate_run
    from basecaller.simulate.truth import write_genome, write_run

    if args.output is None:
        raise UsageError("-o FOLDER is missing: where should the run go?")
    for option, value in (("--coverage", args.coverage), ("--read-length", args.read_length), ("--reads", args.reads)):
        if value is not None and not value > 0:
            raise UsageError(f"{option} must be greater than 0, not {value:g}")
    if args.seed < 0:
        raise UsageError(f"--seed must not be negative, and is {args.seed}")
    rng = np.random.default_rng([args.seed, 1])
    if args.genome is not None:
        contigs = read_fasta(args.genome, rng)
    elif args.genome_length < SHORTEST:
        raise UsageError(f"--genome-length must be at least {SHORTEST} bases, not {args.genome_length}")
    else:
        contigs = {"simulated": random_genome(args.genome_length, rng)}
    plan = RunPlan(
        read_length=args.read_length, coverage=args.coverage, reads=args.reads,
        circular=args.circular or args.genome is None, seed=args.seed,
        sample=args.genome.name.split(".")[0] if args.genome is not None else "simulated",
    )
    pore = load_pore(args.pore)
    write_genome(contigs, plan.circular, args.genome_out or args.output / "genome.fasta")
    reads, bases, samples = write_run(simulate_run(pore, contigs, plan), args.output, args.format)
    print(f"{reads} reads, {bases} bases, {samples} samples in {args.output}", file=sys.stderr)
    return 0


def _known(args: argparse.Namespace) -> list[KnownRead]:
    from basecaller.errors import UsageError
    from basecaller.labels.truth import truth_from_fasta
    from basecaller.reads.source import open_reads
    from basecaller.simulate.learn import known_reads

    truth = {read_id: known.bases for read_id, known in truth_from_fasta(args.truth).items()}
    known = known_reads(open_reads(args.known), truth)
    if not known:
        raise UsageError(f"{args.truth} holds the sequence of none of the reads")
    return known


def _learn(args: argparse.Namespace) -> int:
    from basecaller.labels.levels import read_levels
    from basecaller.simulate.learn import expected_levels, learn
    from basecaller.simulate.pore import load_pore
    from basecaller.simulate.reach import reach_of, reach_of_pore
    from basecaller.simulate.refine import refine

    if args.levels:
        start = read_levels(args.levels)
        reach = reach_of(start.k)
    else:
        before = load_pore(args.pore)
        start, reach = expected_levels(before), reach_of_pore(before)
    known = _known(args)
    pore, aligned = learn(known, start, reach)
    print(f"{len(aligned)} of {len(known)} reads fit their sequence: {sum(int(a.good.sum()) for a in aligned)} k-mers",
          file=sys.stderr)
    refine(pore, aligned, expected_levels(pore)).save(args.output)
    return 0


def _compare(args: argparse.Namespace) -> int:
    from basecaller.simulate.compare import compare
    from basecaller.simulate.pore import load_pore

    compare(_known(args), load_pore(args.pore), args.output)
    return 0


def _scaling(args: argparse.Namespace) -> int:
    import numpy as np

    from basecaller.simulate.pore import load_pore
    from basecaller.simulate.scaling import as_json, learn_scaling

    text = as_json(learn_scaling(load_pore(args.pore), np.random.default_rng(1)))
    args.output.write_text(text, "utf-8")
    return 0
