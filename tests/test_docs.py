"""README and docs say what is true: their commands are understood, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from basecaller.cli.basecall import add_arguments
from basecaller.cli.main import VERBS, Parser, verb_module

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
CODE = re.compile(r"^```(\w*)\n(.*?)^```|((?:^    .*\n)+)", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Our own commands in a page's shell blocks, continued lines joined, what follows a pipe left out."""
    shell = [fenced or indented for name, fenced, indented in CODE.findall(page.read_text()) if name in ("", "sh")]
    lines = "\n".join(shell).replace("\\\n", " ").splitlines()
    whole = [re.split(r" [|>#;&] ?", line.strip().removeprefix("$ "))[0] for line in lines]
    return [line for line in whole if re.match(r"(basecall|basecaller \w+) ", line)]


@pytest.mark.parametrize(("page", "command"), [(page.name, command) for page in PAGES for command in commands(page)])
def test_command_is_understood(page: str, command: str) -> None:
    program, *words = shlex.split(command)
    parser = Parser(prog=program)
    if program == "basecall":
        add_arguments(parser)
    else:
        verb = words.pop(0)
        assert verb in VERBS, f"{page}: no verb {verb}"
        verb_module(verb).add_arguments(parser)
    try:
        parser.parse_args(words)
    except SystemExit as stop:
        assert stop.code == 0, f"{page}: {command}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
