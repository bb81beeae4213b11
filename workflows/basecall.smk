# One job per batch, then all reads in one file, in the order of the batches.


rule basecall:
    input:
        segments="<results>/segments/{group}.tsv",
    output:
        bam="<results>/batches/{group}-{batch}/calls.bam",
    params:
        batch=lambda wildcards: int(wildcards.batch),
        reads=lambda wildcards: config["reads"] or rules.simulate.output.run,
        model=config["basecall"]["model"],
        device=config["basecall"]["device"],
    log:
        "<logs>/basecall/{group}-{batch}.log",
    benchmark:
        "<benchmarks>/basecall/{group}-{batch}.jsonl"
    threads: config["basecall"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=1 if config["basecall"]["device"].startswith("cuda") else 0,
    shell:
        # exit status 3: finished, and what could not be called is named in quarantine.tsv
        "basecall {params.reads:q} --segments {input.segments} --batch {params.batch}"
        " --model {params.model:q} --device {params.device} --threads {threads}"
        " -o {output.bam} 2> {log} || [ $? -eq 3 ]"


rule collect:
    input:
        calls=expand("<results>/batches/{batch}/calls.bam", batch=BATCHES),
        segments=expand("<results>/segments/{group}.tsv", group=GROUPS),
    output:
        bam="<results>/calls.bam",
        segments="<results>/segments.tsv",
    log:
        "<logs>/collect.log",
    benchmark:
        "<benchmarks>/collect.jsonl"
    resources:
        mem_mb=2000,
        runtime=120,
    script:
        "scripts/collect.py"
