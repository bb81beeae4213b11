"""`basecaller VERB`: the workshop. One file per verb beside this one; see `VERBS`.

A verb's file has a docstring (its first line is the help line), `add_arguments(parser)` and
`main(args) -> exit status`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from basecaller.errors import BasecallerError, UsageError

VERBS = (
    "segment",
    "assemble",
    "polish",
    "simulate",
    "label",
    "train",
    "average",
    "evaluate",
    "calibrate",
    "report",
    "inspect",
    "models",
    "completion",
)

FAILED, USAGE = 1, 2


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistyped option or verb with the nearest right name."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments:"):
            wrong = message.split(":", 1)[1].split()[0]
            near = get_close_matches(wrong.split("=")[0], list(self._option_string_actions), n=1)
            message = f"unknown argument {wrong}" + (f"; did you mean {near[0]}?" if near else "")
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def verb_module(verb: str) -> ModuleType:
    """The module of a verb."""
    return importlib.import_module(f"basecaller.cli.{verb}")


def run(main: Callable[[argparse.Namespace], int], args: argparse.Namespace, prog: str) -> int:
    """Run a command; turn the package's and the system's errors and Ctrl-C into an exit status and one sentence."""
    try:
        return main(args)
    except UsageError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return USAGE
    except BasecallerError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # a folder that is a file, a disk that is full: what the system says, and of what
        print(f"{prog}: {error.filename}: {error.strerror}" if error.filename else f"{prog}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the command `basecaller`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    summary = "\n".join(f"  {verb:10} {(first_line(verb))}" for verb in VERBS)
    if not argv or argv[0] in ("-h", "--help"):
        print(f"usage: basecaller VERB [options]\n\n{summary}\n\n`basecaller VERB --help` explains a verb; "
              "`basecall` calls reads.")
        return 0 if argv else USAGE
    if argv[0] == "--version":
        from basecaller import __version__

        print(f"basecaller {__version__}")
        return 0
    verb = argv[0]
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1)
        print(f"basecaller: no verb {verb!r}" + (f"; did you mean {near[0]}?" if near else "")
              + " (see basecaller --help)", file=sys.stderr)
        return USAGE
    module = verb_module(verb)
    parser = Parser(prog=f"basecaller {verb}", description=module.__doc__,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(parser)
    return run(module.main, parser.parse_args(argv[1:]), f"basecaller {verb}")


def first_line(verb: str) -> str:
    """The first line of a verb's docstring, read without importing it (imports may be slow)."""
    from importlib.util import find_spec

    spec = find_spec(f"basecaller.cli.{verb}")
    if spec is None or spec.origin is None:
        return ""
    with Path(spec.origin).open(encoding="utf-8") as handle:
        return handle.readline().strip().strip('"')
