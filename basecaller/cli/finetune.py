"""`basecaller train --from MODEL --reads SIGNAL --reference FASTA`: the fine-tuning half of the verb `train`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `basecaller train` that fine-tuning has for itself."""
    tune = parser.add_argument_group(
        "fine-tuning, with --from", "calls, maps and labels the reads, holds out loci, trains, fits the Q scores and "
        "judges the model before and after; of the options above it takes --seed, --fp32 and --device"
    )
    tune.add_argument("--reads", nargs="+", type=Path, metavar="SIGNAL",
                      help="FAST5, POD5 or SLOW5 files or folders of your own reads")
    tune.add_argument("--reference", type=Path, metavar="FASTA", help="the genome that was sequenced")
    tune.add_argument("--calls", type=Path, metavar="FILE",
                      help="FASTQ or BAM: calls of the same reads to map them by (default: the model's own)")
    tune.add_argument("--passes", type=float, default=20.0, metavar="N",
                      help="samples to train on, over those of the labelled signal (default: %(default)g)")


def main(args: argparse.Namespace) -> int:
    """Fine-tune; one line of JSON on stdout, a line per step on stderr."""
    from basecaller.errors import UsageError
    from basecaller.model.config import read_config
    from basecaller.model.store import CONFIG, model_folder
    from basecaller.training.blend import pore_of
    from basecaller.training.finetune import FineTuneSettings, fine_tune

    if not args.start or not args.reference:
        raise UsageError("--reads is for fine-tuning, which needs --from MODEL and --reference FASTA too")
    if args.labels or args.resume:
        raise UsageError("fine-tuning labels the reads itself, and goes on by itself where it was stopped: leave out "
                         "--labels and --resume")
    pore = pore_of(read_config(model_folder(args.start) / CONFIG))
    default = FineTuneSettings()
    training = replace(default.training, seed=args.seed, bf16=not args.fp32)
    tuned = fine_tune(args.start, args.reads, args.reference, args.output, pore,
                      replace(default, passes=args.passes, training=training), calls=args.calls, device=args.device,
                      say=lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(asdict(tuned)))
    if tuned.after.get("pooled_identity", 0) < tuned.before.get("pooled_identity", 0):
        print("the new model is no better than the old one on the held-out reads", file=sys.stderr)
    return 3 if tuned.set_aside else 0
