"""The assembler beside minimap2 + miniasm + racon (twice) on simulated reads: whole processes, one thread each.

    python benchmarks/assembly.py GENOME.fa.gz --case 1mb-6 --case genome --runs 3

makes the reads of each case (`--case` again for more; all without; run r has seed r), assembles them with both, and
prints medians over the runs: CPU seconds, peak memory, contigs, circles, length, breaks and errors against the truth,
and the ratios. `--only ours` leaves the peers out, `--keep FOLDER` keeps reads and contigs, `--list` names the cases.
The first run of our command on a machine compiles its kernels and is not counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mappy
from simulated_reads import CASES, encode, read_fasta, write_case

LAUNCHER = """
import os, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
actions = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
pid = os.posix_spawnp(sys.argv[3], sys.argv[3:], os.environ, file_actions=actions)
usage = os.wait4(pid, 0)[2]
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
"""Starts a command and prints its CPU seconds and peak MB. A process's peak begins at that of the one that forked it,
so a small one does."""


@dataclass(frozen=True)
class Cost:
    """What processes took: CPU seconds together, and the peak memory of the greediest, in MB."""

    seconds: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, max(self.memory, other.memory))


@dataclass(frozen=True)
class Verdict:
    """Contigs against the truth."""

    contigs: int
    circular: int
    length: int
    covered: float
    breaks: int
    errors: int


def measured(command: list[str], out: Path | None, log: Path) -> Cost:
    """Run one command (its output to a file) and say what it took; a failure costs the output, not the run."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(out or os.devnull), str(log), *command]
    seconds, memory = subprocess.run(launch, check=True, capture_output=True, text=True).stdout.split()
    return Cost(float(seconds), float(memory))


def ours(reads: Path, folder: Path) -> tuple[Cost, Path]:
    """`basecaller assemble` as a user starts it."""
    command = [sys.executable, "-c", "import sys; from basecaller.cli.main import main; sys.exit(main())", "assemble",
               str(reads), "-o", str(folder), "-t", "1"]
    return measured(command, None, folder.with_suffix(".log")), folder / "contigs.fasta"


def peers(reads: Path, folder: Path) -> tuple[Cost, Path]:
    """minimap2 + miniasm, then racon twice, with their usual settings."""
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    paf, gfa, draft = folder / "all.paf", folder / "draft.gfa", folder / "draft.fasta"
    cost = measured(["minimap2", "-x", "ava-ont", "-t1", str(reads), str(reads)], paf, log)
    cost += measured(["miniasm", "-f", str(reads), str(paf)], gfa, log)
    with gfa.open() as lines, draft.open("w") as handle:
        for line in lines:
            if line[0] == "S":
                name, sequence = line.split("\t")[1:3]
                handle.write(f">{name} circular={'true' if name.endswith('c') else 'false'}\n{sequence}\n")
    for number in (1, 2):
        mapped, polished = folder / f"{number}.paf", folder / f"{number}.fasta"
        if draft.stat().st_size:
            cost += measured(["minimap2", "-x", "map-ont", "-t1", str(draft), str(reads)], mapped, log)
            cost += measured(["racon", "-t1", "-u", str(reads), str(mapped), str(draft)], polished, log)
        else:
            polished.touch()
        draft = polished
    return cost, draft


def judge(contigs: Path, truth: Path) -> Verdict:
    """Contigs mapped to the truth by minimap2's asm5; alignments are taken greedily, the most matches first.

    Breaks are the pieces beyond one a contig, the two of a circle that begins elsewhere not counted; errors are
    mismatches and inserted and deleted bases.
    """
    aligner = mappy.Aligner(str(truth), preset="asm5", best_n=50)
    lengths = {name: len(sequence) for name, sequence, _ in mappy.fastx_read(str(truth))}
    covered = {name: bytearray(length) for name, length in lengths.items()}
    number = circular = total = breaks = errors = 0
    for name, sequence, _, comment in mappy.fastx_read(str(contigs), read_comment=True):
        number, total = number + 1, total + len(sequence)
        circular += "circular=true" in (comment or "") or bool(re.match(r"utg\d+c$", name))
        taken, pieces = bytearray(len(sequence)), []
        for hit in sorted(aligner.map(sequence, cs=True), key=lambda hit: -hit.mlen):
            wide = hit.q_en - hit.q_st
            if 5 * sum(taken[hit.q_st : hit.q_en]) > wide or hit.blen < 200:
                continue
            taken[hit.q_st : hit.q_en] = b"\1" * wide
            covered[hit.ctg][hit.r_st : hit.r_en] = b"\1" * (hit.r_en - hit.r_st)
            errors += hit.cs.count("*") + sum(map(len, re.findall(r"[+-]([a-z]+)", hit.cs)))
            pieces.append(hit)
        turned = (len(pieces) == 2 and pieces[0].strand == pieces[1].strand and pieces[0].ctg == pieces[1].ctg
                  and min(piece.r_st for piece in pieces) < 500
                  and lengths[pieces[0].ctg] - max(piece.r_en for piece in pieces) < 500)
        breaks += max(0, len(pieces) - 1 - turned)
    share = sum(map(sum, covered.values())) / max(1, sum(lengths.values()))
    return Verdict(number, circular, total, share, breaks, errors)


def row(*cells: object) -> None:
    """One line of a Markdown table, at once."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def report(label: str, who: str, results: list[tuple[Cost, Verdict]]) -> Cost:
    """Print the medians of one assembler on one case."""
    cost = Cost(statistics.median(c.seconds for c, _ in results), statistics.median(c.memory for c, _ in results))

    def middle(field: str) -> float:
        return statistics.median(getattr(verdict, field) for _, verdict in results)

    row(label, who, f"{cost.seconds:.1f}", f"{cost.memory:.0f}", f"{middle('contigs'):g}", f"{middle('circular'):g}",
        f"{middle('length'):,.0f}", f"{middle('covered'):.3%}", f"{middle('breaks'):g}", f"{middle('errors'):g}")
    return cost



def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("genome", type=Path, nargs="?", help="FASTA of a bacterium of 4 Mb or more, plain or gzip")
    parser.add_argument("--case", action="append", choices=CASES, help="default: all")
    parser.add_argument("--runs", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--only", choices=("ours", "peers"))
    parser.add_argument("--keep", type=Path, help="folder for reads and contigs (default: a temporary one)")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    args = parser.parse_args()
    if args.list or args.genome is None:
        for name, case in CASES.items():
            print(f"{name:18} {case.what}")
        return
    if missing := [tool for tool in ("minimap2", "miniasm", "racon") if shutil.which(tool) is None]:
        print(f"{', '.join(missing)} not found: the peers are left out", file=sys.stderr)
        args.only = "ours"
    genome = encode(read_fasta(args.genome))
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        write_case(CASES["8x-12"], genome, 1, folder / "warm")
        ours(folder / "warm" / "reads.fastq.gz", folder / "warm" / "ours")
        row("case", "who", "CPU s", "MB", "contigs", "circles", "bases", "covered", "breaks", "errors")
        row(*["---"] * 2, *["---:"] * 8)
        for name in args.case or CASES:
            results: dict[str, list[tuple[Cost, Verdict]]] = {"ours": [], "peers": []}
            for seed in range(1, args.runs + 1):
                here = folder / f"{name}-{seed}"
                write_case(CASES[name], genome, seed, here)
                for who, assembler in (("ours", ours), ("peers", peers)):
                    if args.only in (None, who):
                        cost, contigs = assembler(here / "reads.fastq.gz", here / who)
                        results[who].append((cost, judge(contigs, here / "truth.fasta")))
                if args.keep is None:
                    shutil.rmtree(here)
            costs = [report(name, who, done) for who, done in results.items() if done]
            if len(costs) == 2 and costs[1].seconds:
                row("", "ratio", f"{costs[0].seconds / costs[1].seconds:.2f}",
                    f"{costs[0].memory / max(1, costs[1].memory):.2f}", *[""] * 6)


if __name__ == "__main__":
    main()
