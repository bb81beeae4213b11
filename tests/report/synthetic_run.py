"""A run folder made up with known numbers, in the layout that the pipeline leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam

SPEED, RATE, STRIDE = 420.0, 4000, 3
BASES = np.frombuffer(b"ACGT", np.uint8)
COLUMNS = ("input_filename", "read_id", "run_id", "channel", "mux", "start_time", "duration", "template_start",
           "num_events_template", "template_duration", "sequence_length_template", "mean_qscore_template",
           "end_reason")


@dataclass(frozen=True)
class Truth:
    """What a report of the folder must say."""

    folder: Path
    genome: str
    lengths: np.ndarray
    qualities: np.ndarray
    error_rate: float


def mutate(sequence: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """One third each of mismatches, insertions and deletions, independent at each base."""
    kind = rng.choice(4, len(sequence), p=(1 - rate, rate / 3, rate / 3, rate / 3))
    changed = np.where(kind == 1, BASES[(np.searchsorted(BASES, sequence) + rng.integers(1, 4, len(sequence))) % 4],
                       sequence)
    copies = np.where(kind == 2, 0, np.where(kind == 3, 2, 1))
    out = np.repeat(changed, copies)
    second = np.repeat(kind == 3, copies) & (np.arange(len(out)) != np.repeat(np.cumsum(copies) - copies, copies))
    return np.where(second, rng.choice(BASES, len(out)), out)


def make_run(folder: Path, *, reads: int = 200, genome_length: int = 20_000, mean_length: int = 1500,
             error_rate: float = 0.06, aside: int = 3, seed: int = 1, assembly: bool = True, calls: bool = True,
             summary: bool = True, channels: int = 512) -> Truth:
    """Write the folder: reads of a circular genome, drawn with errors, and one contig equal to the genome."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    genome = rng.choice(BASES, genome_length)
    ring = np.concatenate([genome, genome])
    wanted = np.clip(rng.gamma(2.0, mean_length / 2, reads), 200, genome_length).astype(int)
    start = np.sort(rng.uniform(0, 8 * 3600, reads))
    channel = rng.integers(1, channels + 1, reads)
    lengths, qualities, rows = [], [], []
    header = {"HD": {"VN": "1.6", "SO": "unknown"},
              "RG": [{"ID": "run_r9.4.1", "PL": "ONT", "PU": "FAK00001", "PM": "MN00001", "SM": "phage",
                      "DT": "2020-01-01T00:00:00+00:00", "DS": "runid=run basecall_model=made_up"}],
              "PG": [{"ID": "basecaller", "PN": "basecaller", "VN": "0.1.0", "CL": "basecall run -o calls.bam"}]}
    path = str(folder / "calls.bam") if calls else "/dev/null"
    with pysam.AlignmentFile(path, "wb", header=header) as bam:
        for i in range(reads):
            at = rng.integers(0, genome_length)
            sequence = mutate(ring[at : at + wanted[i]], error_rate, rng)
            q = int(np.clip(rng.normal(12, 2), 5, 25))
            seconds = len(sequence) / rng.normal(SPEED, 15)
            record = pysam.AlignedSegment(bam.header)
            record.query_name = f"read-{i:06d}"
            record.flag = 4
            record.query_sequence = sequence.tobytes().decode()
            record.query_qualities = np.full(len(sequence), q, np.uint8)
            samples, trimmed = int(seconds * RATE) + 200, 200
            record.set_tags([("qs", float(q), "f"), ("du", samples / RATE, "f"), ("ns", samples), ("ts", trimmed),
                             ("ch", int(channel[i])), ("RG", "run_r9.4.1")])
            if calls:
                bam.write(record)
            lengths.append(len(sequence))
            qualities.append(q)
            rows.append(("a.fast5", record.query_name, "run", channel[i], 1, f"{start[i]:.4f}", f"{samples / RATE:.4f}",
                         f"{start[i] + trimmed / RATE:.4f}", (samples - trimmed) // STRIDE,
                         f"{(samples - trimmed) / RATE:.4f}", len(sequence), q, "signal_positive"))
    if summary:
        (folder / "sequencing_summary.tsv").write_text(
            "\n".join("\t".join(map(str, row)) for row in [COLUMNS, *rows]) + "\n")
    (folder / "quarantine.tsv").write_text("path\tread_id\treason\n" + "".join(
        f"broken_{i}.fast5\t\t{'not a FAST5 file: <truncated>' if i % 3 else 'no signal'}\n" for i in range(aside)))
    (folder / "config.yaml").write_text("reads: [run/]\nbasecall:\n  model: r9.4.1\n")
    (folder / "benchmarks" / "basecall").mkdir(parents=True, exist_ok=True)
    for i in range(2):
        (folder / "benchmarks" / "basecall" / f"0-{i:04d}.jsonl").write_text(json.dumps(
            {"s": 50.0, "h:m:s": "0:00:50", "max_rss": 800.0 + i, "cpu_time": 100.0}) + "\n")
    text = genome.tobytes().decode()
    (folder / "genome.fasta").write_text(f">genome\n{text}\n")
    if assembly:
        write_assembly(folder / "assembly", text, np.sum(lengths) / genome_length)
    return Truth(folder, text, np.array(lengths), np.array(qualities), error_rate)


def write_assembly(folder: Path, genome: str, depth: float) -> None:
    """One circular contig, turned by a third, with one base changed; and a graph of it and a small tangle."""
    folder.mkdir(exist_ok=True)
    third = len(genome) // 3
    turned = genome[third:] + genome[:third]
    turned = turned[:5000] + ("A" if turned[5000] != "A" else "C") + turned[5001:]
    name = "utg000001c"
    (folder / "contigs.fasta").write_text(f">{name}\n{turned}\n")
    (folder / "contigs.fastq").write_text(f"@{name}\n{turned}\n+\n{'I' * len(turned)}\n")
    (folder / "contigs.tsv").write_text(
        "name\tlength\tdepth\tcopies\tcircular\tgc\texpected_errors\tnote\n"
        f"{name}\t{len(turned)}\t{depth:.2f}\t1.00\ttrue\t0.5\t2.00\t\n")
    (folder / "unplaced.tsv").write_text("reads\tbases\treason\texample\n3\t900\tno overlap\tread-000001\n")
    lines = ["H\tVN:Z:1.0", f"S\t{name}\t*\tLN:i:{len(turned)}\tdp:f:{depth:.2f}", f"L\t{name}\t+\t{name}\t+\t0M"]
    for other, length in (("utg000002l", 9000), ("utg000003l", 5000), ("utg000004l", 3000), ("utg000005l", 2500)):
        lines.append(f"S\t{other}\t*\tLN:i:{length}\tdp:f:{depth / 2:.2f}")
    lines += ["L\tutg000002l\t+\tutg000003l\t+\t0M", "L\tutg000002l\t+\tutg000004l\t+\t0M",
              "L\tutg000003l\t+\tutg000005l\t-\t0M", "L\tutg000004l\t+\tutg000005l\t-\t0M"]
    (folder / "assembly.gfa").write_text("\n".join(lines) + "\n")
