"""A model's calls with its Q scores as the decoder finds them, before any fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from basecaller.called import CalledRead
from basecaller.calling import Basecaller
from basecaller.decode.quality import MAX_Q
from basecaller.evaluation.calibrate import Curve
from basecaller.model.store import Model
from basecaller.reads.read import Read

FIRST = 8
"""Reads that are called to see in what range the raw scores lie."""


def raw_calls(model: Model, reads: Iterable[Read], *, device: str = "auto") -> tuple[Curve, Iterator[CalledRead]]:
    """Call reads with qualities that are a multiple of the raw Q scores; returns the curve that says so, and the calls.

    Scores are written as whole numbers up to 50. The multiple stretches the raw scores of a timid model, so that they
    are told apart, and shrinks those of an overconfident one, so that none is cut.
    """
    waiting = iter(reads)
    first = list(islice(waiting, FIRST))
    scores = [call.qualities for call in _call(model, first, Curve(), device) if call.qualities is not None]
    highest = float(np.quantile(np.concatenate(scores), 0.999)) if scores else 1.0
    line = Curve(0.5 if highest >= MAX_Q - 1 else min(4.0, 0.8 * MAX_Q / highest))
    return line, _call(model, chain(first, waiting), line, device)


def _call(model: Model, reads: Iterable[Read], line: Curve, device: str) -> Iterator[CalledRead]:
    decode = replace(model.config.decode, quality_scale=line.scale, quality_bias=line.bias,
                     quality_ceiling=line.ceiling)
    changed = replace(model, config=replace(model.config, decode=decode))
    for call in Basecaller(changed, device=device).call(reads):
        yield CalledRead(call.info.read_id, call.sequence, call.qualities)
