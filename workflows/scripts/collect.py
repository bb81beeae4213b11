"""Join what the batches wrote, in their order: reads, and the tables about them."""

import shutil
from pathlib import Path

import pysam
from snakemake.script import snakemake


def join_tables(tables, path):
    """One table from many of the same columns: a header, then the rows of all."""
    with Path(path).open("wb") as out:
        for number, name in enumerate(tables):
            with Path(name).open("rb") as table:
                header = table.readline()
                if number == 0:
                    out.write(header)
                shutil.copyfileobj(table, out)


pysam.samtools.cat("-o", snakemake.output.bam, *snakemake.input.calls, catch_stdout=False)
join_tables(snakemake.input.segments, snakemake.output.segments)
