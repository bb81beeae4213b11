"""Decoding: from a network's scores to bases, qualities and moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from basecaller.decode.call import Call, Decoded, Path
from basecaller.decode.quality import phred
from basecaller.model.config import BASES, DecodeConfig, NetworkConfig

__all__ = ["Call", "Decoded", "Path", "decode_batch", "decode_chunk"]

_LETTERS = np.frombuffer(BASES.encode(), dtype=np.uint8)


def decode_batch(scores: npt.NDArray[np.float32], network: NetworkConfig, decode: DecodeConfig) -> list[Decoded]:
    """Decode the chunks of a batch, each by itself: scores (T, N, C) float32 as `Network` gives them, N results."""
    return [decode_chunk(scores[:, n], network, decode) for n in range(scores.shape[1])]


def decode_chunk(scores: npt.NDArray[np.float32], network: NetworkConfig, decode: DecodeConfig) -> Decoded:
    """Decode one chunk: scores (T, C) float32, by the head that made them and the method that the model asks for."""
    path = _path(scores.astype(np.float32, copy=False), network, decode)
    return Decoded(
        sequence=_LETTERS[path.labels].tobytes().decode("ascii"),
        qualities=phred(path.errors, decode.quality_scale, decode.quality_bias, decode.quality_ceiling),
        moves=path.moves,
    )


def _path(scores: npt.NDArray[np.float32], network: NetworkConfig, decode: DecodeConfig) -> Path:
    if network.head == "crf":
        if decode.method == "beam":
            from basecaller.decode.crf_beam import beam

            return beam(scores, decode.beam_width)
        if decode.method == "consensus":
            from basecaller.decode.consensus import consensus

            return consensus(scores, decode.beam_width, decode.paths, decode.sharpness)
        from basecaller.decode.crf import viterbi

        return viterbi(scores)
    from basecaller.decode import ctc

    scores = np.ascontiguousarray(scores)
    if decode.method == "beam":
        return ctc.beam(scores, decode.beam_width, decode.beam_cut)
    return ctc.greedy(scores)
