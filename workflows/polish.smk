# The contigs' bases, decided again by the raw signal of their reads; `assembly/` then holds what comes out.


if POLISH:

    rule polish:
        input:
            contigs="<results>/draft/contigs.fasta",
            gfa="<results>/draft/assembly.gfa",
            calls="<results>/calls.bam",
            simulated=simulated_run,
        output:
            fasta="<results>/assembly/contigs.fasta",
            gfa="<results>/assembly/assembly.gfa",
        params:
            folder=lambda wildcards, output: os.path.dirname(output.fasta),
            signal=lambda wildcards, input: config["reads"] or input.simulated,
            model=model_option(),
            device=config["basecall"]["device"],
            by_genes="auto" if config["assemble"]["by_genes"] == "auto" else "off",  # YAML reads off as false
            stale=OWN_TABLES,
        log:
            "<logs>/polish.log",
        benchmark:
            "<benchmarks>/polish.jsonl"
        threads: config["assemble"]["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: 6000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        shell:
            # reads that cannot be heard were set aside when they were called: status 3 is no failure here
            "rm -f {params.stale:q};"
            " (basecaller polish {input.contigs} --reads {input.calls} --signal {params.signal:q} {params.model}"
            " -o {params.folder:q} --by-genes {params.by_genes} --device {params.device} --threads {threads}"
            " || [ $? -eq 3 ]) 2> {log}"
