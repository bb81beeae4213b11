"""Minimizers against a brute-force definition, overlaps against the positions that the reads were taken from."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from genomes import mutate, random_genome

from basecaller.assembly.contig import Contig
from basecaller.assembly.ends import drop_contained
from basecaller.assembly.grid import make_grid
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.minimizer import CLEAN, Sketch, minimizers
from basecaller.assembly.overlap import find_overlaps, read_paf, write_paf
from basecaller.assembly.readset import NO_QUALITY, pack
from basecaller.bases import reverse_complement
from basecaller.errors import BasecallerError

K = CLEAN.k


def run_minimizers(codes: np.ndarray, w: int) -> list[tuple[int, int, int]]:
    n = len(codes)
    hashes, positions, strands = np.empty(n, np.uint64), np.empty(n, np.int64), np.empty(n, np.uint8)
    count = minimizers(codes, Sketch(K, w), hashes, positions, strands)
    return list(zip(hashes[:count].tolist(), positions[:count].tolist(), strands[:count].tolist(), strict=True))


def test_every_window_holds_its_smallest_kmer() -> None:
    codes, w = random_genome(600, 3), 7
    every = {p: h for h, p, _ in run_minimizers(codes, 1)}
    chosen = {p for _, p, _ in run_minimizers(codes, w)}
    assert set(every) == set(range(len(codes) - K + 1))
    wanted = {min(range(i, i + w), key=lambda p: (every[p], -p)) for i in range(len(codes) - K - w + 2)}
    assert chosen == wanted


def test_both_strands_have_the_same_minimizers() -> None:
    codes = random_genome(2000, 4)
    there = {(h, p, s) for h, p, s in run_minimizers(codes, 5)}
    back = {(h, len(codes) - K - p, 1 - s) for h, p, s in run_minimizers(reverse_complement(codes), 5)}
    assert there == back


def test_unknown_bases_break_kmers() -> None:
    codes = random_genome(300, 5)
    codes[150] = 4
    assert all(p + K <= 150 or p > 150 for _, p, _ in run_minimizers(codes, 5))


@pytest.mark.parametrize("error", [0.0, 0.06, 0.12])
def test_overlaps_lie_where_the_reads_came_from(error: float) -> None:
    genome, rng = random_genome(60_000, 6), np.random.default_rng(7)
    spans = [(int(a), int(a) + 8000) for a in rng.integers(0, 52_000, 40)]
    flips = rng.random(40) < 0.5
    records = []
    for i, ((a, b), flip) in enumerate(zip(spans, flips, strict=True)):
        piece = reverse_complement(genome[a:b]) if flip else genome[a:b]
        read = mutate(piece, error, rng)
        records.append((f"r{i}", read, np.full(len(read), NO_QUALITY, np.uint8)))
    reads = pack(records)
    found = find_overlaps(reads)
    wanted = {
        (i, j): min(spans[i][1], spans[j][1]) - max(spans[i][0], spans[j][0])
        for i in range(40) for j in range(i + 1, 40)
    }
    pairs = set(zip(found.query.tolist(), found.target.tolist(), strict=True))
    assert pairs >= {pair for pair, bases in wanted.items() if bases >= 2000}
    for i in range(len(found)):
        q, t = int(found.query[i]), int(found.target[i])
        bases = wanted[q, t]
        assert bases > 0 and bool(found.reverse[i]) == (flips[q] != flips[t])
        slack = 40 + 0.02 * bases + 10_000 * error  # ends without a shared minimizer
        assert abs(found.query_end[i] - found.query_start[i] - bases) < slack
        start = found.query_start[i] if not flips[q] else len(reads.read(q)) - found.query_end[i]
        assert abs(spans[q][0] + start - max(spans[q][0], spans[t][0])) < slack


def test_paf_round_trip_and_bad_lines(tmp_path: Path) -> None:
    genome = random_genome(9000, 8)
    none = np.full(6000, NO_QUALITY, np.uint8)
    reads = pack([("a", genome[:6000], none), ("b", reverse_complement(genome[3000:]), none)])
    found = find_overlaps(reads)
    write_paf(found, reads.names, reads.lengths, tmp_path / "x.paf")
    again = read_paf(tmp_path / "x.paf", reads.names)
    for name in ("query", "query_start", "query_end", "reverse", "target", "target_start", "matches", "span"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    with pytest.raises(BasecallerError, match="line 1: read 'a'"):
        read_paf(tmp_path / "x.paf", ["c"])
    (tmp_path / "bad.paf").write_text("a\tb\n")
    with pytest.raises(BasecallerError, match=r"bad\.paf, line 1: not a line of PAF"):
        read_paf(tmp_path / "bad.paf", ["a", "b"])
    line = (tmp_path / "x.paf").read_text()
    (tmp_path / "more.paf").write_text(line.replace("a\t", "x\t", 1) + line + line.replace("b\t", "a\t", 1))
    assert len(read_paf(tmp_path / "more.paf", reads.names, others=True)) == 1  # not of x, nor of a with itself
    with pytest.raises(BasecallerError, match="no overlap of two of the reads"):
        read_paf(tmp_path / "more.paf", ["c"], others=True)
    (tmp_path / "x.paf.gz").write_bytes(gzip.compress(line.encode()))
    assert len(read_paf(tmp_path / "x.paf.gz", reads.names, reads.lengths)) == 1
    with pytest.raises(BasecallerError, match=r"line 1: 3000 to 6000 does not lie within a"):
        read_paf(tmp_path / "x.paf", reads.names, reads.lengths - 1)
    (tmp_path / "cut.paf.gz").write_bytes(gzip.compress(line.encode())[:-9])
    with pytest.raises(BasecallerError, match="cannot be read"):
        read_paf(tmp_path / "cut.paf.gz", reads.names)


def test_contigs_longer_than_a_read_may_be() -> None:
    """4.2 Mb: reads find their places, and pieces are found to lie within, on either side of 2**21 bases."""
    genome = random_genome(4_200_000, 9)
    spans = [(100_000, 110_000), (2_090_000, 2_105_000), (3_500_000, 3_506_000), (4_185_000, 4_200_000)]
    pieces = [genome[a:b] if i % 2 else reverse_complement(genome[a:b]) for i, (a, b) in enumerate(spans)]
    reads = pack((f"r{i}", piece, np.full(len(piece), 20, np.uint8)) for i, piece in enumerate(pieces))
    contigs = [Contig("c", genome, True)]
    placements, _ = map_reads(reads, contigs, make_grid(contigs, 5000))
    assert placements.read.tolist() == [0, 1, 2, 3]
    assert placements.reverse.tolist() == [True, False, True, False]
    np.testing.assert_allclose(np.c_[placements.start, placements.end], spans, atol=30)
    parts = [*contigs, *(Contig(f"p{i}", piece, False) for i, piece in enumerate(pieces))]
    assert drop_contained(parts) == [True, False, False, False, False]
