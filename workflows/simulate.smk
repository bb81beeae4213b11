# A small phage run with known truth, for a first look without data of one's own.


rule simulate:
    output:
        run=directory("<results>/simulated/run"),
        genome="<results>/simulated/genome.fasta",
    params:
        length=config["simulate"]["genome_length"],
        coverage=config["simulate"]["coverage"],
        read_length=config["simulate"]["read_length"],
        seed=config["simulate"]["seed"],
    log:
        "<logs>/simulate.log",
    benchmark:
        "<benchmarks>/simulate.jsonl"
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "basecaller simulate --genome-length {params.length} --coverage {params.coverage}"
        " --read-length {params.read_length} --seed {params.seed}"
        " --genome-out {output.genome} -o {output.run} 2> {log}"
