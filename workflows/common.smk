# What the rules share: which raw files there are, and the batches that they are called in.
#
# Raw files are segmented in groups: all that a first run finds are group 0, those that were added before a later run
# are group 1, and so on. A group keeps its batches, so added files are called without calling the others again.

import math
import os
import shutil

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


def batch_names(groups):
    """`group-batch` of every batch: the config's number in the first group, as many as their size asks for later."""
    most = config["segment"]["batches"]
    sizes = {number: sum(map(os.path.getsize, filter(os.path.exists, files))) for number, files in groups.items()}
    first = max(1, next(iter(sizes.values())))
    counts = {number: max(1, min(most, math.ceil(most * size / first))) for number, size in sizes.items()}
    counts[next(iter(groups))] = most
    return [f"{number}-{batch:04d}" for number, count in counts.items() for batch in range(count)]


# without reads of the user's, the simulated run is the only group
GROUPS = grouped(Path(config["results"], "segments")) if config["reads"] else {0: []}
if not GROUPS:
    raise WorkflowError(f"setting `reads`: no FAST5, POD5 or SLOW5 file in {', '.join(config['reads'])}")
BATCHES = batch_names(GROUPS)


def group_files(wildcards):
    """The raw files of a group; without files of the user's, the simulated run."""
    if not config["reads"]:
        return rules.simulate.output.run
    return list(filter(os.path.exists, GROUPS[int(wildcards.group)]))


def broken_links(wildcards):
    """Files of a group that are not there: no input of a job, but to be set aside by name."""
    return [name for name in GROUPS[int(wildcards.group)] if not os.path.exists(name)]


def reference(wildcards):
    """The genome that reads and contigs are measured against; none when it is not known."""
    if config["reference"]:
        return config["reference"]
    return [] if config["reads"] else rules.simulate.output.genome


def require_programs(assembler, programs):
    """Say at once what a chosen assembler lacks on this machine."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise WorkflowError(
            f"setting `assembler`: {assembler} needs {', '.join(missing)} on the PATH (Debian and bioconda have"
            " packages of these names); `assembler: builtin` needs no other program"
        )
