# Reads to contigs, by our own assembler or by one that is installed on the machine; all leave the same files.


rule assemble:
    input:
        "<results>/calls.bam",
    output:
        fasta="<results>/assembly/contigs.fasta",
        gfa="<results>/assembly/assembly.gfa",
    params:
        min_length=config["assemble"]["min_length"],
        min_qscore=config["assemble"]["min_qscore"],
    log:
        "<logs>/assemble.log",
    benchmark:
        "<benchmarks>/assemble.jsonl"
    threads: config["assemble"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    shell:
        "basecaller assemble {input} --min-length {params.min_length} --min-qscore {params.min_qscore}"
        " --threads {threads} -o $(dirname {output.fasta}) 2> {log}"
