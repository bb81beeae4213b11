"""Layout against real miniasm on the same PAF (where it is installed) and on hand-made cases."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from genomes import random_genome, sample_reads

from basecaller.assembly.hits import LayoutRules
from basecaller.assembly.layout import lay_out, spell
from basecaller.assembly.overlap import find_overlaps, read_paf, write_paf
from basecaller.assembly.readset import load_reads
from basecaller.bases import decode

Steps = tuple[tuple[str, str], ...]


def canonical(steps: list[tuple[str, str]], circular: bool) -> Steps:
    """The same for a unitig, its reverse complement and, if circular, its rotations."""
    ways = [steps, [(name, "-" if strand == "+" else "+") for name, strand in reversed(steps)]]
    if circular:
        ways = [way[i:] + way[:i] for way in ways for i in range(len(way))]
    return tuple(min(ways))


def our_unitigs(paf: Path) -> list[Steps]:
    """Unitigs of our layout, with the reads numbered as miniasm does: as they appear among the hits it keeps."""
    rules, names = LayoutRules(), dict[str, None]()
    for line in paf.read_text().splitlines():
        f = line.split("\t")
        spans = (int(f[3]) - int(f[2]), int(f[8]) - int(f[7]))
        if min(spans) >= rules.min_span and int(f[9]) >= rules.min_match:
            names.update({f[0]: None, f[5]: None})
    for line in paf.read_text().splitlines():
        names.update({line.split("\t")[0]: None, line.split("\t")[5]: None})
    order = list(names)
    layout = lay_out(read_paf(paf, order), len(order), rules)
    return sorted(
        canonical([(order[s.read], "-" if s.reverse else "+") for s in u.steps], u.circular)
        for u in layout.unitigs
    )


def miniasm_unitigs(paf: Path) -> list[Steps]:
    out = subprocess.run(["miniasm", str(paf)], check=True, capture_output=True, text=True).stdout
    unitigs: dict[str, list[tuple[str, str]]] = {}
    for line in out.splitlines():
        f = line.split("\t")
        if f[0] == "a":
            unitigs.setdefault(f[1], []).append((f[3].rsplit(":", 1)[0], f[4]))
    return sorted(canonical(steps, name.endswith("c")) for name, steps in unitigs.items())


def repetitive_genome(seed: int) -> np.ndarray:
    """60 kb with two exact 5 kb repeats and an inverted 3 kb one."""
    genome, rng = random_genome(60_000, seed), np.random.default_rng(seed)
    for size, flip in ((5000, False), (5000, False), (3000, True)):
        a, b = rng.integers(0, 60_000 - size, 2)
        piece = genome[a : a + size].copy()
        genome[b : b + size] = (3 - piece[::-1]) if flip else piece
    return genome


@pytest.mark.skipif(shutil.which("miniasm") is None, reason="miniasm is not installed")
@pytest.mark.parametrize("seed", range(6))
def test_same_unitigs_as_miniasm(seed: int, tmp_path: Path) -> None:
    genome = random_genome(60_000, seed) if seed < 2 else repetitive_genome(seed)
    reads = sample_reads(genome, 15, (5000, 9000)[seed % 2], (0.05, 0.12)[seed % 3 == 2], seed)
    paf = tmp_path / "x.paf"
    write_paf(find_overlaps(reads), reads.names, reads.lengths, paf)
    theirs = miniasm_unitigs(paf)
    assert theirs
    assert our_unitigs(paf) == theirs


@pytest.mark.skipif(shutil.which("miniasm") is None, reason="miniasm is not installed")
def test_same_unitigs_as_miniasm_on_real_reads(shared_data: Path, tmp_path: Path) -> None:
    reads, _ = load_reads([shared_data / "peer_calls" / "kpneumoniae_r94_deepnano64.fastq"])
    paf = tmp_path / "x.paf"
    write_paf(find_overlaps(reads), reads.names, reads.lengths, paf)
    assert our_unitigs(paf) == miniasm_unitigs(paf)


def test_error_free_circle_is_spelt_exactly() -> None:
    genome = random_genome(40_000, 11)
    reads = sample_reads(genome, 20, 7000, 0.0, 12)
    layout = lay_out(find_overlaps(reads), len(reads), LayoutRules())
    assert [unitig.circular for unitig in layout.unitigs] == [True]
    draft = decode(spell(layout.unitigs[0], layout, reads))
    circle = decode(genome) * 2
    other = decode((3 - genome[::-1]).astype(np.uint8)) * 2
    assert abs(len(draft) - 40_000) <= 30
    assert draft[:30_000] in circle or draft[:30_000] in other


def test_stages_can_be_watched() -> None:
    reads = sample_reads(random_genome(30_000, 13), 12, 6000, 0.05, 14)
    seen: list[str] = []
    lay_out(find_overlaps(reads), len(reads), LayoutRules(), lambda stage, graph: seen.append(stage))
    assert seen[:2] == ["arcs", "transitive"] and "biloops" in seen
