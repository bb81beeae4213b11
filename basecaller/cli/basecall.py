"""Call nanopore reads: raw signal in, FASTQ, SAM, BAM or CRAM out.

Files and reads that cannot be called are named, with the reason, in a table beside the output (calls.bam:
calls.quarantine.tsv); the exit status is then 3. calls.sequencing_summary.tsv has a row for each read. Outputs appear
under their names only when they are whole.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from basecaller.cli.main import Parser, run
from basecaller.errors import UsageError

if TYPE_CHECKING:
    from basecaller.calling import Basecaller
    from basecaller.cli.sink import Settings
    from basecaller.reads.quarantine import Quarantine
    from basecaller.reads.read import Read
    from basecaller.reads.source import ReadSource

PROGRAM = "basecall"
AUTO, SPEEDS = "auto", ("fast", "accurate")
FORMATS = ("fastq", "fastq.gz", "sam", "bam", "cram")
SOME_SET_ASIDE, INTERRUPTED = 3, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `basecall`."""
    parser.add_argument("reads", nargs="*", metavar="READS",
                        help="FAST5, POD5 or SLOW5 files or folders; - reads such paths from standard input")
    out = parser.add_argument_group("output")
    out.add_argument("-o", "--output", type=Path, metavar="FILE",
                     help="calls.bam, .sam, .cram, .fastq or .fastq.gz; - (default) is standard output")
    out.add_argument("--output-dir", type=Path, metavar="DIR", help="instead: a folder per run and barcode in DIR")
    out.add_argument("--format", choices=FORMATS, help="default: by the name of -o; fastq on standard output, "
                     "bam in --output-dir")
    out.add_argument("--reference", type=Path, metavar="FASTA", help="align to it; BAM and CRAM are sorted and indexed "
                     "(default: unaligned)")
    out.add_argument("--min-qscore", type=float, metavar="Q", help="reads of a mean Q below go to calls.fail.bam "
                     "(default: all to -o)")
    out.add_argument("--resume", nargs="?", const=True, metavar="FILE",
                     help="continue what a stopped run of the same model and options left of -o (or of FILE); "
                     "default: start afresh")
    which = parser.add_argument_group("which reads")
    which.add_argument("--read-ids", type=Path, metavar="FILE", help="only these: a list, or a table with read_id "
                       "(default: all)")
    which.add_argument("--max-reads", type=int, metavar="N", help="at most N reads (default: all)")
    which.add_argument("--segments", type=Path, metavar="TABLE", help="with --batch: files and reads from a table of "
                       "`basecaller segment` (READS are not needed)")
    which.add_argument("--batch", type=int, metavar="K", help="the batch of --segments, from 0 on")
    which.add_argument("--no-recursive", action="store_true", help="do not look into folders within folders")
    which.add_argument("--watch", type=Path, metavar="DIR", help="call the files of DIR as they are "
                       "finished, instead of READS")
    which.add_argument("--watch-timeout", type=float, metavar="S", help="end when no file has come for S seconds "
                       "(default: go on until Ctrl-C)")
    how = parser.add_argument_group("how")
    how.add_argument("--model", default=AUTO, metavar="NAME", help="a shipped model (`basecaller models`), a model "
                     "folder, or fast or accurate: the one that fits the reads' flow cell, kit and sampling rate "
                     "(default: auto, the preferred one of those that fit)")
    how.add_argument("--any-chemistry", action="store_true", help="also call reads that the model is not made for "
                     "(default: set them aside)")
    how.add_argument("--no-trim", action="store_true", help="keep sequencing adapters and primers on the reads' ends "
                     "(default: cut them off)")
    how.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, cuda:all, mps, or auto (default): "
                     "a GPU if there is one")
    how.add_argument("--batch-size", type=int, metavar="N", help="chunks at once (default: what memory allows)")
    how.add_argument("--precision", default="float32", choices=("float32", "bfloat16"), help="bfloat16: twice as fast "
                     "on CPUs with AMX and on GPUs; changes 1 base in 300, not the accuracy (default: %(default)s)")
    how.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")
    say = parser.add_argument_group("messages (on standard error)")
    say.add_argument("-q", "--quiet", action="store_true", help="only errors: no progress, no closing line")
    say.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"),
                     help="tell no less than this (default: %(default)s)")
    say.add_argument("--version", action=_Version, nargs=0, help="print the version and end")


class _Version(argparse.Action):
    """Imports the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from basecaller import __version__

        parser.exit(message=f"{PROGRAM} {__version__}\n")


def main(args: argparse.Namespace) -> int:
    """Call the reads; exit status 3 when something was set aside."""
    from basecaller.cli.inputs import choose, expand, read_id_list
    from basecaller.cli.progress import Tally
    from basecaller.cli.sink import STDOUT, Sink
    from basecaller.reads.quarantine import Quarantine
    from basecaller.signal.segment import read_batch

    logging.basicConfig(level=args.log_level.upper(), format=f"{PROGRAM}: %(message)s", stream=sys.stderr)
    _check(args)
    settings = _settings(args)
    quarantine, wanted = Quarantine(), None
    if args.segments:
        paths, read_ids = read_batch(args.segments, args.batch)
        wanted = dict.fromkeys(read_ids)
    else:
        paths = expand(args.reads)
    if args.read_ids:
        listed = read_id_list(args.read_ids)
        wanted = listed if wanted is None else {read_id: None for read_id in wanted if read_id in listed}
    missing = {} if wanted is None or args.max_reads is not None else dict(wanted)

    caller, sources = _prepare(args, _sources(args, paths, quarantine), quarantine)
    if caller:
        settings = _with_settings(settings, caller)
    with Tally(show=not args.quiet) as tally:
        try:
            with Sink(settings) as sink:
                for files, reads in sources:
                    tally.expect(files)
                    most = None if args.max_reads is None else args.max_reads - tally.reads
                    chosen = choose(reads, wanted=wanted, done=sink.kept, most=most, missing=missing)
                    for call in caller.call(chosen) if caller else ():
                        sink.write(call)
                        tally.add(call)
                for read_id in missing:
                    quarantine.add(args.read_ids or args.segments, read_id, "is listed, but not in these files")
                if settings.output != STDOUT or quarantine.entries:
                    quarantine.write(settings.quarantine)
        except KeyboardInterrupt:
            _interrupted(args, settings, tally.reads)
            return INTERRUPTED
    if not args.quiet:
        taken = f" ({len(sink.kept):,} more were there)" if sink.kept else ""
        aside = f"{len(quarantine):,} set aside" + (f" ({settings.quarantine})" if len(quarantine) else "")
        model = f"model {caller.model.name} on {settings.header.device}; " if caller else ""
        where = "" if settings.output == STDOUT else f"; in {settings.output}"
        print(f"{PROGRAM}: {tally.sentence()}{taken}; {aside}; {model.rstrip('; ')}{where}", file=sys.stderr)
    return SOME_SET_ASIDE if len(quarantine) else 0


def _check(args: argparse.Namespace) -> None:
    """Raise `UsageError` for options that do not go together."""
    if not (args.reads or args.segments or args.watch):
        raise UsageError("name the files or folders to call (or - to read their names from standard input)")
    if (args.segments is None) != (args.batch is None):
        raise UsageError("--segments and --batch go together")
    if args.watch and (args.reads or args.segments):
        raise UsageError("--watch takes the place of READS")
    if args.watch_timeout is not None and not args.watch:
        raise UsageError("--watch-timeout goes with --watch")
    if args.output and args.output_dir:
        raise UsageError("-o and --output-dir exclude each other")
    for name, lowest in (("batch", 0), ("max_reads", 0), ("batch_size", 1), ("threads", 1)):
        value = getattr(args, name)
        if value is not None and value < lowest:
            raise UsageError(f"--{name.replace('_', '-')} must be at least {lowest}")


def _settings(args: argparse.Namespace) -> Settings:
    """The outputs that were asked for."""
    from basecaller.cli.sink import STDOUT, Settings
    from basecaller.device import find_devices
    from basecaller.output import OutputHeader, Reference, format_of

    output = args.output_dir or args.output or (Path(args.resume) if isinstance(args.resume, str) else STDOUT)
    if isinstance(args.resume, str) and Path(args.resume) != output:
        raise UsageError(f"--resume {args.resume}: the output is {output} (if {args.resume} is meant to be read, "
                         "put it before the options)")
    fmt = args.format or ("bam" if args.output_dir else format_of(output))
    if output == STDOUT and args.min_qscore is not None:
        raise UsageError("--min-qscore writes two files; name the first with -o")
    header = OutputHeader(shlex.join([PROGRAM, *sys.argv[1:]]), ",".join(map(str, find_devices(args.device))))
    reference = Reference(args.reference) if args.reference else None
    return Settings(output, fmt, header, split=args.output_dir is not None, min_qscore=args.min_qscore,
                    reference=reference, resume=bool(args.resume))


def _with_settings(settings: Settings, caller: Basecaller) -> Settings:
    """The settings with what the calls, and where they go, depend on: written down, and compared by --resume."""
    text = caller.settings
    if settings.min_qscore is not None:
        text += f" min_qscore={settings.min_qscore:g}"
    if settings.reference:
        text += f" reference={settings.reference.path.name.replace(' ', '_')}"
    return replace(settings, header=replace(settings.header, settings=text))


def _sources(args: argparse.Namespace, paths: Sequence[Path], quarantine: Quarantine) -> Iterator[ReadSource]:
    """What to read: everything at once, or whatever comes into the watched folder."""
    from basecaller.reads.source import open_reads

    if args.watch:
        from basecaller.cli.watch import finished_files

        for files in finished_files(args.watch, args.watch_timeout):
            yield open_reads(files, quarantine=quarantine)
    else:
        yield open_reads(paths, recursive=not args.no_recursive, quarantine=quarantine)


def _prepare(
    args: argparse.Namespace, sources: Iterator[ReadSource], quarantine: Quarantine
) -> tuple[Basecaller | None, Iterator[tuple[Sequence[Path], Iterator[Read]]]]:
    """The basecaller, by the model that was named or that fits the first read; the files and reads of each source.

    None when there is no read.
    """
    from basecaller.calling import Basecaller
    from basecaller.cli.inputs import first_fitting
    from basecaller.model.store import list_models, load_model

    for source in sources:
        name, reads = args.model, iter(source)
        if name in (AUTO, *SPEEDS):
            found = first_fitting(reads, list_models(), quarantine, "" if name == AUTO else name)
            if found is None:
                continue
            name, reads = found[0].name, chain([found[1]], reads)
        caller = Basecaller(load_model(name), device=args.device, batch_size=args.batch_size, threads=args.threads,
                            any_chemistry=args.any_chemistry, precision=args.precision, trim=not args.no_trim)
        caller.quarantine = quarantine
        return caller, chain([(source.files, reads)], ((each.files, iter(each)) for each in sources))
    return None, iter(())


def _interrupted(args: argparse.Namespace, settings: Settings, reads: int) -> None:
    from basecaller.cli.sink import STDOUT

    how = ""
    if settings.output != STDOUT:
        command = shlex.join([PROGRAM, *sys.argv[1:], *([] if args.resume else ["--resume"])])
        how = f"; to go on where it stopped: {command}"
    print(f"{PROGRAM}: interrupted after {reads:,} reads{how}", file=sys.stderr)


def _terminate(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def entry(argv: Sequence[str] | None = None) -> int:
    """Entry point of the command `basecall`."""
    parser = Parser(prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                    usage="basecall READS... [-o calls.bam] [options]")
    add_arguments(parser)
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _terminate)
    status = run(main, args, PROGRAM)
    if status == INTERRUPTED:
        # Not through the interpreter's own end, which would wait for threads deep in the network.
        sys.stderr.flush()
        os._exit(status)
    return status
