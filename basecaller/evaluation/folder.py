"""The folder that an evaluation leaves: reads.tsv, one TSV file per table, summary.json and evaluation.html."""

from __future__ import annotations

import json
from pathlib import Path

from basecaller.evaluation.evaluate import MIN_LENGTH, Evaluation, evaluate
from basecaller.evaluation.page import page
from basecaller.evaluation.tables import tables


def evaluate_to_folder(
    calls: str | Path, reference: str | Path, folder: str | Path, *, min_length: int = MIN_LENGTH, threads: int = 1
) -> Evaluation:
    """`evaluate`, with its details written into `folder` (made where it is missing; files there are replaced)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    growing = folder / "reads.tsv.partial"
    with growing.open("w", encoding="utf-8") as per_read:
        evaluation = evaluate(calls, reference, min_length=min_length, threads=threads, per_read=per_read)
    growing.replace(folder / "reads.tsv")
    found = tables(evaluation)
    for name, table in found.items():
        write(folder / f"{name}.tsv", table.tsv())
    write(folder / "summary.json", json.dumps(evaluation.summary()) + "\n")
    write(folder / "evaluation.html", page(Path(calls).name, evaluation, found))
    return evaluation


def write(path: Path, text: str) -> None:
    """Write a text file that appears whole."""
    growing = path.with_name(path.name + ".partial")
    growing.write_text(text, encoding="utf-8")
    growing.replace(path)
