"""What an assembly goes through on its way, written to a folder for looking at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from basecaller.assembly.contig import Contig
from basecaller.assembly.gfa import whole, write_fasta
from basecaller.assembly.graph import StringGraph
from basecaller.assembly.layout import Watch
from basecaller.assembly.overlap import Overlaps, write_paf
from basecaller.assembly.readset import ReadSet


class Stages:
    """Writes each stage as a file of its own, numbered in order: `01_overlaps.paf`, `02_arcs.gfa`, ..."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.number = 0

    def overlaps(self, overlaps: Overlaps, reads: ReadSet) -> None:
        """As PAF, which `assemble` takes again."""
        write_paf(overlaps, reads.names, reads.lengths, self._next("overlaps.paf"))

    def watch(self, reads: ReadSet, which: str = "") -> Watch:
        """For `lay_out` of these reads, and named by `which` pass it is: the graph after each step, as GFA 1."""
        return lambda stage, graph: write_graph(graph, reads.names, self._next(f"{which}{stage}.gfa"))

    def contigs(self, stage: str, contigs: Sequence[Contig]) -> None:
        """As FASTA."""
        named = [replace(contig, name=contig.name or f"{i + 1}") for i, contig in enumerate(contigs)]
        write_fasta(named, self._next(f"{stage}.fasta"))

    def _next(self, name: str) -> Path:
        self.number += 1
        return self.folder / f"{self.number:02d}_{name}"


def write_graph(graph: StringGraph, names: Sequence[str], path: Path) -> None:
    """A string graph as GFA 1: a segment for the kept part of each read in it, without its bases, and a link for each
    pair of arcs."""
    with whole(path) as handle:
        handle.write("H\tVN:Z:1.0\n")
        for read in sorted({vertex >> 1 for vertex in graph.vertices()}):
            handle.write(f"S\t{names[read]}\t*\tLN:i:{graph.lengths[read]}\n")
        for vertex in graph.vertices():
            for arc in graph.alive(vertex):
                if (arc.source, arc.sink) <= (arc.sink ^ 1, arc.source ^ 1):  # not its twin
                    handle.write(f"L\t{names[arc.source >> 1]}\t{'+-'[arc.source & 1]}\t{names[arc.sink >> 1]}\t"
                                 f"{'+-'[arc.sink & 1]}\t{arc.overlap}M\n")
