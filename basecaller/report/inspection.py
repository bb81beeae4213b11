"""One read under the lens: everything between its signal and its bases, kept for drawing.

The read goes the same way as in `calling.Basecaller` (prepare, cut, network, decode, stitch, adapters off), so that
what is drawn is what was called; scores, and on request what the recurrent layers put out, are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from basecaller.adapter import trim_adapters
from basecaller.called import CalledRead
from basecaller.decode import decode_batch
from basecaller.decode.call import Call
from basecaller.decode.crf import weigh
from basecaller.decode.quality import mean_qscore
from basecaller.device import TILE, Runner
from basecaller.errors import BasecallerError, UsageError
from basecaller.evaluation.alignment import Alignment, Mapper
from basecaller.model.config import NetworkConfig
from basecaller.model.store import Model
from basecaller.reads.read import Read, ReadInfo
from basecaller.signal.chunk import Span, cut, fill, stitch
from basecaller.signal.prepare import prepare

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Inspection:
    """A called read with all that led to the call. Step t covers samples trimmed + t * stride and on."""

    info: ReadInfo
    current: Floats
    """(S,) pA, the whole read."""
    trimmed: int
    """Samples cut from the start: before the strand, and the adapter."""
    stride: int
    model: str
    head: str
    """`ctc` or `crf`: what the first row of `posteriors` means."""
    sequence: str
    qualities: npt.NDArray[np.uint8]
    """(L,)."""
    moves: npt.NDArray[np.uint8]
    """(T,)."""
    posteriors: Floats
    """(T, 5) probabilities: blank (CTC) or stay (CRF), then A, C, G, T."""
    overlaps: tuple[Span, ...]
    """Samples of the whole read that two neighbouring chunks share; the seam is about the middle."""
    activations: tuple[Floats, ...]
    """(T, units) of each recurrent layer, empty unless asked for."""
    alignment: Alignment | None

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """(L,) the sample at which each base begins."""
        return self.trimmed + np.flatnonzero(self.moves) * self.stride


def find_read(reads: Iterable[Read], read_id: str) -> Read:
    """The read of this id; `UsageError` when it is not there."""
    seen = 0
    for read in reads:
        if read.read_id == read_id:
            return read
        seen += 1
    raise UsageError(f"read {read_id} is not among the {seen:,} reads given with --signal")


def inspect_read(read: Read, model: Model, *, reference: str | Path | None = None, cells: bool = False) -> Inspection:
    """Call one read and keep what led to it. With a reference (FASTA) it is mapped, with `cells` activations are kept.

    Raises `ReadError` for a read that cannot be called.
    """
    config = model.config
    prepared = prepare(read, config.signal)
    stride = config.network.stride
    spans = cut(prepared.signal.size, config.signal.chunk, config.signal.overlap, stride)
    chunks = np.zeros((-(-len(spans) // TILE) * TILE, 1, config.signal.chunk), np.float32)
    for row, span in enumerate(spans):
        fill(chunks[row, 0], prepared.signal, span)
    scores, layers = _run(model, chunks, cells)
    decoded = decode_batch(scores[:, : len(spans)], config.network, config.decode)
    whole = stitch(decoded, spans, stride)
    call = trim_adapters(Call(read.info, whole.sequence, whole.qualities, whole.moves, stride, prepared.trimmed,
                              prepared.scaling, model.name, mean_qscore(whole.qualities)))
    if not call.sequence:
        raise BasecallerError(f"read {read.read_id}: no base is found in it, or nothing but adapters")
    posteriors = [_posteriors(scores[:, row], config.network) for row in range(len(spans))]
    first = (call.trimmed - prepared.trimmed) // stride
    kept = slice(first, first + len(call.moves))
    alignment = None
    if reference is not None:
        alignment = Mapper(reference).align(CalledRead(read.read_id, call.sequence, call.qualities))
    overlaps = [Span(prepared.trimmed + right.start, prepared.trimmed + left.end)
                for left, right in pairwise(spans)]
    return Inspection(
        read.info, read.picoamperes(), call.trimmed, stride, model.name, config.network.head,
        call.sequence, call.qualities, call.moves, _join(posteriors, spans, stride)[kept], tuple(overlaps),
        tuple(_join([layer[:, row] for row in range(len(spans))], spans, stride)[kept] for layer in layers),
        alignment,
    )


def _run(model: Model, chunks: Floats, cells: bool) -> tuple[Floats, list[Floats]]:
    """Scores (T, N, C), and the output of each recurrent layer (T, N, units), forward in time."""
    runner = Runner(model.network, torch.device("cpu"), chunks.shape[2])
    encoder = runner.network.encoder
    kept: list[list[Floats]] = [[] for _ in encoder.layers]

    def keep(index: int, _: object, __: object, output: tuple[torch.Tensor, object]) -> None:
        found = output[0].flip(0) if encoder.backward_layer[index] else output[0]
        kept[index].append(found.numpy().copy())

    with ExitStack() as stack:
        if cells:
            for index, layer in enumerate(encoder.layers):
                hook = layer.register_forward_hook(partial(keep, index))
                stack.callback(hook.remove)
        scores = runner.scores(chunks)
    return scores, [np.concatenate(parts, axis=1) for parts in kept if parts]


def _posteriors(scores: Floats, config: NetworkConfig) -> Floats:
    """(T, 5): what each step says, whatever the head: nothing new, or a base."""
    if config.head == "ctc":
        return np.exp(scores)
    _, found = weigh(scores)
    moves = found[:, :, 1:].sum(axis=2).reshape(len(scores), -1, 4).sum(axis=1)
    return np.concatenate([found[:, :, 0].sum(axis=1, keepdims=True), moves], axis=1)


def _join(parts: list[Floats], spans: list[Span], stride: int) -> Floats:
    """Steps of overlapping chunks as those of the read, each overlap divided in its middle."""
    pieces = []
    first = 0
    for index, (part, span) in enumerate(zip(parts, spans, strict=True)):
        start, end = span.start // stride, span.end // stride
        last = (spans[index + 1].start // stride + end) // 2 if index + 1 < len(spans) else end
        pieces.append(part[first - start : last - start])
        first = last
    return np.concatenate(pieces)
