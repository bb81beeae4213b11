# Reads to contigs, by our own assembler or by one that is installed on the machine; all leave the same two files.

ASSEMBLER = config["assemble"]["assembler"]
POLISH = polishes(config["assemble"]["polish"])
# where the assembler's own contigs go: those that are polished end in `assembly/`
DRAFT = "draft" if POLISH else "assembly"

# what only our own assembler leaves: of an earlier run, it would be taken for this one's
OWN_TABLES = [
    os.path.join(config["results"], "assembly", name)
    for name in ("contigs.fastq", "contigs.tsv", "unplaced.tsv", "metrics.json")
]

require_programs(ASSEMBLER, {"builtin": [], "flye": ["flye"], "miniasm": ["minimap2", "miniasm", "racon"]}[ASSEMBLER])


if ASSEMBLER == "builtin":

    rule assemble:
        input:
            "<results>/calls.bam",
        output:
            fasta=f"<results>/{DRAFT}/contigs.fasta",
            gfa=f"<results>/{DRAFT}/assembly.gfa",
        params:
            folder=lambda wildcards, output: os.path.dirname(output.fasta),
            min_length=config["assemble"]["min_length"],
        log:
            "<logs>/assemble.log",
        benchmark:
            "<benchmarks>/assemble.jsonl"
        threads: config["assemble"]["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: 4000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        shell:
            "basecaller assemble {input} -o {params.folder:q} --min-length {params.min_length}"
            " --threads {threads} 2> {log}"

else:

    rule fastq:
        input:
            "<results>/calls.bam",
        output:
            temp("<results>/assembly/reads.fastq"),
        params:
            min_length=config["assemble"]["min_length"],
        log:
            "<logs>/fastq.log",
        resources:
            mem_mb=2000,
            runtime=120,
        script:
            "scripts/fastq.py"


if ASSEMBLER == "flye":

    rule assemble:
        input:
            "<results>/assembly/reads.fastq",
        output:
            folder=directory("<results>/assembly/flye"),
            fasta=f"<results>/{DRAFT}/contigs.fasta",
            gfa=f"<results>/{DRAFT}/assembly.gfa",
        params:
            stale=OWN_TABLES,
        log:
            "<logs>/assemble.log",
        benchmark:
            "<benchmarks>/assemble.jsonl"
        threads: config["assemble"]["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: 8000 * attempt,
            runtime=lambda wildcards, attempt: 480 * attempt,
        shell:
            "rm -f {params.stale:q}; flye --nano-hq {input} --out-dir {output.folder} --threads {threads} 2> {log}"
            " && cp {output.folder}/assembly.fasta {output.fasta}"
            " && cp {output.folder}/assembly_graph.gfa {output.gfa}"


if ASSEMBLER == "miniasm":

    rule miniasm:
        input:
            "<results>/assembly/reads.fastq",
        output:
            overlaps=temp("<results>/assembly/overlaps.paf"),
            gfa=f"<results>/{DRAFT}/assembly.gfa",
            fasta=temp("<results>/assembly/racon0.fasta"),
        params:
            stale=OWN_TABLES,
        log:
            "<logs>/miniasm.log",
        benchmark:
            "<benchmarks>/miniasm.jsonl"
        threads: config["assemble"]["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: 8000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        shell:
            "rm -f {params.stale:q}; (minimap2 -x ava-ont -t {threads} {input} {input} > {output.overlaps}"
            " && miniasm -f {input} {output.overlaps} > {output.gfa}"
            " && awk '$1 == \"S\" {{print \">\" $2 \"\\n\" $3}}' {output.gfa} > {output.fasta}) 2> {log}"

    rule racon:
        input:
            reads="<results>/assembly/reads.fastq",
            contigs=lambda wildcards: f"<results>/assembly/racon{int(wildcards.round) - 1}.fasta",
        output:
            overlaps=temp("<results>/assembly/racon{round,[12]}.paf"),
            fasta=temp("<results>/assembly/racon{round}.fasta"),
        log:
            "<logs>/racon{round}.log",
        benchmark:
            "<benchmarks>/racon{round}.jsonl"
        threads: config["assemble"]["threads"]
        resources:
            mem_mb=lambda wildcards, attempt: 8000 * attempt,
            runtime=lambda wildcards, attempt: 240 * attempt,
        shell:
            # racon fails on no contigs; none joined is a result, not an error
            "if [ -s {input.contigs} ]; then"
            " minimap2 -x map-ont -t {threads} {input.contigs} {input.reads} > {output.overlaps}"
            " && racon -t {threads} {input.reads} {output.overlaps} {input.contigs} > {output.fasta};"
            " else touch {output}; fi 2> {log}"

    rule assemble:
        input:
            "<results>/assembly/racon2.fasta",
        output:
            f"<results>/{DRAFT}/contigs.fasta",
        log:
            "<logs>/assemble.log",
        shell:
            "cp {input} {output} 2> {log}"
