"""Polishing from end to end: contigs and raw files in, polished contigs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from basecaller.assembly.contig import Contig
from basecaller.assembly.listen import Heard, Listener
from basecaller.assembly.polish import polish
from basecaller.assembly.readset import load_reads
from basecaller.called import NoMoves, read_moves
from basecaller.device import Runner, find_devices
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.source import open_reads

MEMORY = 2 * 10**9
"""Bytes of scores to keep: of some 6 million samples by r9.4.1_accurate, four times as many by models with states of
three bases."""


def polish_by_signal(
    contigs: Sequence[Contig], signal: str | Path | Sequence[str | Path], model: Model, *,
    calls: str | Path | None = None, device: str = "auto", threads: int = 1, memory: int = MEMORY,
    quarantine: Quarantine | None = None, say: Callable[[str], None] = lambda _: None, trust: float = 0.0,
    by_genes: bool = True,
) -> list[Contig]:
    """Contigs corrected by what `model` hears in the reads of `signal`, files or folders of them.

    `calls`: use only the reads of this file; where all of them have move tables, these say where each base lies, and
    the reads are not called again. `memory`: bytes of scores kept; the others are computed again in every turn.
    Reads that cannot be heard go into `quarantine`. `say` is told of every turn. `trust`: how far the contigs are known
    otherwise, and `by_genes`: whether reading frames may decide what the reads leave open, see `polish`. The result
    depends neither on `threads` nor on `memory`.

    Raises `UsageError` for paths, or a device, that are not there.
    """
    aside = Quarantine() if quarantine is None else quarantine
    runner = Runner(model.network, find_devices(device)[0], model.config.signal.chunk)
    listener = Listener(lambda: open_reads(signal, quarantine=aside), model, runner, aside, threads, memory)
    if not contigs:
        return []
    heard = _heard(listener, calls, say)
    say(f"{len(heard.reads)} reads, {len(heard.reads.codes)} bases")
    polished = polish(list(contigs), heard, listener.scores, model.config.network, threads, say, trust, by_genes)
    if not listener.found:
        say("none of the reads is in the signal: nothing could be polished")
    return polished


def _heard(listener: Listener, calls: str | Path | None, say: Callable[[str], None]) -> Heard:
    if calls is None:
        say("calling the reads")
        return listener.calls()
    try:
        return listener.told(list(read_moves(calls, every=True)))
    except NoMoves as error:
        say(f"calling the reads again: {error}")
    return listener.calls(set(load_reads([calls])[0].names))
