# The pipeline's front door: raw signal -> batches -> reads -> contigs -> report.
#
#   snakemake --cores all                            the built-in example, a small simulated phage run
#   snakemake --cores all --config reads='[run/]'    your own reads; every setting: config/config.yaml

from pathlib import Path

from snakemake.utils import min_version, validate

min_version("9.20")


configfile: Path(workflow.basedir) / "config" / "config.yaml"


validate(config, "config/config.schema.json")


pathvars:
    results=config["results"],
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


container: config["container"]


include: "workflows/common.smk"


rule all:
    default_target: True
    input:
        "<results>/report.html",


include: "workflows/simulate.smk"
include: "workflows/segment.smk"
include: "workflows/basecall.smk"
include: "workflows/assemble.smk"
include: "workflows/polish.smk"
include: "workflows/report.smk"
