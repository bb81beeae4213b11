"""Called reads come back as they were called, from every format and whatever the file's name."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from basecaller.called import CalledRead, read_calls
from basecaller.errors import ReadError, UsageError


def reverse_complement(sequence: str) -> str:
    return sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def reads() -> list[CalledRead]:
    return [
        CalledRead("a", "ACGTACGTAA", np.arange(10, dtype=np.uint8)),
        CalledRead("b", "GGGTTT", np.full(6, 40, dtype=np.uint8)),
    ]


def write(path: Path) -> None:
    """`reads()` in the format that the name says; BAM with a read stored reverse-complemented and other records."""
    if path.suffix in (".bam", ".sam"):
        header = pysam.AlignmentHeader.from_dict({"SQ": [{"SN": "x", "LN": 100}]})
        with pysam.AlignmentFile(str(path), "wb" if path.suffix == ".bam" else "w", header=header) as handle:
            for read, flag in zip(reads(), (4, 16), strict=True):
                for extra in (0, 256, 2048) if flag == 16 else (0,):
                    record = pysam.AlignedSegment(header)
                    record.query_name, record.flag = read.name, flag + extra
                    step = -1 if flag == 16 else 1
                    record.query_sequence = reverse_complement(read.sequence) if flag == 16 else read.sequence
                    record.query_qualities = read.qualities[::step].tolist()
                    if flag == 16:
                        record.reference_id, record.reference_start, record.cigarstring = 0, 3, "6M"
                    handle.write(record)
        return
    lines = [
        f">{r.name} comment\n{r.sequence.lower()}\n" if "fasta" in path.name
        else f"@{r.name} comment\n{r.sequence}\n+\n{''.join(chr(33 + q) for q in r.qualities)}\n"
        for r in reads()
    ]
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as handle:
        handle.write("".join(lines))


@pytest.mark.parametrize("name", ["c.fastq", "c.fastq.gz", "c.fasta", "c.bam", "c.sam"])
def test_reads_come_as_called_from_every_format(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    found = list(read_calls(tmp_path / name))
    assert [(r.name, r.sequence) for r in found] == [(r.name, r.sequence) for r in reads()]
    for read, expected in zip(found, reads(), strict=True):
        if "fasta" in name:
            assert read.qualities is None
        else:
            np.testing.assert_array_equal(read.qualities, expected.qualities)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.fastq"):
        list(read_calls(tmp_path / "none.fastq"))
    cut = tmp_path / "cut.fastq"
    cut.write_text("@a\nACGT\n+\nII")
    with pytest.raises(ReadError, match=r"cut\.fastq"):
        list(read_calls(cut))
    bam = tmp_path / "not.bam"
    bam.write_text("no bam at all")
    with pytest.raises(ReadError, match=r"not\.bam"):
        list(read_calls(bam))
    (tmp_path / "page.html").write_text("<html>")
    with pytest.raises(ReadError, match=r"page\.html.*not FASTA"):
        list(read_calls(tmp_path / "page.html"))


def test_the_content_says_what_a_file_is(tmp_path: Path) -> None:
    write(tmp_path / "c.bam")
    (tmp_path / "c.bam").rename(tmp_path / "calls.dat")
    write(tmp_path / "c.fastq")
    (tmp_path / "c.fastq").rename(tmp_path / "calls.bam")
    (tmp_path / "nothing.fastq").touch()
    for name in ("calls.dat", "calls.bam"):
        assert [read.name for read in read_calls(tmp_path / name)] == ["a", "b"]
    assert list(read_calls(tmp_path / "nothing.fastq")) == []


def test_tags_come_alike_from_bam_and_from_a_fastq_header(tmp_path: Path) -> None:
    write(tmp_path / "c.sam")
    text = (tmp_path / "c.sam").read_text().splitlines()
    tags = "ns:i:4000\tqs:f:9.5\tst:Z:2020-01-01T00:00:00+00:00\tmv:B:c,5,1,0,1"
    (tmp_path / "t.sam").write_text("\n".join(line if line[0] == "@" else f"{line}\t{tags}" for line in text) + "\n")
    (tmp_path / "t.fastq").write_text(f"@a {tags}\tx:i:1\tnot a tag\tzz:i:no\nACGT\n+\nIIII\n")
    for name in ("t.sam", "t.fastq"):
        read = next(read_calls(tmp_path / name, tags=True))
        assert read.tags["ns"] == 4000 and read.tags["qs"] == 9.5
        assert read.tags["st"] == "2020-01-01T00:00:00+00:00"
        assert list(read.tags["mv"]) == [5, 1, 0, 1] and set(read.tags) == {"ns", "qs", "st", "mv"}
        assert next(read_calls(tmp_path / name)).tags == {}
