"""Assemble reads (FASTQ, FASTA, BAM) into contigs: `basecaller assemble reads.fastq.gz -o out/`.

The folder gets contigs.fasta, contigs.fastq, assembly.gfa, contigs.tsv, unplaced.tsv and metrics.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("reads", nargs="+", type=Path, help="files of reads: FASTQ or FASTA (plain or gzip), BAM, SAM")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("-t", "--threads", type=int, default=1, help="threads (the result does not depend on them)")
    parser.add_argument("--overlaps", type=Path, metavar="PAF", help="overlaps of the reads, as `minimap2 -x ava-ont` "
                        "writes them, to use in place of finding them")
    parser.add_argument("--stages", type=Path, metavar="FOLDER", help="write what lies between to this folder: "
                        "overlaps (PAF), the graph after each step of its cleaning (GFA), contigs after each round "
                        "(FASTA)")
    parser.add_argument("--start", type=Path, help="FASTA of genes: a circle starts at the first that is found")
    parser.add_argument("--min-length", type=int, default=200, help="leave out shorter reads (default 200 bases)")


def main(args: argparse.Namespace) -> int:
    """Run the verb."""
    from basecaller.assembly.assemble import assemble
    from basecaller.assembly.output import write_assembly
    from basecaller.assembly.readset import load_reads
    from basecaller.assembly.stages import Stages
    from basecaller.assembly.thinning import thin
    from basecaller.errors import UsageError

    if args.threads < 1:
        raise UsageError(f"--threads must be at least 1, not {args.threads}")

    def say(text: str) -> None:
        print(f"[assemble] {text}", file=sys.stderr, flush=True)

    genes = []
    if args.start is not None:
        starts, _ = load_reads([args.start])
        genes = [starts.read(i) for i in range(len(starts))]
    reads, left_out = load_reads(args.reads, args.min_length, lambda held: thin(held, args.threads))
    stages = Stages(args.stages) if args.stages else None
    assembly = assemble(reads, threads=args.threads, genes=genes, left_out=left_out, paf=args.overlaps, stages=stages,
                        say=say)
    write_assembly(assembly, args.output)
    for group in assembly.unplaced:
        say(f"{group.reads} reads ({group.bases} bases) reached no contig: {group.reason} (as {group.example})")
    return 0
