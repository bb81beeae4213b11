"""Aligned output: hits and records against a reference whose truth is known, checked base by base."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest

from basecaller.decode.call import Call
from basecaller.errors import UsageError
from basecaller.output import Hit, OutputHeader, Reference, SummaryWriter, open_writer, partial_path, recover

MakeCall = Callable[..., Call]
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def random_bases(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list("ACGT"), length))


def with_errors(rng: np.random.Generator, sequence: str, rate: float) -> str:
    """Substitutions, insertions and deletions, a third each."""
    out = []
    for base in sequence:
        draw = rng.random()
        if draw < rate / 3:
            continue
        if draw < 2 * rate / 3:
            out.append(rng.choice([b for b in "ACGT" if b != base]))
        elif draw < rate:
            out.append(base + rng.choice(list("ACGT")))
        else:
            out.append(base)
    return "".join(out)


def reverse(sequence: str) -> str:
    return sequence.translate(COMPLEMENT)[::-1]


@pytest.fixture(scope="module")
def contigs() -> dict[str, str]:
    rng = np.random.default_rng(5)
    return {"chrA": random_bases(rng, 12_000), "chrB": random_bases(rng, 8_000)}


@pytest.fixture(scope="module")
def reference(contigs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Reference:
    path = tmp_path_factory.mktemp("reference") / "genome.fa"
    path.write_text("".join(f">{name} some words\n{bases}\n" for name, bases in contigs.items()))
    return Reference(path)


@pytest.fixture
def calls(contigs: dict[str, str], make_call: MakeCall) -> list[Call]:
    """Late on chrB forward, early on chrA reverse, foreign, and one chimera of both contigs."""
    rng = np.random.default_rng(6)
    forward = random_bases(rng, 40) + with_errors(rng, contigs["chrB"][5000:7000], 0.06) + random_bases(rng, 30)
    backward = random_bases(rng, 35) + reverse(with_errors(rng, contigs["chrA"][1000:2500], 0.06))
    chimera = contigs["chrA"][4000:6500] + reverse(contigs["chrB"][1000:3000])
    return [make_call(n, sequence=s) for n, s in enumerate([forward, backward, random_bases(rng, 900), chimera])]


def write(path: Path, calls: list[Call], reference: Reference, fmt: str | None = None) -> list[list[Hit]]:
    hits = [reference.map(call.sequence) for call in calls]
    with open_writer(path, fmt, header=OutputHeader(), reference=reference) as writer:
        for call, found in zip(calls, hits, strict=True):
            writer.write(call, found)
    return hits


def test_contigs_are_known_by_name_and_length(reference: Reference) -> None:
    assert reference.contigs == (("chrA", 12_000), ("chrB", 8_000))


def test_hits_find_place_strand_and_parts(reference: Reference, calls: list[Call]) -> None:
    forward, backward, foreign, chimera = (reference.map(call.sequence) for call in calls)
    [hit] = forward
    assert (hit.contig, hit.strand) == ("chrB", 1)
    assert hit.ref_start == pytest.approx(5000, abs=15)
    assert hit.ref_end == pytest.approx(7000, abs=15)
    assert hit.read_start == pytest.approx(40, abs=15)
    [hit] = backward
    assert (hit.contig, hit.strand) == ("chrA", -1)
    assert hit.read_start == pytest.approx(35, abs=15)
    assert foreign == []
    assert sorted((hit.contig, hit.strand) for hit in chimera) == [("chrA", 1), ("chrB", -1)]
    assert reference.map("") == []


@pytest.mark.parametrize("name", ["calls.bam", "calls.sam", "calls.cram"])
def test_records_spell_the_alignment_base_by_base(
    tmp_path: Path, reference: Reference, calls: list[Call], contigs: dict[str, str], name: str
) -> None:
    write(tmp_path / name, calls, reference)
    by_name = {call.info.read_id: call for call in calls}
    with pysam.AlignmentFile(str(tmp_path / name), reference_filename=str(reference.path)) as file:
        assert file.header.to_dict()["HD"]["SO"] == "coordinate"
        assert [line["ID"] for line in file.header.to_dict()["PG"]] == ["basecaller"]
        records = list(file.fetch(until_eof=True))
    assert len(records) == 5
    places = [(r.reference_id, r.reference_start) for r in records if not r.is_unmapped]
    assert places == sorted(places)
    assert records[-1].is_unmapped
    for record in records:
        assert record.query_name is not None
        call = by_name[record.query_name]
        assert record.get_forward_sequence() == call.sequence
        assert list(record.get_forward_qualities() or []) == call.qualities.tolist()
        # The move table stays in the order of the signal.
        assert list(record.get_tag("mv"))[1:] == call.moves.tolist()  # type: ignore[arg-type]
        if record.is_unmapped:
            continue
        assert record.reference_name is not None
        assert record.query_sequence is not None
        contig = contigs[record.reference_name]
        edits = sum(n for code, n in record.cigartuples or [] if code in (1, 2))
        matching = 0
        for at_read, at_reference, letter in record.get_aligned_pairs(matches_only=True, with_seq=True):
            # `letter` is what MD says that the reference has.
            assert letter.upper() == contig[at_reference]
            matching += record.query_sequence[at_read] == contig[at_reference]
            edits += record.query_sequence[at_read] != contig[at_reference]
        assert record.get_tag("NM") == edits
        assert matching > 0.9 * record.query_alignment_length
    parts = [record for record in records if record.query_name == calls[3].info.read_id]
    assert sorted(record.is_supplementary for record in parts) == [False, True]
    for record, other in (parts, parts[::-1]):
        contig_name, position, strand, cigar, quality, edits_text, _ = str(record.get_tag("SA")).replace(
            ";", ",").split(",")
        assert (contig_name, int(position), strand) == (
            other.reference_name, other.reference_start + 1, "-" if other.is_reverse else "+")
        assert (cigar, int(quality), int(edits_text)) == (
            other.cigarstring, other.mapping_quality, other.get_tag("NM"))


@pytest.mark.parametrize(("name", "index"), [("calls.bam", ".bai"), ("calls.cram", ".crai")])
def test_the_index_answers_regions(
    tmp_path: Path, reference: Reference, calls: list[Call], name: str, index: str
) -> None:
    write(tmp_path / name, calls, reference)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, name + index]
    with pysam.AlignmentFile(str(tmp_path / name), reference_filename=str(reference.path)) as file:
        assert [record.query_name for record in file.fetch("chrA", 1500, 1600)] == [calls[1].info.read_id]
        assert file.count("chrB") == 2


def test_an_interrupted_aligned_run_loses_no_part_of_a_read(
    tmp_path: Path, reference: Reference, calls: list[Call]
) -> None:
    write(tmp_path / "whole.bam", calls, reference)
    with (
        pytest.raises(InterruptedError),
        open_writer(tmp_path / "calls.bam", header=OutputHeader(), reference=reference) as writer,
    ):
        for call in [calls[3], calls[0]]:
            writer.write(call, reference.map(call.sequence))
        raise InterruptedError
    kept = recover(tmp_path / "calls.bam")
    assert kept == {calls[3].info.read_id, calls[0].info.read_id}
    with open_writer(tmp_path / "calls.bam", header=OutputHeader(), reference=reference, keep=kept) as writer:
        for call in calls[1:3]:
            writer.write(call, reference.map(call.sequence))
    texts = []
    for name in ("whole.bam", "calls.bam"):
        with pysam.AlignmentFile(str(tmp_path / name)) as file:
            texts.append(sorted(record.to_string() for record in file))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["calls.bam", "calls.cram"])
def test_a_finished_aligned_file_can_be_added_to(
    tmp_path: Path, reference: Reference, calls: list[Call], name: str
) -> None:
    """As when files were added to a run: the finished output is put back under its partial name and continued."""
    write(tmp_path / ("whole" + name), calls, reference)
    write(tmp_path / name, calls[:3], reference)
    (tmp_path / name).rename(partial_path(tmp_path / name))
    kept = recover(tmp_path / name)
    assert kept == {call.info.read_id for call in calls[:3]}
    with open_writer(tmp_path / name, header=OutputHeader(), reference=reference, keep=kept) as writer:
        writer.write(calls[3], reference.map(calls[3].sequence))
    texts = []
    for path in (tmp_path / ("whole" + name), tmp_path / name):
        with pysam.AlignmentFile(str(path), reference_filename=str(reference.path)) as file:
            texts.append(sorted(record.to_string() for record in file))
    assert texts[0] == texts[1]


def test_summary_columns_agree_with_the_alignment(
    tmp_path: Path, reference: Reference, calls: list[Call], contigs: dict[str, str]
) -> None:
    hits = write(tmp_path / "calls.bam", calls, reference)
    with SummaryWriter(tmp_path / "summary.tsv", alignment=True) as writer:
        for call, found in zip(calls, hits, strict=True):
            writer.write(call, found)
    header, *lines = (tmp_path / "summary.tsv").read_text().splitlines()
    rows = {row["read_id"]: row for line in lines
            if (row := dict(zip(header.split("\t"), line.split("\t"), strict=True)))}
    with pysam.AlignmentFile(str(tmp_path / "calls.bam")) as file:
        for record in file:
            row = rows[str(record.query_name)]
            if record.is_supplementary:
                continue
            if record.is_unmapped:
                assert row["alignment_genome"] == row["alignment_direction"] == "*"
                continue
            assert record.query_sequence is not None
            pairs = record.get_aligned_pairs(matches_only=True)
            correct = sum(record.query_sequence[q] == contigs[str(record.reference_name)][r] for q, r in pairs)
            gaps = [sum(n for code, n in record.cigartuples or [] if code == kind) for kind in (1, 2)]
            assert row["alignment_genome"] == record.reference_name
            assert row["alignment_direction"] == ("-" if record.is_reverse else "+")
            assert int(row["alignment_genome_start"]) == record.reference_start
            assert int(row["alignment_genome_end"]) == record.reference_end
            assert [int(row["alignment_num_insertions"]), int(row["alignment_num_deletions"])] == gaps
            assert int(row["alignment_num_aligned"]) == len(pairs)
            assert int(row["alignment_num_correct"]) == correct
            assert float(row["alignment_identity"]) == pytest.approx(correct / len(pairs), abs=1e-5)
            assert float(row["alignment_accuracy"]) == pytest.approx(correct / (len(pairs) + sum(gaps)), abs=1e-5)
            assert int(row["alignment_mapping_quality"]) == record.mapping_quality
            strand = int(row["alignment_strand_end"]) - int(row["alignment_strand_start"])
            assert strand == record.query_alignment_length


def test_the_score_is_minimap2s(tmp_path: Path, reference: Reference, calls: list[Call]) -> None:
    minimap2 = shutil.which("minimap2")
    if minimap2 is None:
        pytest.skip("minimap2 is not on the PATH")
    write(tmp_path / "calls.sam", calls, reference)
    (tmp_path / "reads.fa").write_text("".join(f">{c.info.read_id}\n{c.sequence}\n" for c in calls))
    command = [minimap2, "-ax", "map-ont", str(reference.path), str(tmp_path / "reads.fa")]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / "theirs.sam").write_text(theirs)
    scores = []
    for name in ("calls.sam", "theirs.sam"):
        with pysam.AlignmentFile(str(tmp_path / name)) as file:
            scores.append({(r.query_name, r.reference_start, r.flag & 16): r.get_tag("AS") for r in file
                           if not r.is_unmapped})
    assert scores[0] == scores[1]


def test_a_wrong_reference_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such reference"):
        Reference(tmp_path / "missing.fa")
    (tmp_path / "empty.fa").write_text("")
    with pytest.raises(UsageError, match="no reference sequence"):
        Reference(tmp_path / "empty.fa")
    (tmp_path / "noise.fa").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(UsageError, match="no reference sequence"):
        Reference(tmp_path / "noise.fa")
    (tmp_path / "twice.fa").write_text(f">a\n{'ACGTT' * 40}\n>a\n{'GGCAT' * 40}\n")
    with pytest.raises(UsageError, match="two sequences are named a"):
        Reference(tmp_path / "twice.fa")
