"""What an assembly is written as: FASTA, FASTQ, GFA1 and a table of contigs; each appears whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from basecaller.assembly.contig import Contig, expected_errors
from basecaller.bases import encode
from basecaller.errors import BasecallerError, UsageError

if TYPE_CHECKING:
    from basecaller.assembly.layout import Link

LINE = 80


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file that gets its name only when it is complete."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as handle:
        yield handle
    partial.replace(path)


def header(contig: Contig) -> str:
    """`name length=... depth=... circular=...`."""
    return (f"{contig.name} length={len(contig.codes)} depth={contig.depth:.1f} "
            f"circular={'true' if contig.circular else 'false'}")


def read_contigs(path: Path) -> list[Contig]:
    """Contigs of a FASTA or FASTQ file; depth and circularity as `header` writes them, if they are there, and notes
    from the `contigs.tsv` beside it."""
    import pysam

    if not path.is_file():
        raise UsageError(f"{path}: no such file of contigs")
    contigs = []
    try:
        rows = read_table(path.with_name("contigs.tsv"))
        with pysam.FastxFile(str(path), persist=False) as fastx:
            for entry in fastx:
                fields = dict(item.partition("=")[::2] for item in (entry.comment or "").split())
                contigs.append(Contig(entry.name, encode(entry.sequence or ""), fields.get("circular") == "true",
                                      float(fields.get("depth", "0")), note=rows.get(entry.name, {}).get("note") or ""))
    except (OSError, ValueError) as error:
        raise BasecallerError(f"{path}: cannot be read as contigs ({error})") from None
    return [contig for contig in contigs if len(contig.codes)]


def write_fasta(contigs: Sequence[Contig], path: Path) -> None:
    """Contigs as FASTA."""
    with whole(path) as handle:
        for contig in contigs:
            text = contig.sequence
            handle.write(f">{header(contig)}\n")
            handle.writelines(text[i : i + LINE] + "\n" for i in range(0, len(text), LINE))


def write_fastq(contigs: Sequence[Contig], path: Path) -> None:
    """Contigs as FASTQ; a contig without qualities is written with Q0."""
    with whole(path) as handle:
        for contig in contigs:
            if contig.qualities is None:
                quality = "!" * len(contig.codes)
            else:
                quality = (contig.qualities + 33).tobytes().decode("ascii")
            handle.write(f"@{header(contig)}\n{contig.sequence}\n+\n{quality}\n")


def write_gfa(contigs: Sequence[Contig], links: Sequence[Link], path: Path) -> None:
    """Contigs and the links between them as GFA 1; a circle is linked to itself."""
    with whole(path) as handle:
        handle.write("H\tVN:Z:1.0\n")
        for contig in contigs:
            handle.write(f"S\t{contig.name}\t{contig.sequence}\tLN:i:{len(contig.codes)}\t"
                         f"dp:f:{contig.depth:.2f}\n")
        for contig in contigs:
            if contig.circular:
                handle.write(f"L\t{contig.name}\t+\t{contig.name}\t+\t0M\n")
        for link in links:
            handle.write(f"L\t{contigs[link.source].name}\t{'+-'[link.source_reverse]}\t{contigs[link.sink].name}\t"
                         f"{'+-'[link.sink_reverse]}\t*\n")


def write_gfa_with(sequences: Mapping[str, str], graph: Path, path: Path) -> None:
    """A GFA 1 file again, segments of the names in `sequences` with those bases; links and all else as they were."""
    lines = graph.read_text(encoding="utf-8").splitlines()
    with whole(path) as handle:
        for line in lines:
            fields = line.split("\t")
            if fields[0] == "S" and len(fields) > 2 and fields[1] in sequences:
                fields[2] = sequences[fields[1]]
                fields = [f"LN:i:{len(fields[2])}" if field.startswith("LN:i:") else field for field in fields]
            handle.write("\t".join(fields) + "\n")


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a `contigs.tsv` by contig; none where there is no such table."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as handle:
        return {row["name"]: row for row in csv.DictReader(handle, delimiter="\t") if row.get("name")}


def write_table(contigs: Sequence[Contig], path: Path) -> None:
    """`contigs.tsv`: one row per contig."""
    with whole(path) as handle:
        handle.write("name\tlength\tdepth\tcopies\tcircular\tgc\texpected_errors\tnote\n")
        base = contigs[0].depth if contigs else 1.0
        for contig in contigs:
            gc = float(((contig.codes == 1) | (contig.codes == 2)).mean()) if len(contig.codes) else 0.0
            errors = "" if contig.qualities is None else f"{expected_errors(contig):.2f}"
            handle.write(f"{contig.name}\t{len(contig.codes)}\t{contig.depth:.2f}\t{contig.depth / (base or 1):.2f}\t"
                         f"{'true' if contig.circular else 'false'}\t{gc:.4f}\t{errors}\t{contig.note}\n")
