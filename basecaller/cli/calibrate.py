"""Fit a model's Q scores to what alignments show, and put the fit into the model's config.toml.

With --reads, the model calls the signal and its raw Q scores are fitted. With --calls, the scores of reads that the
model has called as it is now are fitted. The reads should be none that the model was trained on.
Prints one line of JSON: the fit (a line, quality_scale * raw + quality_bias, below a ceiling) and the expected
calibration error of the raw and of the fitted scores, in Q, over bases that claim Q5 to Q25; that after the fit is of
parts of the reference that the fit did not see. With -o, a folder gets the reliability curves as calibration.html and
TSV files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `basecaller calibrate`."""
    parser.add_argument("model", metavar="MODEL", help="a model folder, or the name of a shipped model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--reads", nargs="+", type=Path, metavar="SIGNAL",
                        help="FAST5, POD5 or SLOW5 files or folders to call")
    source.add_argument("--calls", type=Path, metavar="FILE", help="FASTQ (.gz), BAM or SAM that this model has called")
    parser.add_argument("--reference", type=Path, required=True, metavar="FASTA", help="the genome they came from")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write tables and calibration.html here")
    parser.add_argument("--device", default="auto", help="with --reads: cpu, cuda, mps or auto (default)")


def main(args: argparse.Namespace) -> int:
    """Run `basecaller calibrate`."""
    from basecaller.called import read_calls
    from basecaller.evaluation.alignment import Mapper
    from basecaller.evaluation.calibrate import calibrate, curve_of, observe, write_fit
    from basecaller.evaluation.calibration_folder import summary, write_folder
    from basecaller.model.config import read_config
    from basecaller.model.store import model_folder

    folder = model_folder(args.model)
    mapper = Mapper(args.reference)
    if args.calls:
        made_with, calls = curve_of(read_config(folder / "config.toml").decode), read_calls(args.calls)
    else:
        from basecaller.evaluation.raw_calls import raw_calls
        from basecaller.model.store import load_model
        from basecaller.reads.source import open_reads

        made_with, calls = raw_calls(load_model(folder), open_reads(args.reads), device=args.device)
    observed = observe(calls, mapper)
    calibration = calibrate(observed, made_with)
    found = summary(observed, calibration, write_fit(folder, calibration.curve))
    if args.output:
        write_folder(args.output, folder.resolve().name, observed, calibration, found)
    print(json.dumps(found))
    return 0
