"""Join what the batches wrote, in their order: the reads, their summary, and what was set aside."""

import csv
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pysam

from basecaller.reads.quarantine import Quarantine


def join_tables(tables: Iterable[str], path: str) -> None:
    """One table from many of the same columns: a header, then the rows of all."""
    with Path(path).open("wb") as out:
        for number, name in enumerate(tables):
            with Path(name).open("rb") as table:
                header = table.readline()
                if number == 0:
                    out.write(header)
                shutil.copyfileobj(table, out)


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a tab-separated table by the names in its header."""
    with Path(name).open(encoding="utf-8", errors="surrogateescape", newline="") as table:
        yield from csv.DictReader(table, delimiter="\t")


def set_aside(segments: Iterable[str], quarantines: Iterable[str]) -> Quarantine:
    """What segmenting and calling set aside, each once: a damaged file is met by every batch that opens it."""
    quarantine = Quarantine()
    for name in segments:
        for row in rows(name):
            if row["set_aside"]:
                quarantine.add(row["filename"], row["read_id"], row["set_aside"])
    for name in quarantines:
        for row in rows(name):
            quarantine.add(row["path"], row["read_id"], row["reason"])
    return quarantine


pysam.samtools.cat("--no-PG", "-o", snakemake.output.calls, *snakemake.input.calls, catch_stdout=False)
join_tables(snakemake.input.summary, snakemake.output.summary)
set_aside(snakemake.input.segments, snakemake.input.quarantine).write(snakemake.output.quarantine)
