"""Speed of decoding, in samples of raw signal per second of one core.

    python benchmarks/decoding.py [--chunks 8] [--samples 4000]

The scores are made up: a base every nine samples, as R9.4.1 DNA has, and posteriors as sharp as a trained network's.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt

from basecaller.decode import decode_batch
from basecaller.model.config import Convolution, DecodeConfig, NetworkConfig

SAMPLES_PER_BASE = 9.0
CTC = NetworkConfig(head="ctc", convolutions=(Convolution(16, 5, 3),))
CRF_STRIDE = 5
METHODS = {
    "ctc greedy": (CTC, DecodeConfig(method="greedy")),
    "ctc beam 5": (CTC, DecodeConfig(method="beam", beam_width=5)),
    "ctc beam 32": (CTC, DecodeConfig(method="beam", beam_width=32)),
    **{
        f"crf {4**k} states, {method}": (
            NetworkConfig(head="crf", state_length=k, convolutions=(Convolution(16, 5, CRF_STRIDE),)),
            DecodeConfig(method=method),
        )
        for method in ("viterbi", "beam", "consensus") for k in (3, 4)
    },
}


def ctc_scores(steps: int, chunks: int, stride: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(T, N, 5) log-probabilities: bases at random steps, blanks between, and one step in twenty unsure."""
    bases = rng.integers(1, 5, (steps, chunks))
    truth = np.where(rng.random((steps, chunks)) < stride / SAMPLES_PER_BASE, bases, 0)
    logits = rng.normal(0.0, 1.0, (steps, chunks, 5))
    sure = np.where(rng.random((steps, chunks)) < 0.05, 2.0, 8.0)
    np.put_along_axis(logits, truth[..., None], sure[..., None], axis=2)
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)


def crf_scores(steps: int, chunks: int, classes: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(T, N, 4**k * 5) transition scores of paths with a base at random steps, and one step in twenty unsure."""
    states = classes // 5
    scores = rng.normal(-3.0, 1.0, (steps, chunks, states, 5)).clip(-5, 5).astype(np.float32)
    scores[..., 0] = 2.0
    sure = np.where(rng.random((steps, chunks)) < 0.05, 1.0, 5.0)
    moves = rng.random((steps, chunks)) < CRF_STRIDE / SAMPLES_PER_BASE
    state = rng.integers(0, states, chunks)
    for t in range(steps):
        following = state % (states // 4) * 4 + rng.integers(0, 4, chunks)
        slot = np.where(moves[t], 1 + state // (states // 4), 0)
        state = np.where(moves[t], following, state)
        scores[t, np.arange(chunks), state, slot] = np.where(moves[t], sure[t], 2.0)
    return scores.reshape(steps, chunks, classes)


def seconds(network: NetworkConfig, decode: DecodeConfig, scores: npt.NDArray[np.float32], repeats: int = 3) -> float:
    """CPU seconds of the fastest of some runs, after one that compiles."""
    decode_batch(scores[:, :1], network, decode)
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        decode_batch(scores, network, decode)
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=8, help="chunks in a batch (default: 8)")
    parser.add_argument("--samples", type=int, default=4000, help="samples in a chunk (default: 4000)")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    for name, (network, decode) in METHODS.items():
        steps = args.samples // network.stride
        if network.head == "ctc":
            scores = ctc_scores(steps, args.chunks, network.stride, rng)
        else:
            scores = crf_scores(steps, args.chunks, network.classes, rng)
        rate = args.chunks * args.samples / seconds(network, decode, scores)
        print(f"{name:24} stride {network.stride}  {rate / 1e6:8.2f} M samples/s per core")


if __name__ == "__main__":
    main()
