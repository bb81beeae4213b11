"""Made-up genomes and reads for the assembly tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from basecaller.assembly.genes.codons import STOP, expected_usage, number
from basecaller.assembly.readset import ReadSet, pack
from basecaller.bases import reverse_complement

Codes = npt.NDArray[np.uint8]


def random_genome(length: int, seed: int = 0) -> Codes:
    """Independent bases."""
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)


def genome_of_genes(length: int, seed: int = 0) -> Codes:
    """Genes of either strand, each codon more or less frequent than expected, and some random bases between them."""
    rng = np.random.default_rng(seed)
    usage = np.where(STOP, 0.0, expected_usage(0.55)) * rng.lognormal(0.0, 0.6, 64)
    parts, so_far = [], 0
    while so_far < length:
        codons = rng.choice(64, int(rng.integers(100, 500)), p=usage / usage.sum())
        codons[0], codons[-1] = number("ATG"), number("TAA")
        gene = np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel().astype(np.uint8)
        parts += [rng.integers(0, 4, int(rng.integers(20, 150))).astype(np.uint8),
                  reverse_complement(gene) if rng.random() < 0.5 else gene]
        so_far += len(parts[-1]) + len(parts[-2])
    return np.concatenate(parts)[:length]


def mutate(codes: Codes, error: float, rng: np.random.Generator) -> Codes:
    """A third each of substitutions, insertions and deletions."""
    draw = rng.random(len(codes))
    kind = np.where(draw < error, (draw * 3 / max(error, 1e-9)).astype(int), 3)
    substituted = np.where(kind == 0, (codes + rng.integers(1, 4, len(codes))) % 4, codes).astype(np.uint8)
    copies = np.select([kind == 1, kind == 2], [0, 2], 1)
    out = np.repeat(substituted, copies)
    inserted = np.cumsum(copies)[kind == 2] - 1
    out[inserted] = rng.integers(0, 4, len(inserted))
    return out


def sample_reads(
    genome: Codes, depth: float, mean: float, error: float, seed: int = 1, circular: bool = True, quality: int = 12
) -> ReadSet:
    """Reads of both strands, names r0, r1, ..."""
    rng = np.random.default_rng(seed)
    records, left = [], depth * len(genome)
    while left > 0:
        length = int(rng.gamma(4.0, mean / 4)) + 300
        if circular:
            start = int(rng.integers(len(genome)))
            piece = np.resize(np.roll(genome, -start), length)
        else:
            start = int(rng.integers(-length + 300, len(genome) - 300))
            piece = genome[max(0, start) : start + length]
        left -= len(piece)
        if rng.random() < 0.5:
            piece = reverse_complement(piece)
        read = mutate(piece, error, rng)
        records.append((f"r{len(records)}", read, np.full(len(read), quality, np.uint8)))
    return pack(records)


def best_rotation(contig: Codes, truth: Codes) -> Codes:
    """The contig, if a circle, turned and flipped to lie on the truth."""
    seed = truth[:24].tobytes()
    for codes in (contig, reverse_complement(contig)):
        at = np.concatenate([codes, codes[:24]]).tobytes().find(seed)
        if at >= 0:
            return np.roll(codes, -at)
    return contig
