# What will be called, split into batches of equal work; no signal is copied.


rule segment:
    input:
        simulated_run,
    output:
        table="<results>/segments/{group}.tsv",
        files="<results>/segments/{group}.files",
    params:
        files=group_files,
        state=lambda wildcards: state(int(wildcards.group))[1],
        batches=lambda wildcards: BATCH_COUNTS[int(wildcards.group)],
        model=model_option(),
    log:
        "<logs>/segment/{group}.log",
    benchmark:
        "<benchmarks>/segment/{group}.jsonl"
    resources:
        mem_mb=2000,
        runtime=240,
    script:
        "scripts/segment.py"
