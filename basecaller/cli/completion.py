"""Print a script that lets a shell complete `basecall` and `basecaller`: verbs, options, choices, models, files.

    eval "$(basecaller completion bash)"        in ~/.bashrc
    eval "$(basecaller completion zsh)"         in ~/.zshrc, after compinit
    basecaller completion fish | source         in ~/.config/fish/config.fish
"""

from __future__ import annotations

import argparse
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
DEVICES = ("auto", "cpu", "cuda", "cuda:all", "mps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecaller completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def main(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    for parser in (basecall_parser(), workshop_parser()):
        print(shtab.complete(parser, shell=args.shell))
    return 0


def basecall_parser() -> argparse.ArgumentParser:
    """The parser of `basecall`, its arguments marked with what completes them."""
    from basecaller.cli.basecall import PROGRAM, SPEEDS, add_arguments

    parser = argparse.ArgumentParser(prog=PROGRAM, description="Call nanopore reads.")
    add_arguments(parser)
    return _marked(parser, SPEEDS)


def workshop_parser() -> argparse.ArgumentParser:
    """One parser for `basecaller` and all its verbs."""
    from basecaller.cli.main import VERBS, first_line, verb_module

    parser = argparse.ArgumentParser(prog="basecaller", description="The workshop.")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    verbs = parser.add_subparsers()
    for verb in VERBS:
        each = verbs.add_parser(verb, help=first_line(verb).replace("`", ""))
        verb_module(verb).add_arguments(each)
        _marked(each)
    return parser


def _marked(parser: argparse.ArgumentParser, more_models: tuple[str, ...] = ()) -> argparse.ArgumentParser:
    """The parser with `complete` or `choices` on each argument that takes a value."""
    import shtab

    from basecaller.model.store import ALIASES, list_models

    for action in parser._actions:
        takes_value = action.nargs != 0 and not action.choices
        if takes_value and (action.dest == "model" or (action.dest, parser.prog.split()[-1]) == ("name", "models")):
            action.choices = [*more_models, *ALIASES, *(config.name for config in list_models())]
        elif takes_value and action.dest == "device":
            action.choices = DEVICES
        elif takes_value and action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif takes_value and action.type in (None, Path):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        if action.help:
            # zsh and fish show the help beside the option; what they would run or expand is left out
            action.help = action.help.replace("`", "").partition("; ")[0]
    return parser
