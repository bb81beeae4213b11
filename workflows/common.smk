# What the rules share: which raw files there are, and the batches that they are called in.
#
# Raw files are segmented in groups: all that a first run finds are group 0, those that were added before a later run
# are group 1, and so on. A group keeps its batches, so added files are called without calling the others again.

import hashlib
import math
import os
import shutil
from functools import cache

from basecaller.errors import UsageError
from basecaller.reads.files import find_files
from snakemake.exceptions import WorkflowError


def raw_files():
    """Every raw file under the paths of the config, in a stable order."""
    try:
        return list(find_files(map(Path, config["reads"]), recursive=True))
    except UsageError as error:
        raise WorkflowError(f"setting `reads`: {error}")


def grouped(folder):
    """Group number -> raw files: the groups that finished segmentations in `folder` name, then one of the others."""
    ungrouped = dict.fromkeys(raw_files())
    groups = {}
    number = 0
    while (names := Path(folder, f"{number}.files")).exists():
        groups[number] = [name for name in names.read_text().splitlines() if name in ungrouped]
        for name in groups[number]:
            del ungrouped[name]
        number += 1
    groups[number] = list(ungrouped)
    return {number: files for number, files in groups.items() if files}


@cache
def state(group):
    """Bytes of a group's files, and a digest that changes when one of them changes or goes away."""
    size = 0
    digest = hashlib.sha256()
    for name in GROUPS[group]:
        status = os.stat(name) if os.path.exists(name) else None  # a broken link is for `segment` to set aside
        size += status.st_size if status else 0
        digest.update(f"{name}\t{status and (status.st_size, status.st_mtime_ns)}\n".encode("utf-8", "surrogateescape"))
    return size, digest.hexdigest()


def batch_counts():
    """Batches of each group: the config's number in the first, as many as their size asks for in later ones."""
    most = config["segment"]["batches"]
    first = next(iter(GROUPS))
    share = {group: state(group)[0] / max(1, state(first)[0]) for group in GROUPS}
    return {group: most if group == first else max(1, min(most, math.ceil(most * share[group]))) for group in GROUPS}


# without reads of the user's, the simulated run is the only group
GROUPS = grouped(Path(config["results"], "segments")) if config["reads"] else {0: []}
if not GROUPS:
    raise WorkflowError(f"setting `reads`: no FAST5, POD5 or SLOW5 file in {', '.join(config['reads'])}")
BATCH_COUNTS = batch_counts()
BATCHES = [f"{group}-{batch:04d}" for group, count in BATCH_COUNTS.items() for batch in range(count)]


def simulated_run(wildcards):
    """What must be made before it can be segmented; the user's own files are there, and too many to name as input."""
    return [] if config["reads"] else rules.simulate.output.run


def group_files(wildcards):
    """The raw files of a group, or the folder of the simulated ones."""
    return GROUPS[int(wildcards.group)] or [str(rules.simulate.output.run)]


def model_option():
    """Which model the commands shall use; none says that they choose what fits the reads."""
    return [] if config["basecall"]["model"] == "auto" else ["--model", config["basecall"]["model"]]


def reference(wildcards):
    """The genome that reads and contigs are measured against; none when it is not known."""
    if config["reference"]:
        return config["reference"]
    return [] if config["reads"] else rules.simulate.output.genome


def polishes(setting):
    """Whether contigs are polished with the signal; `auto`: those of the user's own reads. YAML reads on as true."""
    return setting in ("on", True) or (setting == "auto" and bool(config["reads"]))


def require_programs(assembler, programs):
    """Say at once what a chosen assembler lacks on this machine."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise WorkflowError(
            f"setting `assembler`: {assembler} needs {', '.join(missing)} on the PATH (Debian and bioconda have"
            " packages of these names); `assembler: builtin` needs no other program"
        )
