"""A model's calls with its Q scores as the decoder finds them, before any fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from basecaller.calling import Basecaller
from basecaller.model.store import load_model
from basecaller.reads.source import open_reads
from basecaller.training.alignment import CalledRead
from basecaller.training.calibrate import Line

RAW = Line(0.5, 0.0)
"""How raw Q scores are written: halved, so that what an overconfident model claims beyond the highest Q that is ever
written (50) can still be told apart."""


def raw_calls(model: str | Path, reads: Iterable[Path], *, device: str = "auto") -> Iterator[CalledRead]:
    """Call files or folders of signal; the qualities are `RAW` of the raw Q scores."""
    loaded = load_model(model)
    decode = replace(loaded.config.decode, quality_scale=RAW.scale, quality_bias=RAW.bias)
    raw = replace(loaded, config=replace(loaded.config, decode=decode))
    for call in Basecaller(raw, device=device).call(open_reads(reads)):
        yield CalledRead(call.info.read_id, call.sequence, call.qualities)
