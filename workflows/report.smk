# One page that says what went in and what came out.


localrules:
    settings,


rule settings:
    output:
        "<results>/config.yaml",
    params:
        settings=config,
    log:
        "<logs>/settings.log",
    script:
        "scripts/settings.py"


rule report:
    input:
        settings="<results>/config.yaml",
        calls="<results>/calls.bam",
        contigs="<results>/assembly/contigs.fasta",
        gfa="<results>/assembly/assembly.gfa",
        reference=reference,
        simulated=simulated_run,
    output:
        "<results>/report.html",
    params:
        folder=lambda wildcards, input: os.path.dirname(input.calls),
        reference=lambda wildcards, input: f"--reference {input.reference}" if input.reference else "",
        # the report draws the best, a typical and the worst read from their signal
        signal=lambda wildcards, input: config["reads"] or input.simulated,
        model=model_option(),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.jsonl"
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "basecaller report {params.folder:q} {params.reference} --signal {params.signal:q} {params.model}"
        " -o {output} 2> {log}"
