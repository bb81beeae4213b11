"""SAM, BAM and CRAM, unaligned or aligned to a reference.

A file grows as BAM (SAM for SAM), in the order of the calls; with a reference it is sorted and indexed at the end.
The header is written with the first read, whose run it names. Runs that appear later are added when the file is
closed; on standard output, where that cannot be, their reads go without a read group.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pysam

from basecaller.decode.call import Call
from basecaller.errors import BasecallerError
from basecaller.output import beside
from basecaller.output.align import Hit, Reference, aligned
from basecaller.output.record import OutputHeader, header_lines, read_group, read_group_line, unaligned
from basecaller.output.writer import STDOUT, Writer
from basecaller.packed import GZIP

logger = logging.getLogger(__name__)

_WRITE = {"sam": "w", "bam": "wb", "cram": "wc"}
_COMPRESSION_THREADS = 4
_SORT_MEMORY = "256M"
_LONGEST_FOR_BAI = 2**29 - 1
_NAMES_AND_FLAGS = b"required_fields=0x3"


class BamWriter(Writer):
    """Writes records with pysam; see `Writer` and this module's docstring."""

    def __init__(
        self,
        path: str | Path,
        fmt: str,
        header: OutputHeader,
        *,
        reference: Reference | None = None,
        moves: bool = True,
        keep: Collection[str] | None = None,
    ) -> None:
        super().__init__(path, keep)
        self._format = fmt
        self._growing = fmt if self.stdout or fmt == "sam" else "bam"
        self._header = header
        self._reference = reference
        self._moves = moves
        self._groups: dict[str, dict[str, str]] = {}
        self._late: set[str] = set()
        self._file: pysam.AlignmentFile | None = None

    def _start(self, previous: Path | None, keep: frozenset[str]) -> None:
        if previous is None:
            return
        header, records = whole_records(previous, self._reference)
        self._groups = {line["ID"]: line for line in header.to_dict().get("RG", [])}
        output = self._open()
        for record in records:
            if record.query_name in keep:
                output.write(record)
                self.count += not record.is_supplementary

    def _write(self, call: Call, hits: Sequence[Hit]) -> None:
        group = read_group(call.info.run.run_id, call.model)
        if group not in self._groups:
            if self._file is not None and group not in self._late:
                self._late.add(group)
                if self.stdout:
                    logger.warning("reads of run %s carry no read group: the header is already out",
                                   call.info.run.run_id)
            if self._file is None or not self.stdout:
                self._groups[group] = read_group_line(call.info.run, call.model)
        output = self._file or self._open()
        known = group in self._groups
        if hits:
            records = aligned(call, list(hits), output.header, moves=self._moves, group=known)
        else:
            records = [unaligned(call, output.header, moves=self._moves, group=known)]
        for record in records:
            output.write(record)

    def _stop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _finish(self) -> None:
        if self._file is None:
            self._open()
        self._stop()
        if self.stdout:
            return
        if self._late:
            self._rewrite_header()
        if self._reference is not None:
            self._sort(self._reference)
        beside.publish(self.partial, self.path)

    def _open(self) -> pysam.AlignmentFile:
        self._file = self._create(STDOUT if self.stdout else str(self.partial))
        return self._file

    def _create(self, path: str) -> pysam.AlignmentFile:
        contigs = self._reference.contigs if self._reference else ()
        return pysam.AlignmentFile(
            path,
            _WRITE[self._growing],
            header=header_lines(self._header, self._groups.values(), contigs),
            reference_filename=str(self._reference.path) if self._reference else None,
            threads=1 if self._growing == "sam" else _COMPRESSION_THREADS,
        )

    def _rewrite_header(self) -> None:
        """Copy the file under a header that names all runs."""
        whole = self._beside("header")
        with pysam.AlignmentFile(str(self.partial), check_sq=False) as source, self._create(str(whole)) as target:
            for record in source.fetch(until_eof=True):
                target.write(record)
        whole.replace(self.partial)

    def _sort(self, reference: Reference) -> None:
        """Sort by coordinate into the final format and index; unmapped reads come last."""
        result = self._beside("sorted")
        options = ["--no-PG", "-m", _SORT_MEMORY, "-O", self._format, "-o", str(result), "-T", str(result)]
        if self._format == "cram":
            options += ["--reference", str(reference.path)]
        try:
            pysam.sort(*options, str(self.partial))
            if self._format != "sam":
                self._index(result, reference)
        except pysam.SamtoolsError as error:
            result.unlink(missing_ok=True)
            raise BasecallerError(f"{self.path}: sorting failed ({str(error).strip()}); "
                                  f"the reads are in {self.partial}") from error
        result.replace(self.partial)

    def _index(self, result: Path, reference: Reference) -> None:
        if self._format == "cram":
            suffix, option = ".crai", "-b"
        elif max(length for _, length in reference.contigs) > _LONGEST_FOR_BAI:
            suffix, option = ".csi", "-c"
        else:
            suffix, option = ".bai", "-b"
        index = self._beside("index")
        pysam.index(option, "-o", str(index), str(result))
        index.replace(self.path.with_name(self.path.name + suffix))

    def _beside(self, what: str) -> Path:
        return self.partial.with_name(f"{self.partial.name}.{what}")


def whole_records(
    path: Path, reference: Reference | None = None
) -> tuple[pysam.AlignmentHeader, Iterator[pysam.AlignedSegment]]:
    """Header, and every whole record up to where a SAM, BAM or CRAM file is cut off or damaged.

    Of a CRAM file only names and flags can be read without the `reference`.
    """
    with path.open("rb") as raw:
        magic = raw.read(4)
    if magic == b"CRAM":
        return _whole_binary(path, reference, [] if reference else [_NAMES_AND_FLAGS])
    return _whole_binary(path, None, []) if magic[:2] == GZIP else _whole_sam(path)


def _whole_binary(
    path: Path, reference: Reference | None, options: list[bytes]
) -> tuple[pysam.AlignmentHeader, Iterator[pysam.AlignedSegment]]:
    try:
        with _quiet(), _unheard():
            source = pysam.AlignmentFile(str(path), check_sq=False, ignore_truncation=True, format_options=options,
                                         reference_filename=str(reference.path) if reference else None)
    except (OSError, ValueError):
        return pysam.AlignmentHeader(), iter(())
    return source.header, _until_damage(source)


def _until_damage(source: pysam.AlignmentFile) -> Iterator[pysam.AlignedSegment]:
    with _quiet(), suppress(OSError, ValueError):
        yield from source.fetch(until_eof=True)
    with suppress(OSError):
        source.close()


def _whole_sam(path: Path) -> tuple[pysam.AlignmentHeader, Iterator[pysam.AlignedSegment]]:
    lines = []
    with path.open("rb") as handle:
        for line in handle:
            if not (line.startswith(b"@") and line.endswith(b"\n")):
                break
            lines.append(line)
    header = pysam.AlignmentHeader.from_text(b"".join(lines).decode("ascii", "replace"))
    return header, _sam_records(path, header)


def _sam_records(path: Path, header: pysam.AlignmentHeader) -> Iterator[pysam.AlignedSegment]:
    with path.open("rb") as handle:
        for line in handle:
            if line.startswith(b"@"):
                continue
            if not line.endswith(b"\n"):
                return
            try:
                yield pysam.AlignedSegment.fromstring(line.decode("ascii").rstrip("\n"), header)
            except (ValueError, UnicodeDecodeError):
                return


class _quiet:
    """Silences htslib and pysam about the truncation that is looked for here."""

    def __enter__(self) -> None:
        self._verbosity = pysam.set_verbosity(0)
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        pysam.set_verbosity(self._verbosity)


@contextmanager
def _unheard() -> Iterator[None]:
    """Lets nothing be printed by a file object that is thrown away half open: closing it fails once more."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = before
