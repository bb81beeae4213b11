"""Which reads `basecall` is to call: paths on stdin, lists of read ids, a batch of a segment table, a limit."""

from __future__ import annotations

import csv
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from basecaller.chemistry import misfit
from basecaller.errors import ModelError, UsageError
from basecaller.model.config import ModelConfig
from basecaller.output import record_name
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read

MISFITS = 1000
"""Reads that no model fits, at the start of a run, after which it is given up."""


def expand(paths: Iterable[str]) -> list[Path]:
    """The paths given, `-` replaced by those listed on standard input, one a line."""
    found: list[Path] = []
    for path in paths:
        if path != "-":
            found.append(Path(path))
            continue
        found += [Path(line.rstrip("\r\n")) for line in sys.stdin if line.strip()]
    return found


def read_id_list(path: Path) -> dict[str, None]:
    """Read ids from a list, one a line, or from the column `read_id` of a table such as sequencing_summary.tsv."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            first = next(rows, [])
            column = first.index("read_id") if "read_id" in first else 0
            ids = dict.fromkeys(row[column].strip() for row in rows if len(row) > column and row[column].strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a list of read ids ({error})") from None
    if first and "read_id" not in first:
        ids = {first[0].strip(): None, **ids}
    return ids


def choose(
    reads: Iterable[Read],
    *,
    wanted: Container[str] | None,
    done: Container[str],
    most: int | None,
    missing: dict[str, None],
) -> Iterator[Read]:
    """Of `reads` those in `wanted` (all if None) and not among the `done` record names, at most `most` of both.

    What is met is removed from `missing`.
    """
    count = 0
    if most is not None and most <= 0:
        return
    for read in reads:
        if wanted is not None and read.read_id not in wanted:
            continue
        missing.pop(read.read_id, None)
        if record_name(read.read_id) not in done:
            yield read
        count += 1
        if count == most:
            return


def first_fitting(
    reads: Iterator[Read], models: Sequence[ModelConfig], quarantine: Quarantine, speed: str = ""
) -> tuple[ModelConfig, Read] | None:
    """The first read that a model fits, and of the models that fit it the one of the highest `preference`; of `speed`
    (fast, accurate) if given. None when there are no reads.

    Reads before it, which no model fits, are set aside. Raises `ModelError` when none of many reads fits.
    """
    if not models:
        raise ModelError("no model comes with this installation; name a model folder with --model")
    ranked = sorted(models, key=lambda model: (-model.preference, model.name))
    of_speed = [model for model in ranked if model.speed == speed or not speed]
    kind = f"shipped {speed} model" if speed else "shipped model"
    why, others = "", [model.name for model in ranked]
    for count, read in enumerate(reads, 1):
        reasons = {model.name: misfit(read.info, model.chemistry) for model in ranked}
        for model in of_speed:
            if not reasons[model.name]:
                return model, read
        others = [name for name, reason in reasons.items() if not reason]
        why = _nearest(list(reasons.values())) if not others else f"needs {' or '.join(others)}"
        quarantine.add(read.info.path, read.read_id, f"it {why}; no {kind} is made for it")
        if count == MISFITS:
            break
    if not why:
        return None
    instead = f"use --model {others[0]}" if others else (
        "name a model of your own with --model, or any with --model NAME --any-chemistry")
    raise ModelError(f"no {kind} fits these reads (the last one {why}); {instead}")


def _nearest(reasons: Sequence[str]) -> str:
    """Of the reasons why models do not fit the one of the model that is nearest: the pore fits, the rate does not."""
    reason = next((reason for reason in reasons if reason.startswith("has ")), reasons[0])
    return reason.partition(", the model")[0]
