# What will be called, split into batches of equal work; no signal is copied.


rule segment:
    input:
        group_files,
    output:
        table="<results>/segments/{group}.tsv",
        files="<results>/segments/{group}.files",
    params:
        batches=lambda wildcards: sum(batch.startswith(f"{wildcards.group}-") for batch in BATCHES),
        model=config["basecall"]["model"],
        broken=broken_links,
    log:
        "<logs>/segment/{group}.log",
    benchmark:
        "<benchmarks>/segment/{group}.jsonl"
    resources:
        mem_mb=2000,
        runtime=240,
    script:
        "scripts/segment.py"
