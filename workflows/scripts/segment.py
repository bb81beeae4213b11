"""Segment one group of raw files, however many (a shell's command line has an end), and note which files they were."""

import contextlib
import sys
from pathlib import Path

from basecaller.cli.main import main

FINISHED = (0, 3)  # 3: finished, and what could not be read is named in the table

files = snakemake.params.files
with Path(snakemake.log[0]).open("w") as log, contextlib.redirect_stderr(log):
    status = main(["segment", *files, *snakemake.params.model, "--batches", str(snakemake.params.batches),
                   "-o", snakemake.output.table])
if status not in FINISHED:
    sys.exit(status)
Path(snakemake.output.files).write_text("".join(f"{name}\n" for name in files))
