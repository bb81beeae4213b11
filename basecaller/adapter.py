"""Sequencing adapters and primers at the ends of a call: found by alignment (edlib) and cut off."""

from __future__ import annotations

import dataclasses

import edlib
import numpy as np

from basecaller.decode.call import Call
from basecaller.decode.quality import mean_qscore

FRONT = {
    # what the adapters of all ligation and native kits, and the rapid ones of kit 14, have in common
    "ligation": "TACTTCGTTCAGTTACGTATTGCT",
    "rapid": "GTTTTCGCATTTATCGTGAAACGCTTTCGCGTTTTTCGTGCGCCGCTTCA",
    "cdna_ssp": "TTTCTGTTGGTGCTGATATTGC",
    "cdna_vnp": "ACTTGCCTGTCGCTCTATCTTC",
    "pcr": "GGCGTCTGCTTGGGTGTTTAACCT",
}
"""At the start of a read, 5' to 3' (Oxford Nanopore's Chemistry Technical Document, adapter sequences)."""

BACK = {
    "ligation": "AGCAATACGTAACTGAACGAAGT",
    "native_14": "ACGTAACTGAACGAAGTACAGG",  # shorter at its start, where a flank of the barcode stands
    "cdna_ssp": "GCAATATCAGCACCAACAGAAA",
    "cdna_vnp": "GAAGATAGAGCGACAGGCAAGT",
    "pcr": "AGGTTAAACACCCAAGCAGACGCC",
}
"""At the end of a read: the reverse complements."""

FRONT_BASES, BACK_BASES = 120, 80
"""How far from the ends an adapter may lie."""

MOST_DIFFERENCES = 0.25
"""Of an adapter's length; most random sequence differs in 0.4 of it."""


def trim_adapters(call: Call) -> Call:
    """The call without adapters at its ends, its moves and trimmed samples following; the same call if none is found.

    Where an adapter is all there is, a call without bases.
    """
    length = len(call.sequence)
    front = max((end for _, end in adapter_places(call.sequence[:FRONT_BASES], FRONT)), default=0)
    tail = max(front, length - BACK_BASES)
    behind = call.sequence[tail:]
    back = len(behind) - min((start for start, _ in adapter_places(behind, BACK)), default=len(behind))
    if not front and not back:
        return call
    steps = np.flatnonzero(call.moves)
    first = int(steps[front]) if front < length else call.moves.size
    last = int(steps[length - back]) if back else call.moves.size
    qualities = call.qualities[front : length - back]
    return dataclasses.replace(
        call,
        sequence=call.sequence[front : length - back],
        qualities=qualities,
        moves=call.moves[first : max(first, last)],
        trimmed=call.trimmed + first * call.stride,
        mean_qscore=mean_qscore(qualities),
        front_adapter=front,
        back_adapter=back,
    )


def adapter_places(window: str, adapters: dict[str, str]) -> list[tuple[int, int]]:
    """(start, end) of the best place of each of `adapters` (`FRONT`, `BACK`) that occurs in `window`."""
    found = []
    for adapter in adapters.values() if window else ():
        hit = edlib.align(adapter, window, mode="HW", task="locations", k=int(MOST_DIFFERENCES * len(adapter)))
        if hit["editDistance"] >= 0:
            start, end = hit["locations"][0]
            found.append((start, end + 1))
    return found
