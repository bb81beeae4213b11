"""`basecall` as a user runs it: outputs, choices, mistakes, exit statuses."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from basecaller.cli.basecall import entry
from basecaller.cli.main import main as workshop
from basecaller.reads.source import open_reads

Run = Callable[..., int]


@pytest.fixture
def basecall(random_model: Path) -> Run:
    def run(*arguments: object, model: Path | None = random_model) -> int:
        chosen = ["--model", str(model)] if model else []
        return entry(["--device", "cpu", "--threads", "2", *chosen, *map(str, arguments)])

    return run


@pytest.fixture(scope="session")
def reads(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short E. coli reads in a folder, in files of their own."""
    folder = tmp_path_factory.mktemp("reads")
    for path in sorted((shared_data / "ecoli_r94").glob("*.fast5"), key=lambda path: path.stat().st_size)[:5]:
        shutil.copy(path, folder)
    return folder


def records(path: Path) -> list[str]:
    """Every record with its tags."""
    with pysam.AlignmentFile(str(path), check_sq=False) as handle:
        return [record.to_string() for record in handle.fetch(until_eof=True)]


def names(path: Path) -> list[str]:
    return [record.split("\t")[0] for record in records(path)]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_a_folder_to_bam(basecall: Run, reads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "calls.bam"
    assert basecall(reads, "-o", output) == 0
    ids = [read.read_id for read in open_reads(reads)]
    assert names(output) == ids
    assert [row["read_id"] for row in table(tmp_path / "calls.sequencing_summary.tsv")] == ids
    assert table(tmp_path / "calls.quarantine.tsv") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "calls.bam", "calls.quarantine.tsv", "calls.sequencing_summary.tsv"]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "5 reads called" in err and "0 set aside" in err and str(output) in err


def test_the_same_in_every_format(
    basecall: Run, reads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("calls.bam", "calls.sam", "calls.fastq", "calls.fastq.gz"):
        assert basecall(reads, "-q", "-o", tmp_path / name) == 0
    assert records(tmp_path / "calls.sam") == records(tmp_path / "calls.bam")
    fastq = (tmp_path / "calls.fastq").read_bytes()
    assert gzip.decompress((tmp_path / "calls.fastq.gz").read_bytes()) == fastq
    sequences = [record.split("\t")[9] for record in records(tmp_path / "calls.bam")]
    assert fastq.decode().splitlines()[1::4] == sequences
    assert capsys.readouterr().err == ""


def test_standard_output_holds_nothing_but_data(
    basecall: Run, reads: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert basecall(reads) == 0
    fastq = capfdbinary.readouterr().out
    assert fastq.count(b"\n") == 20
    assert basecall(reads, "--format", "sam") == 0
    sam = capfdbinary.readouterr().out.decode()
    (tmp_path / "out.sam").write_text(sam)
    assert len(records(tmp_path / "out.sam")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out.sam"]


def test_paths_from_standard_input(
    basecall: Run, reads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = sorted(reads.iterdir())[3:1:-1]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{path}\n" for path in chosen)))
    assert basecall("-", "-o", tmp_path / "calls.sam") == 0
    assert names(tmp_path / "calls.sam") == [read.read_id for path in chosen for read in open_reads(path)]


def test_two_outputs_in_one_folder_do_not_touch_each_other(basecall: Run, reads: Path, tmp_path: Path) -> None:
    one, two = sorted(reads.iterdir())[:2]
    assert basecall(one, "-o", tmp_path / "one.bam") == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert basecall(two, "-o", tmp_path / "two.fastq.gz") == 0
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert {path.name for path in tmp_path.iterdir()} - set(before) == {
        "two.fastq.gz", "two.quarantine.tsv", "two.sequencing_summary.tsv"}


def test_read_lists_and_limits(basecall: Run, reads: Path, tmp_path: Path) -> None:
    ids = [read.read_id for read in open_reads(reads)]
    output = tmp_path / "calls.sam"
    assert basecall(reads, "-o", output, "--max-reads", 2) == 0
    assert names(output) == ids[:2]
    assert basecall(reads, "-o", output, "--max-reads", 0) == 0
    assert names(output) == []
    (tmp_path / "ids.txt").write_text(f"{ids[4]}\n{ids[1]}\n")
    assert basecall(reads, "-o", output, "--read-ids", tmp_path / "ids.txt") == 0
    assert names(output) == [ids[1], ids[4]]
    shutil.copy(tmp_path / "calls.sequencing_summary.tsv", tmp_path / "list.tsv")  # what comes out goes in again
    assert basecall(reads, "-o", output, "--read-ids", tmp_path / "list.tsv") == 0
    assert names(output) == [ids[1], ids[4]]
    (tmp_path / "ids.txt").write_text(f"{ids[4]}\nunknown\n")
    assert basecall(reads, "-o", output, "--read-ids", tmp_path / "ids.txt") == 3
    assert [row["read_id"] for row in table(tmp_path / "calls.quarantine.tsv")] == ["unknown"]


def test_batches_joined_are_the_whole_run(basecall: Run, reads: Path, tmp_path: Path) -> None:
    assert basecall(reads, "-o", tmp_path / "whole.sam") == 0
    segments = tmp_path / "segments.tsv"
    assert workshop(["segment", str(reads), "-o", str(segments), "--batches", "3"]) == 0
    joined = []
    for batch in range(3):
        folder = tmp_path / str(batch)
        folder.mkdir()
        assert basecall("--segments", segments, "--batch", batch, "-o", folder / "calls.sam") == 0
        joined += records(folder / "calls.sam")
    assert joined == records(tmp_path / "whole.sam")


def test_pass_and_fail_apart(basecall: Run, reads: Path, tmp_path: Path) -> None:
    assert basecall(reads, "-o", tmp_path / "all.sam") == 0
    quality = {record.split("\t")[0]: float(record.split("qs:f:")[1].split("\t")[0])
               for record in records(tmp_path / "all.sam")}
    cut = sum(sorted(quality.values())[1:3]) / 2
    assert basecall(reads, "-o", tmp_path / "calls.fastq.gz", "--min-qscore", cut) == 0
    passed = gzip.decompress((tmp_path / "calls.fastq.gz").read_bytes()).decode()
    failed = gzip.decompress((tmp_path / "calls.fail.fastq.gz").read_bytes()).decode()
    assert {line[1:].split()[0] for line in passed.splitlines()[::4]} == {n for n, q in quality.items() if q >= cut}
    assert {line[1:].split()[0] for line in failed.splitlines()[::4]} == {n for n, q in quality.items() if q < cut}
    rows = table(tmp_path / "calls.sequencing_summary.tsv")
    assert {row["read_id"] for row in rows if row["passes_filtering"] == "TRUE"} == {
        n for n, q in quality.items() if q >= cut}


def test_a_folder_per_run_and_barcode(basecall: Run, reads: Path, shared_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "in" / "fastq_pass" / "barcode03"
    source.mkdir(parents=True)
    paths = sorted(reads.iterdir())
    shutil.copy(paths[0], source)
    out = tmp_path / "out"
    assert basecall(source.parent, shared_data / "formats" / "slow5", paths[1], "--output-dir", out) == 3
    found = sorted(path.relative_to(out) for path in out.rglob("calls.bam"))
    first = next(iter(open_reads(paths[0])))
    assert Path(first.info.run.run_id, "barcode03", "calls.bam") in found
    assert Path(first.info.run.run_id, "calls.bam") in found
    assert len(found) >= 4
    assert names(out / first.info.run.run_id / "barcode03" / "calls.bam") == [first.read_id]
    for path in found:
        rows = table(out / path.parent / "sequencing_summary.tsv")
        assert [row["read_id"] for row in rows] == names(out / path)
    assert (out / "quarantine.tsv").exists()


def test_everything_odd_is_called_or_named(basecall: Run, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "formats"
    output = tmp_path / "calls.bam"
    assert basecall(folder, "-o", output, "--any-chemistry") == 3
    source = open_reads(folder)
    readable = [read.read_id for read in source]
    set_aside = {(row["path"], row["read_id"]) for row in table(tmp_path / "calls.quarantine.tsv")}
    assert {(entry.path, entry.read_id) for entry in source.quarantine.entries} <= set_aside
    assert set(readable) == set(names(output)) | {read_id for _, read_id in set_aside if read_id in readable}
    assert len(names(output)) >= len(readable) - 1  # one synthetic read has no bases in it


def test_chemistry_is_looked_at(basecall: Run, shared_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "calls.sam"
    r10 = shared_data / "human_wga_r1041"
    assert basecall(r10, "-o", output, "--max-reads", 3) == 3
    assert names(output) == []
    rows = table(tmp_path / "calls.quarantine.tsv")
    assert len(rows) == 3
    assert all("R10.4.1" in row["reason"] for row in rows)
    assert basecall(r10, "-o", output, "--max-reads", 3, "--any-chemistry") == 0
    assert len(names(output)) == 3


def test_a_reference(basecall: Run, reads: Path, shared_data: Path, tmp_path: Path) -> None:
    """Random calls map nowhere; they must be there all the same, in a sorted and indexed file."""
    output = tmp_path / "calls.bam"
    assert basecall(reads, "-o", output, "--reference", shared_data / "references" / "lambda_NEB.fa") == 0
    assert len(names(output)) == 5
    with pysam.AlignmentFile(str(output)) as handle:
        assert handle.has_index()
        assert handle.header.to_dict()["HD"]["SO"] == "coordinate"
    assert "alignment_genome" in table(tmp_path / "calls.sequencing_summary.tsv")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name the files or folders"),
        (["nowhere.fast5"], "no file or folder nowhere.fast5"),
        (["READS", "-o", "calls.txt"], "must end in one of"),
        (["READS", "--segments", "x.tsv"], "--segments and --batch go together"),
        (["READS", "--threads", "0"], "--threads must be at least 1"),
        (["READS", "--min-qscore", "8"], "name the first with -o"),
        (["READS", "--device", "cudaa"], "unknown device 'cudaa'"),
        (["READS", "--resume"], "standard output cannot be resumed"),
        (["READS", "--reference", "nowhere.fa"], "nowhere.fa: no such reference"),
        (["READS", "--read-ids", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["READS", "-o", "missing/calls.bam"], "the folder missing does not exist"),
        (["READS", "--output-dir", "x", "-o", "calls.bam"], "exclude each other"),
    ],
)
def test_mistakes_get_one_sentence(
    arguments: list[str], said: str, basecall: Run, reads: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert basecall(*[str(reads) if argument == "READS" else argument for argument in arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not [path for path in tmp_path.iterdir() if path.name != "x"]


def test_mistyped_names_are_answered_with_the_right_one(
    basecall: Run, reads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = reads.with_name(reads.name + "x")
    assert basecall(wrong) == 2
    assert f"did you mean {reads}?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        basecall(reads, "--min-qscor", 8, "--devise", "cpu")
    assert ended.value.code == 2
    assert "did you mean --device?" in capsys.readouterr().err
    assert basecall(reads, model=Path("r9.4.2")) == 1
    assert "r9.4.2" in capsys.readouterr().err


def test_help_fits_on_two_screens(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit):
        entry(["--help"])
    assert len(capsys.readouterr().out.splitlines()) <= 60
    with pytest.raises(SystemExit) as ended:
        entry(["--version"])
    assert ended.value.code == 0


def test_the_shipped_model_is_chosen_and_its_calls_map(
    basecall: Run, reads: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calls.bam"
    reference = shared_data / "references" / "ecoli_K12_MG1655.fa.gz"
    assert basecall(reads, "-o", output, "--reference", reference, model=None) == 0
    assert "model r9.4.1" in capsys.readouterr().err
    rows = table(tmp_path / "calls.sequencing_summary.tsv")
    assert len(rows) == 5
    mapped = [row for row in rows if row["alignment_genome"] == "NC_000913.3"]
    assert len(mapped) >= 4
    assert sorted(float(row["alignment_accuracy"]) for row in mapped)[1] > 0.8  # one of the five is poor
    with pysam.AlignmentFile(str(output)) as handle:
        records = list(handle.fetch(until_eof=True))
        assert handle.mapped == len(mapped)
    assert len(records) == 5
    places = [record.reference_start for record in records if not record.is_unmapped]
    assert places == sorted(places)
    # The adapter is cut off: what is left of it does not stand before the alignment.
    assert sorted(int(row["alignment_strand_start"]) for row in mapped)[2] < 15
