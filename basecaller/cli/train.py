"""Train a model from label files, from simulated signal, or from a mix of both; or tune one to your own reads.

The folder given with -o holds the model (weights averaged over the last steps), the log `training.tsv` and a
checkpoint; the same command with --resume goes on where it stopped, exactly as if it had not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from basecaller.cli import finetune


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller train`."""
    from basecaller.training.settings import NOISE, PIECES, TrainSettings

    default = TrainSettings()
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder of the new model")
    parser.add_argument("--config", type=Path, help="TOML of the model to build (see config/models/)")
    parser.add_argument("--from", dest="start", metavar="MODEL",
                        help="go on from this model; with --config too, widen it into that network")
    data = parser.add_argument_group("data")
    data.add_argument("--labels", nargs="+", type=Path, default=[], help="label files made by `basecaller label`")
    data.add_argument("--simulated", type=float, default=None, metavar="SHARE",
                      help="share of chunks that are simulated (default: 0 with --labels, 1 without)")
    data.add_argument("--simulated-from", nargs="+", type=Path, default=[], metavar="LABELS",
                      help="take the simulated chunks from these label files (`basecaller simulate labels`), not from "
                      "the pore model")
    data.add_argument("--recombined", type=float, default=0.0, metavar="SHARE",
                      help="share of chunks that are pieces of labelled reads joined to new sequence (default: 0)")
    data.add_argument("--pieces", nargs=2, type=int, default=PIECES, metavar=("FEWEST", "MOST"),
                      help=f"bases of such a piece (default: {PIECES[0]} {PIECES[1]})")
    data.add_argument("--pore", default="r9.4.1", help="pore model to simulate (default: %(default)s)")
    data.add_argument("--hold-out", nargs="+", default=[], metavar="CONTIG[:A-B]",
                      help="regions of the labels' genomes to validate on and not to train on; without any, "
                      "validation is on simulated chunks")
    data.add_argument("--noise", type=float, default=NOISE, metavar="MOST",
                      help="deviation of the white noise that augmentation adds at most (default: %(default)s; the "
                      "signal's own is 1)")
    data.add_argument("--no-augmentation", action="store_true", help="use chunks as they are")
    how = parser.add_argument_group("how")
    how.add_argument("--steps", type=int, default=default.steps, help="batches to train on (default: %(default)s)")
    how.add_argument("--batch-size", type=int, default=default.batch_size, help="chunks (default: %(default)s)")
    how.add_argument("--samples", type=int, default=default.samples, help="samples a chunk (default: %(default)s)")
    how.add_argument("--learning-rate", type=float, default=default.learning_rate, help="highest rate, reached after "
                     "the warm-up and lowered along a cosine (default: %(default)s)")
    how.add_argument("--warmup", type=int, default=default.warmup, help="steps (default: %(default)s)")
    how.add_argument("--weight-decay", type=float, default=default.weight_decay, help="default: %(default)s")
    how.add_argument("--dropout", type=float, default=default.dropout, metavar="SHARE",
                     help="channels between recurrent layers that a chunk goes without (default: %(default)s)")
    how.add_argument("--validate-every", type=int, default=default.validate_every, metavar="STEPS",
                     help="validate and save this often (default: %(default)s)")
    how.add_argument("--seed", type=int, default=default.seed, help="of weights and batches (default: %(default)s)")
    how.add_argument("--fp32", action="store_true", help="compute in 32 bits where the hardware has bfloat16 too")
    how.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    how.add_argument("--threads", type=int, default=None, help="CPU threads (default: torch's choice)")
    how.add_argument("--resume", action="store_true", help="go on from the checkpoint in the output folder")
    finetune.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Train; a line of progress per validation on stderr."""
    if args.reads:
        return finetune.main(args)
    from basecaller.device import use_threads
    from basecaller.errors import UsageError
    from basecaller.training.augment import NONE, Augmentation
    from basecaller.training.settings import TrainSettings
    from basecaller.training.sources import Data, gather
    from basecaller.training.start import fresh_or_trained
    from basecaller.training.train import Progress, train

    use_threads(args.threads)
    if args.output.exists() and not args.resume and any(args.output.iterdir()):
        raise UsageError(f"{args.output} is not empty; give --resume to go on with the training in it")
    settings = TrainSettings(
        steps=args.steps, batch_size=args.batch_size, samples=args.samples, learning_rate=args.learning_rate,
        warmup=args.warmup, weight_decay=args.weight_decay, dropout=args.dropout, seed=args.seed, bf16=not args.fp32,
        validate_every=args.validate_every,
    )
    config, network = fresh_or_trained(args.config, args.start, args.seed, args.output.name)
    share = args.simulated if args.simulated is not None else (0.0 if args.labels else 1.0)
    data: Data = gather(args.labels, args.hold_out, share, args.pore, config, settings,
                        augmentation=NONE if args.no_augmentation else Augmentation(noise=args.noise),
                        recombined=args.recombined, pieces=tuple(args.pieces), simulated_from=args.simulated_from)
    print(f"{config.name}: {network.parameter_count()} parameters, {data.description}", file=sys.stderr)

    def report(row: Progress) -> None:
        print(f"step {row.step}/{settings.steps}  {row.samples / 1e6:.1f} M samples  {row.seconds:.0f} s  "
              f"loss {row.loss:.4f}  held out: loss {row.held_out_loss:.4f} identity {row.held_out_identity:.4f}, "
              f"disturbed: {row.disturbed_loss:.4f} {row.disturbed_identity:.4f}", file=sys.stderr, flush=True)

    train(config, network, data.source, data.held_out, args.output, settings, resume=args.resume,
          device=args.device, report=report)
    return 0
