"""Polish contigs with the raw signal of their reads: `basecaller polish out/contigs.fasta --signal run/ -o polished/`.

Every single-base edit of the contigs is scored by what the model gives for the reads' signal, summed over all ways to
align it, and those that the reads agree on are made. Where a contig is mostly genes, as those of bacteria, phages and
plasmids are, reading frames decide what the reads leave open (--by-genes off: they do not). The folder gets
contigs.fasta, contigs.fastq and contigs.tsv, and what else `basecaller assemble` left beside the contigs, brought up to
the new bases.

With --trust the contigs may be a relative's genome, or the sequences that single reads are known to have: what the
signal does not speak against stays.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SOME_SET_ASIDE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("contigs", type=Path, help="FASTA, as `basecaller assemble` writes it")
    parser.add_argument("--signal", nargs="+", type=Path, required=True, metavar="PATH",
                        help="FAST5, POD5 or SLOW5 files or folders")
    parser.add_argument("--reads", type=Path, metavar="FILE",
                        help="use only the reads of these calls (FASTQ, BAM); a BAM also names the model, and its move "
                        "tables spare calling the reads again")
    parser.add_argument("--model", metavar="NAME", help="the model (`basecaller models`) or a model folder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--trust", type=float, default=0.0, metavar="NATS",
                        help="the contigs are not an assembly of these reads but known otherwise: an edit, of one "
                        "base, is made where it is likelier by more than this (natural logarithm; 5 where one base in "
                        "some hundreds differs), and be it by one read (default: 0)")
    parser.add_argument("--by-genes", choices=("auto", "off"), default="auto",
                        help="auto: where a contig is mostly genes, edits that the reads leave open are made if they "
                        "keep a reading frame; off: only what the reads ask for, such as where frameshifts are what "
                        "you look for (default: auto)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--memory", type=float, default=2.0, metavar="GB",
                        help="scores to keep, of 3 to 12 M samples a GB; those beyond are computed again in every turn "
                        "(the result does not depend on it; default: 2)")
    parser.add_argument("-t", "--threads", type=int, default=1, help="threads (the result does not depend on them)")


def main(args: argparse.Namespace) -> int:
    """Run the verb."""
    from basecaller.assembly.by_signal import polish_by_signal
    from basecaller.assembly.contig import expected_errors
    from basecaller.assembly.gfa import read_contigs
    from basecaller.assembly.output import make_folder, write_polished
    from basecaller.called import called_header, models_of
    from basecaller.device import find_devices
    from basecaller.errors import UsageError
    from basecaller.model.store import load_model
    from basecaller.reads.quarantine import Quarantine
    from basecaller.reads.source import open_reads

    def say(text: str) -> None:
        print(f"[polish] {text}", file=sys.stderr, flush=True)

    named = [args.model] if args.model else models_of(called_header(args.reads)) if args.reads else []
    if not named:
        raise UsageError("say which model called the reads: --model NAME, or --reads calls.bam that names it")
    if len(named) > 1:
        raise UsageError(f"{args.reads}: called by several models ({', '.join(named)}); choose one with --model")
    if not args.trust >= 0:
        raise UsageError(f"--trust {args.trust}: must not be less than 0")
    contigs = read_contigs(args.contigs)
    open_reads(args.signal)  # says at once what is not there
    find_devices(args.device)
    model = load_model(named[0])
    make_folder(args.output)
    quarantine = Quarantine()
    contigs = polish_by_signal(contigs, args.signal, model, calls=args.reads, device=args.device, threads=args.threads,
                               memory=round(args.memory * 1e9), quarantine=quarantine, say=say, trust=args.trust,
                               by_genes=args.by_genes == "auto")
    write_polished(contigs, args.contigs.parent, args.output)
    say(f"{len(contigs)} contigs, {sum(expected_errors(contig) for contig in contigs):.1f} errors expected")
    if quarantine.entries:
        quarantine.write(args.output / "quarantine.tsv")
        return SOME_SET_ASIDE
    return 0
