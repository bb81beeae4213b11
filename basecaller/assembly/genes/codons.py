"""Codons: what they stand for, and how often genes are expected to use each before any have been seen.

A codon's number is 16 times the first base, 4 times the second, and the third, A, C, G, T = 0..3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from basecaller.bases import encode, kmers

AMINO_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""NCBI's genetic code 11 (bacteria, archaea, their phages; in its codons that of most other life too), bases in the
order TCAG."""
COMPOSITION = {"A": 8.25, "R": 5.53, "N": 4.06, "D": 5.46, "C": 1.38, "Q": 3.93, "E": 6.72, "G": 7.07, "H": 2.27,
               "I": 5.91, "L": 9.65, "K": 5.80, "M": 2.41, "F": 3.86, "P": 4.74, "S": 6.65, "T": 5.36, "W": 1.10,
               "Y": 2.92, "V": 6.86, "*": 0.0}
"""Per cent of the amino acids of known proteins (UniProtKB/Swiss-Prot, release statistics)."""
GENE_CODONS = 320
"""Of a gene, in the mean."""
Usage = npt.NDArray[np.float64]
"""(64,) how often each codon occurs in genes; the sum is 1."""


def number(codon: str) -> int:
    """The number of a codon."""
    return int(kmers(encode(codon), 3)[0])


_MEANING = {number(a + b + c): AMINO_ACIDS[16 * i + 4 * j + k]
            for i, a in enumerate("TCAG") for j, b in enumerate("TCAG") for k, c in enumerate("TCAG")}
_CODON = np.arange(64)
STOP = np.array([_MEANING[codon] == "*" for codon in range(64)])
"""(64,) whether a codon ends a gene ..."""
START = np.isin(_CODON, [number(codon) for codon in ("ATG", "GTG", "TTG")])
"""... and whether it may begin one."""
TURNED = 16 * (3 - _CODON % 4) + 4 * (3 - _CODON // 4 % 4) + 3 - _CODON // 16
"""(64,) the reverse complement of each."""


def expected_usage(gc: float) -> Usage:
    """The codons of genes in a genome of that share of G and C: proteins are made of much the same in all, and of the
    codons that mean the same those are used whose bases are frequent (as in Besemer & Borodovsky 1999)."""
    base = np.array([1 - gc, gc, gc, 1 - gc]) / 2
    frequent = base[_CODON // 16] * base[_CODON // 4 % 4] * base[_CODON % 4]
    usage = np.zeros(64)
    for meaning, share in COMPOSITION.items():
        same = np.array([_MEANING[codon] == meaning for codon in range(64)])
        usage[same] = frequent[same] / frequent[same].sum() * share
    usage *= (1 - 1 / GENE_CODONS) / usage.sum()
    usage[STOP] = frequent[STOP] / frequent[STOP].sum() / GENE_CODONS
    return usage
