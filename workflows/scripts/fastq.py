"""Reads as plain FASTQ for assemblers that read no BAM, the short ones left out."""

from pathlib import Path

import pysam

with (
    pysam.AlignmentFile(snakemake.input[0], check_sq=False) as reads,
    Path(snakemake.output[0]).open("w", encoding="ascii") as fastq,
):
    for read in reads:
        if read.query_length >= snakemake.params.min_length:
            fastq.write(f"@{read.query_name}\n{read.query_sequence}\n+\n{read.qual}\n")
