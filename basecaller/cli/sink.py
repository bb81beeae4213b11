"""Where `basecall` puts its calls: one output, pass and fail apart, or one per run; each with its summary."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from basecaller.decode.call import Call
from basecaller.errors import UsageError
from basecaller.output import (
    OutputHeader,
    Reference,
    SummaryWriter,
    Writer,
    open_writer,
    partial_path,
    recover,
    settings_of,
    split_name,
)
from basecaller.output.beside import leftover

STDOUT = Path("-")
SUMMARY, QUARANTINE = "sequencing_summary.tsv", "quarantine.tsv"
BARCODE = re.compile(r"barcode\d+|unclassified")


@dataclass(frozen=True)
class Settings:
    """What the user asked of the outputs."""

    output: Path
    """A file, `-` for standard output, or with `split` a folder."""
    fmt: str
    header: OutputHeader
    split: bool = False
    """A folder per run and barcode folder."""
    min_qscore: float | None = None
    """Reads below go to an output of their own."""
    reference: Reference | None = None
    resume: bool = False

    @property
    def quarantine(self) -> Path:
        """The table of what was set aside: `calls.quarantine.tsv` beside `calls.bam`."""
        if self.split or self.output == STDOUT:
            return (self.output if self.split else Path()) / QUARANTINE
        return _beside(self.output, QUARANTINE)

    def summary(self, calls: Path) -> Path:
        """The summary of an output: `calls.sequencing_summary.tsv` beside `calls.bam`."""
        return calls.with_name(SUMMARY) if self.split else _beside(calls, SUMMARY)


class Sink:
    """Takes calls; a context manager. Outputs get their final names when it ends without an error."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept: frozenset[str] = frozenset()
        """Names of the reads that an interrupted run had written."""
        self._open: dict[Path, _Destination] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Sink:
        settings = self.settings
        if settings.split:
            settings.output.mkdir(parents=True, exist_ok=True)
        folders = {settings.output.parent}
        if settings.split:
            folders = {path.parent for path in settings.output.rglob(f"{SUMMARY}*")} if settings.resume else set()
        paths = {folder / f"calls.{settings.fmt}" if settings.split else settings.output for folder in folders}
        if settings.resume:
            if settings.output == STDOUT:
                raise UsageError("standard output cannot be resumed; name the file with -o")
            for path in paths:
                _check_settings(path, settings)
            self.kept = frozenset().union(*(_unfinish(path, settings) for path in paths))
        for path in sorted(paths):
            self._destination(path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, call: Call) -> None:
        """Append a call to the output that it belongs to."""
        path = self.settings.output
        if self.settings.split:
            path = path / _run_folder(call) / f"calls.{self.settings.fmt}"
            path.parent.mkdir(parents=True, exist_ok=True)
        self._destination(path).write(call)

    def _destination(self, path: Path) -> _Destination:
        if path not in self._open:
            self._open[path] = _Destination(path, self.settings, self.kept, self._stack)
        return self._open[path]


class _Destination:
    """One output with its summary and, when reads are told apart by quality, the output of those that fail."""

    def __init__(self, path: Path, settings: Settings, kept: frozenset[str], stack: ExitStack) -> None:
        self._min_qscore = settings.min_qscore
        self._reference = settings.reference
        keep = kept or None

        def writer(target: Path) -> Writer:
            return stack.enter_context(open_writer(target, settings.fmt, header=settings.header,
                                                   reference=settings.reference, keep=keep))

        # Closed in reverse: the calls come to their final name last, when all that belongs to them is there.
        self._calls = writer(path)
        self._fail = self._summary = None
        if settings.min_qscore is not None:
            self._fail = writer(fail_path(path))
        if path != STDOUT:
            self._summary = stack.enter_context(SummaryWriter(
                settings.summary(path), alignment=settings.reference is not None,
                min_qscore=settings.min_qscore or 0.0, settings=settings.header.settings, keep=keep))

    def write(self, call: Call) -> None:
        hits = self._reference.map(call.sequence) if self._reference else ()
        passes = self._min_qscore is None or call.mean_qscore >= self._min_qscore
        writer = self._calls if passes or self._fail is None else self._fail
        writer.write(call, hits)
        if self._summary:
            self._summary.write(call, hits)


def fail_path(path: Path) -> Path:
    """`calls.fail.fastq.gz` for `calls.fastq.gz`."""
    stem, suffix = split_name(path)
    return path.with_name(f"{stem}.fail{suffix}")


def _beside(calls: Path, table: str) -> Path:
    return calls.with_name(f"{split_name(calls)[0]}.{table}")


def _check_settings(path: Path, settings: Settings) -> None:
    """Raise `UsageError` when what is to be continued was called with anything else than this run would."""
    summary = settings.summary(path)
    left = leftover(summary) or summary
    if not left.exists():
        return
    now = settings.header.settings
    for before in sorted(settings_of(left) - {now}):
        was, would = dict(_words(before)), dict(_words(now))
        differences = [f"{key}={was.get(key, 'no')} (now {would.get(key, 'no')})"
                       for key in dict.fromkeys([*was, *would]) if was.get(key) != would.get(key)]
        raise UsageError(f"{path}: the reads that are there were called with {', '.join(differences)}; --resume needs "
                         "the same model and options (or leave it out to start afresh)")


def _words(settings: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (word.partition("=") for word in settings.split())]


def _unfinish(path: Path, settings: Settings) -> frozenset[str]:
    """Names of the reads that an earlier run left whole at `path`, finished or not, ready to be continued."""
    calls = [path, *([fail_path(path)] if settings.min_qscore is not None else [])]
    summary = settings.summary(path)
    for output in (*calls, summary):
        if output.exists() and leftover(output) is None:
            output.replace(partial_path(output))
    return frozenset().union(*map(recover, calls)) & recover(summary)


def _run_folder(call: Call) -> Path:
    """`RUN` or `RUN/barcode07`, from the run id and the sequencer's folders."""
    run = re.sub(r"[^\w.-]", "_", call.info.run.run_id) or "unknown_run"
    barcode = next((part for part in reversed(Path(call.info.path).parts[:-1]) if BARCODE.fullmatch(part)), None)
    return Path(run, barcode) if barcode else Path(run)
