"""A model's calls with its Q scores as the decoder finds them, before any fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from basecaller.calling import Basecaller
from basecaller.model.store import Model
from basecaller.reads.read import Read
from basecaller.training.alignment import CalledRead
from basecaller.training.calibrate import Line

RAW = Line(0.5, 0.0)
"""How raw Q scores are written: halved, so that what an overconfident model claims beyond the highest Q that is ever
written (50) can still be told apart."""


def raw_calls(model: Model, reads: Iterable[Read], *, device: str = "auto") -> Iterator[CalledRead]:
    """Call reads; the qualities are `RAW` of the raw Q scores."""
    decode = replace(model.config.decode, quality_scale=RAW.scale, quality_bias=RAW.bias)
    raw = replace(model, config=replace(model.config, decode=decode))
    for call in Basecaller(raw, device=device).call(reads):
        yield CalledRead(call.info.read_id, call.sequence, call.qualities)
