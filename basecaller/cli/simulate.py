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

Signal to train from comes closest to real signal where a network draws it, sample by sample, that has learnt from
labelled reads; two forms more:

    basecaller simulate fit labels.h5 -o r9.4.1.safetensors
    basecaller simulate labels --samples 50e6 -o drawn.h5
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
    from basecaller.simulate.learnt.settings import READ_SAMPLES, FitSettings, Variety

    settings, variety = FitSettings(), Variety()
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
    actions = parser.add_subparsers(dest="action", metavar="learn|compare|scaling|fit|labels",
                                    title="the pore model and the signal model")
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
    summary = "fit a signal model to labelled reads (`basecaller label --dwell-times`)"
    fit = actions.add_parser("fit", help=summary, description=summary)
    fit.add_argument("labels", nargs="+", type=Path, metavar="LABELS", help="label files, all of one scaling")
    fit.add_argument("--hold-out", nargs="+", default=[], metavar="CONTIG[:A-B]",
                     help="regions of the labels' genomes to measure progress on and not to learn from")
    fit.add_argument("--pore", default="r9.4.1", help="pore model: name or .npz file (default: %(default)s)")
    fit.add_argument("--from", dest="start", metavar="MODEL", help="go on from this signal model: name or file")
    fit.add_argument("--steps", type=int, default=settings.steps, help="batches (default: %(default)s)")
    fit.add_argument("--learning-rate", type=float, default=settings.learning_rate, help="highest rate, lowered along "
                     "a cosine (default: %(default)s)")
    fit.add_argument("--seed", type=int, default=settings.seed,
                     help="of the network and the batches (default: %(default)s)")
    fit.add_argument("--threads", type=int, default=None, help="CPU threads (default: torch's choice)")
    fit.add_argument("-o", "--output", type=Path, required=True, help="signal model (.safetensors) to write")
    summary = "draw labelled signal from a signal model, to train from (`basecaller train --simulated-from`)"
    labels = actions.add_parser("labels", help=summary, description=summary)
    labels.add_argument("--signal-model", default="r9.4.1", metavar="MODEL",
                        help="name of a shipped one, or a file (default: %(default)s)")
    labels.add_argument("--samples", type=float, default=50e6, help="of all reads together (default: %(default)g)")
    labels.add_argument("--read-samples", type=int, default=READ_SAMPLES,
                        help="of each read (default: %(default)s)")
    labels.add_argument("--traits", type=float, default=variety.traits, metavar="X", help="by how much reads differ "
                        "from those learnt from, in deviations over reads (default: %(default)s)")
    labels.add_argument("--speeds", type=float, default=variety.speed, metavar="X",
                        help="and in speed so many times as much (default: %(default)s)")
    labels.add_argument("--noise", type=float, nargs=2, default=variety.noise, metavar=("LEAST", "MOST"),
                        help="of what the model takes for noise so large a part is drawn "
                        f"(default: {variety.noise[0]} {variety.noise[1]})")
    labels.add_argument("--slow", type=float, default=variety.slow, metavar="X", help="slow reads, of more than 10 "
                        "samples a base, come so many times as often (default: %(default)s)")
    labels.add_argument("--seed", type=int, default=1, help="the same seed gives the same file (default: %(default)s)")
    labels.add_argument("--threads", type=int, default=None, help="CPU threads (default: torch's choice)")
    labels.add_argument("-o", "--output", type=Path, required=True, help="label file to write (HDF5)")


def main(args: argparse.Namespace) -> int:
    """Simulate, learn, compare, make a table for scaling, fit a signal model or draw from one."""
    if args.action == "fit":
        return _fit(args)
    if args.action == "labels":
        return _labels(args)
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


def _fit(args: argparse.Namespace) -> int:
    from basecaller.device import use_threads
    from basecaller.errors import UsageError
    from basecaller.simulate.learnt.examples import examples_of
    from basecaller.simulate.learnt.fit import FitProgress, fit
    from basecaller.simulate.learnt.model import load_signal_model
    from basecaller.simulate.learnt.settings import FitSettings
    from basecaller.simulate.pore import load_pore
    from basecaller.training.sources import open_labels

    use_threads(args.threads)
    if args.steps < 1 or not args.learning_rate > 0:
        raise UsageError(f"--steps and --learning-rate must be positive, not {args.steps} and {args.learning_rate:g}")
    files, held = open_labels(args.labels, args.hold_out)
    scalings = sorted({file.scaling for file in files})
    if len(scalings) > 1:
        raise UsageError(f"the label files are scaled differently ({', '.join(scalings)})")
    pore = load_pore(args.pore)
    examples, held_out = examples_of(files, pore), examples_of(held, pore) if held else []
    samples = sum(len(example.signal) for example in examples)
    print(f"{len(examples)} stretches, {samples} samples", file=sys.stderr)

    def report(row: FitProgress) -> None:
        held = f"  held out: {row.held_out_stepping:.4f}, {row.held_out_current:.4f}" if held_out else ""
        print(f"step {row.step}/{args.steps}  nats a sample: stepping {row.stepping:.4f}, "
              f"current {row.current:.4f}{held}", file=sys.stderr, flush=True)

    settings = FitSettings(steps=args.steps, learning_rate=args.learning_rate, seed=args.seed)
    start = load_signal_model(args.start) if args.start else None
    fit(examples, held_out, args.pore, scalings[0], settings, report, start).save(args.output)
    return 0


def _labels(args: argparse.Namespace) -> int:
    from basecaller.device import use_threads
    from basecaller.errors import UsageError
    from basecaller.simulate.learnt.draw import draw_labels
    from basecaller.simulate.learnt.model import load_signal_model
    from basecaller.simulate.learnt.settings import Variety
    from basecaller.simulate.pore import load_pore

    use_threads(args.threads)
    for option, value in (("--samples", args.samples), ("--read-samples", args.read_samples)):
        if value < 1000:
            raise UsageError(f"{option} must be at least 1000, not {value:g}")
    if args.traits < 0 or args.speeds < 0 or args.slow <= 0 or not 0 <= args.noise[0] <= args.noise[1]:
        raise UsageError("--traits and --speeds must not be negative, --slow be positive, and the first number of "
                         "--noise not be above the second")
    model = load_signal_model(args.signal_model)
    variety = Variety(args.traits, args.speeds, (args.noise[0], args.noise[1]), args.slow)
    reads, bases = draw_labels(args.output, model, load_pore(model.pore), args.samples, args.read_samples, args.seed,
                               variety)
    print(f"{reads} reads, {bases} bases, {reads * args.read_samples} samples in {args.output}", file=sys.stderr)
    return 0
