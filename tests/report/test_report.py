"""The report says what is in the folder: numbers against the made-up run's own, each state of a folder, each limit."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from synthetic_run import Truth, make_run

from basecaller.cli.main import main
from basecaller.report import make_report

LIMIT = 5_000_000


class Page(HTMLParser):
    """The parts of a page that tests look at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.loads: list[str] = []
        self.plots: dict[str, dict] = {}
        self._plot = ""
        self.text = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self._plot = ""
        if tag == "a" and "download" in found:
            self.links[found["download"] or ""] = found["href"] or ""
        if found.get("src") or (tag == "link" and not (found.get("href") or "").startswith("data:")):
            self.loads.append(str(found))
        if tag == "script" and found.get("type") == "application/json":
            self._plot = (found.get("id") or "").removesuffix("-data")

    def handle_endtag(self, tag: str) -> None:
        self._plot = ""

    def handle_data(self, data: str) -> None:
        if self._plot:
            self.plots[self._plot] = json.loads(data)
        elif len(data) < 100_000:
            self.text += data

    def table(self, name: str) -> list[list[str]]:
        text = base64.b64decode(self.links[name].split(",", 1)[1]).decode()
        return [line.split("\t") for line in text.splitlines()]


@pytest.fixture(scope="session")
def page(truth: Truth, reference: Path) -> Page:
    make_report([truth.folder], truth.folder / "report.html", reference)
    return Page(truth.folder / "report.html")


@pytest.fixture(scope="session")
def metrics(truth: Truth, page: Page) -> dict[str, float]:
    return json.loads((truth.folder / "metrics.json").read_text())["data"]["phage"]


def test_numbers_are_those_of_the_run(truth: Truth, metrics: dict[str, float]) -> None:
    assert metrics["reads"] == len(truth.lengths)
    assert metrics["bases"] == truth.lengths.sum()
    assert metrics["median_length"] == np.median(truth.lengths)
    assert metrics["longest"] == truth.lengths.max()
    assert metrics["median_quality"] == np.median(truth.qualities)
    assert metrics["set_aside"] == 3
    longer = truth.lengths[truth.lengths >= metrics["n50"]].sum()
    assert longer >= truth.lengths.sum() / 2 > longer - metrics["n50"]


def test_identity_is_what_was_made(truth: Truth, metrics: dict[str, float]) -> None:
    assert metrics["median_identity"] == pytest.approx(100 * (1 - truth.error_rate), abs=0.8)
    assert metrics["mapped_percent"] > 99
    kinds = [metrics[f"{kind}_percent"] for kind in ("mismatch", "insertion", "deletion")]
    assert sum(kinds) == pytest.approx(100 - metrics["mean_identity"], abs=0.5)
    assert kinds == pytest.approx([100 * truth.error_rate / 3] * 3, abs=0.6)


def test_contig_is_measured(truth: Truth, page: Page, metrics: dict[str, float]) -> None:
    assert metrics["contigs"] == metrics["circular_contigs"] == 1
    assert metrics["contig_errors"] == 1  # the one that the generator put in
    assert metrics["reference_covered"] == 100
    header, row = page.table("contigs-phage.tsv")
    contig = dict(zip(header, row, strict=True))
    assert contig["length"] == str(len(truth.genome))
    assert contig["shape"] == "circular"
    assert float(contig["quality"]) == pytest.approx(40)
    assert contig["pieces"] == "2"  # the circle is cut at another place
    assert page.table("unplaced-phage.tsv")[1] == ["no overlap", "3", "900", "read-000001"]
    along = np.array(page.table("along-phage-utg000001c.tsv")[1:], float)
    assert along[:, 1].mean() == pytest.approx(truth.lengths.sum() / len(truth.genome), rel=0.05)
    assert along[:, 1].min() > 0.3 * along[:, 1].mean()  # no hole where the circle is cut


def test_every_plot_has_its_numbers(truth: Truth, page: Page) -> None:
    assert {f"{key}.tsv" for key in page.plots} <= set(page.links)
    reads = page.table("lengths.tsv")
    assert reads[0] == ["from", "to", "phage"]
    assert sum(int(row[2]) for row in reads[1:]) == len(truth.lengths)
    channels = page.table("channels-phage.tsv")[1:]
    assert sum(int(row[1]) for row in channels) == len(truth.lengths)
    assert sum(int(row[2]) for row in channels) == truth.lengths.sum()
    assert float(page.table("yield.tsv")[-1][2]) == truth.lengths.sum()


def test_page_loads_nothing_and_is_small(page: Page) -> None:
    assert page.loads == []
    assert len(page.source.encode()) < LIMIT
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.source)


def test_text_from_files_cannot_become_markup(page: Page) -> None:
    assert "<truncated>" not in page.source
    assert "<truncated>" in page.text


def test_words_say_it(page: Page) -> None:
    assert "one circular contig of 20,000 bases" in page.text
    assert "3 files or reads could not be used" in page.text


@pytest.mark.parametrize("summary", [True, False])
def test_summary_and_reads_tell_the_same(tmp_path: Path, summary: bool) -> None:
    truth = make_run(tmp_path / "run", reads=40, assembly=False, summary=summary)
    make_report([truth.folder], tmp_path / "report.html")
    found = json.loads((tmp_path / "metrics.json").read_text())["data"]["run"]
    assert (found["reads"], found["bases"]) == (40, truth.lengths.sum())
    assert found["median_quality"] == np.median(truth.qualities)
    assert found["pore_speed"] == pytest.approx(420, abs=10)


def test_running_folder_says_what_is_missing(tmp_path: Path) -> None:
    first = make_run(tmp_path / "run" / "batches" / "0-0000", reads=30, assembly=False, seed=1)
    second = make_run(tmp_path / "run" / "batches" / "0-0001", reads=30, assembly=False, seed=2, aside=1)
    make_report([tmp_path / "run"], tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "batches that are done so far" in page.text
    assert "no contigs yet" in page.text
    found = json.loads((tmp_path / "metrics.json").read_text())["data"]["run"]
    assert found["bases"] == first.lengths.sum() + second.lengths.sum()
    assert found["set_aside"] == 4


def test_half_written_files_are_reported_as_far_as_they_go(tmp_path: Path) -> None:
    truth = make_run(tmp_path / "run", reads=60, assembly=False)
    table = truth.folder / "sequencing_summary.tsv"
    table.write_text(table.read_text()[:-60])
    bam = truth.folder / "calls.bam"
    bam.write_bytes(bam.read_bytes()[: bam.stat().st_size // 2])
    make_report([truth.folder], tmp_path / "report.html", truth.folder / "genome.fasta")
    found = json.loads((tmp_path / "metrics.json").read_text())["data"]["run"]
    assert found["reads"] == 59
    table.unlink()
    make_report([truth.folder], tmp_path / "report.html")
    assert "Could not be read to its end" in Page(tmp_path / "report.html").text


def test_runs_side_by_side(tmp_path: Path, truth: Truth) -> None:
    other = make_run(tmp_path / "x" / "phage", reads=50, assembly=False, seed=7)
    make_report([truth.folder, other.folder], tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    names = page.table("numbers.tsv")[0][1:]
    assert len(set(names)) == 2
    assert all(name.endswith("/phage") for name in names)
    assert len(page.plots["lengths"]["data"]) == 2
    assert set(json.loads((tmp_path / "metrics.json").read_text())["data"]) == set(names)


def test_no_reads_at_all_is_a_report_too(tmp_path: Path) -> None:
    truth = make_run(tmp_path / "run", reads=0, genome_length=6000, assembly=False)
    make_report([truth.folder], tmp_path / "report.html", truth.folder / "genome.fasta")
    assert "3 files or reads" in Page(tmp_path / "report.html").text


def test_many_things_set_aside_and_many_contigs_stay_small(tmp_path: Path) -> None:
    truth = make_run(tmp_path / "run", reads=20, aside=50_000)
    (truth.folder / "assembly" / "contigs.fasta").write_text(
        "".join(f">c{i}\n{truth.genome[:300]}\n" for i in range(30_000)))
    make_report([truth.folder], tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < LIMIT
    page = Page(tmp_path / "report.html")
    assert "50,000 set aside in all" in page.text


def test_wrong_use_is_one_sentence(tmp_path: Path, truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["report", str(empty)]) == 2
    assert main(["report", str(tmp_path / "none")]) == 2
    assert main(["report", str(truth.folder), "--reference", str(tmp_path / "no.fa")]) == 2
    (tmp_path / "bad.fa").write_text("this is no FASTA\n")
    assert main(["report", str(truth.folder), "--reference", str(tmp_path / "bad.fa"), "-o",
                 str(tmp_path / "r.html")]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert len(said.splitlines()) == 4


def test_the_models_card_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = make_run(tmp_path / "run", reads=5, assembly=False)  # called by a model named made_up
    shipped = tmp_path / "shipped" / "made_up"
    shipped.mkdir(parents=True)
    (shipped / "config.toml").write_text('name = "made_up"\n')
    (shipped / "card.md").write_text("# Trained on\n\nnothing <script>alert(1)</script>\n\n| a |\n|---|\n| 1 |\n")
    monkeypatch.setattr("basecaller.model.store.shipped_folder", lambda: tmp_path / "shipped")
    make_report([truth.folder], tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "<h1>Trained on</h1>" in page.source
    assert "<script>alert" not in page.source


def test_a_browser_draws_every_plot_without_complaint(truth: Truth, page: Page, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a headless Chromium or Chrome, which is not installed")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,900", "--enable-logging=stderr",
             "--virtual-time-budget=60000", "--timeout=60000", "--dump-dom"]
    shown = subprocess.run([browser, *flags, (truth.folder / "report.html").as_uri()], capture_output=True, text=True,
                           timeout=300, check=True)
    assert f'data-drawn="{len(page.plots)}"' in shown.stdout
    assert shown.stdout.count("main-svg") >= len(page.plots)
    assert "CONSOLE" not in shown.stderr


def test_command_line(tmp_path: Path, truth: Truth) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(truth.folder, copy)
    assert main(["report", str(copy), "-o", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "metrics_mqc.json").read_text() == (tmp_path / "metrics.json").read_text()
