"""List the models that come with the package, with what each was trained for.

Of several that fit a read, `basecall` takes the one of the highest preference; `--model fast` or `accurate` asks for
the one of that speed.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller models`."""
    parser.add_argument("name", nargs="?", help="print this model's card instead of the list")


def main(args: argparse.Namespace) -> int:
    """Print the shipped models as a table, or one model's card."""
    from basecaller.model.network import Network
    from basecaller.model.store import CARD, list_models, model_folder

    if args.name:
        print((model_folder(args.name) / CARD).read_text(encoding="utf-8"), end="")
        return 0
    print("model\tpore\tmolecule\tsampling_rate\tspeed\tpreference\thead\tstride\tparameters\tdescription")
    for config in list_models():
        chemistry, network = config.chemistry, config.network
        print(config.name, chemistry.pore, chemistry.molecule, f"{chemistry.sampling_rate:g}",
              config.speed or "-", config.preference, network.head, network.stride,
              Network(network).parameter_count(), config.description, sep="\t")
    return 0
