"""Draw one read: its signal with the bases called from it, the network's posteriors, qualities and errors.

basecaller inspect READ_ID --signal run/ -o read.png                        a stretch of the read as a picture
basecaller inspect READ_ID --signal run/ --reference ref.fa -o read.html    around its clearest error, to zoom in

With a reference and no --window the picture is of the longest homopolymer that was called at the wrong length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from basecaller.errors import UsageError

KINDS = (".png", ".svg", ".pdf", ".html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("read_id", metavar="READ_ID")
    parser.add_argument("--signal", nargs="+", required=True, type=Path, metavar="READS",
                        help="FAST5, POD5 or SLOW5 files or folders with the read")
    parser.add_argument("--model", default="r9.4.1", help="a shipped model or a model folder (default: %(default)s)")
    parser.add_argument("--window", metavar="A:B", help="samples of the read to draw (default: a telling stretch)")
    parser.add_argument("--reference", type=Path, help="FASTA of what was sequenced: errors are marked")
    parser.add_argument("--cells", action="store_true",
                        help="also what single units of the recurrent layers follow: a base, homopolymers, speed")
    parser.add_argument("-o", "--output", type=Path, required=True, help="read.png, .svg, .pdf or .html")


def main(args: argparse.Namespace) -> int:
    window = _window(args.window)
    if args.output.suffix.lower() not in KINDS:
        raise UsageError(f"{args.output}: the name must end in {', '.join(KINDS)}")
    if not args.output.resolve().parent.is_dir():
        raise UsageError(f"{args.output}: its folder does not exist")
    from basecaller.model.store import load_model
    from basecaller.reads.source import open_reads
    from basecaller.report.cells import find_cells
    from basecaller.report.inspection import find_read, inspect_read
    from basecaller.report.view import make_view

    model = load_model(args.model)
    read = find_read(open_reads(args.signal), args.read_id)
    seen = inspect_read(read, model, reference=args.reference, cells=args.cells)
    if args.reference and seen.alignment is None:
        print(f"read {args.read_id} does not map to {args.reference}: errors are not marked")
    both = model.config.network.direction == "both"
    cells = find_cells(seen, model.network.encoder.backward_layer, both)
    view = make_view(seen, window, cells)
    if args.output.suffix.lower() == ".html":
        from basecaller.report.read_page import write_html

        write_html(view, args.output)
    else:
        from basecaller.report.draw import draw

        draw(view, args.output)
    for cell in cells:
        print(cell.name)
    return 0


def _window(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal()):
        raise UsageError(f"--window {text}: give the first and last sample as A:B, such as 12000:13500")
    return int(first), int(last)
