"""Average the weights of several moments of one training, or the scores of several models.

basecaller average training_a/ training_b/ training_c/ -o my_model/
basecaller average --scores wide/ narrow/ -o my_model/

The mean of moments far apart has often learnt less by heart than the last of them; models that do not come from one
training have no useful mean of weights. With --scores all networks are kept, and called with at once: more accurate
than each, and as slow as all together. Settings are those of the first; calibrate the new model before use.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller average`."""
    parser.add_argument("models", nargs="+", metavar="MODEL", help="model folders, or names of shipped models")
    parser.add_argument("--scores", action="store_true", help="average what the models say of the signal, not their "
                        "weights; they may differ in all but stride, head and state length")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder of the new model")


def main(args: argparse.Namespace) -> int:
    """Write the mean model; a sentence on stderr."""
    from dataclasses import replace

    from basecaller.errors import UsageError
    from basecaller.model.average import average, ensemble
    from basecaller.model.store import load_model, save_model

    if args.output.exists() and (not args.output.is_dir() or any(args.output.iterdir())):
        raise UsageError(f"{args.output} is there already")
    models = [load_model(name) for name in args.models]
    mean = (ensemble if args.scores else average)([model.network for model in models])
    save_model(args.output, mean, replace(models[0].config, name=args.output.name, network=mean.config))
    print(f"the mean of {len(models)} models is in {args.output}; `basecaller calibrate` fits its Q scores",
          file=sys.stderr)
    return 0
