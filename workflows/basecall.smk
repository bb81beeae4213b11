# One job per batch, then all reads in one file, in the order of the batches.


rule basecall:
    input:
        segments="<results>/segments/{group}.tsv",
    output:
        calls="<results>/batches/{group}-{batch}/calls.bam",
        summary="<results>/batches/{group}-{batch}/calls.sequencing_summary.tsv",
        quarantine="<results>/batches/{group}-{batch}/calls.quarantine.tsv",
    params:
        batch=lambda wildcards: int(wildcards.batch),
        model=model_option(),
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
        "basecall --segments {input.segments} --batch {params.batch} {params.model:q}"
        " --device {params.device} --threads {threads} -o {output.calls} 2> {log} || [ $? -eq 3 ]"


rule collect:
    input:
        calls=expand("<results>/batches/{batch}/calls.bam", batch=BATCHES),
        summary=expand("<results>/batches/{batch}/calls.sequencing_summary.tsv", batch=BATCHES),
        quarantine=expand("<results>/batches/{batch}/calls.quarantine.tsv", batch=BATCHES),
        segments=expand("<results>/segments/{group}.tsv", group=GROUPS),
    output:
        calls="<results>/calls.bam",
        summary="<results>/sequencing_summary.tsv",
        quarantine="<results>/quarantine.tsv",
    log:
        "<logs>/collect.log",
    benchmark:
        "<benchmarks>/collect.jsonl"
    resources:
        mem_mb=2000,
        runtime=120,
    script:
        "scripts/collect.py"
