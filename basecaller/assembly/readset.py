"""Reads for the assembler: FASTA, FASTQ (plain or gzip), SAM or BAM files in, one flat array of bases out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basecaller.bases import encode
from basecaller.called import read_calls
from basecaller.errors import BasecallerError, UsageError

MAX_READ = (1 << 21) - 1
"""Bases: longer reads are cut (positions of anchors and read numbers share 63 bits)."""
MAX_READS = (1 << 21) - 1
NO_QUALITY = 255
ROOM = 400_000_000
"""Bases that are held before they are thinned."""
Record = tuple[str, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class LeftOut:
    """Reads that reached no contig, for one reason."""

    reason: str
    reads: int
    bases: int
    example: str
    """Name of one of them."""


@dataclass(frozen=True, eq=False)
class ReadSet:
    """Reads as one flat array; read i is `codes[offsets[i]:offsets[i + 1]]`."""

    names: list[str]
    codes: npt.NDArray[np.uint8]
    """(B,) uint8: 0..3 for A, C, G, T, 4 for anything else."""
    qualities: npt.NDArray[np.uint8]
    """(B,) uint8 Phred scores; 255 where the file had none."""
    offsets: npt.NDArray[np.int64]
    """(R + 1,) int64."""
    weights: npt.NDArray[np.float32] | None = None
    """(R,) how many reads of the files each stands for, where they were thinned; None: each for itself."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(R,) int64 bases per read."""
        return np.diff(self.offsets)

    def read(self, index: int) -> npt.NDArray[np.uint8]:
        """(L,) uint8 codes of one read, not a copy."""
        return self.codes[self.offsets[index] : self.offsets[index + 1]]

    def subset(self, chosen: npt.NDArray[np.int64]) -> ReadSet:
        """The reads of these indices, in this order, as a set of their own."""
        if len(chosen) == 0:
            return pack(())
        o = self.offsets
        some = pack((self.names[i], self.read(i), self.qualities[o[i] : o[i + 1]]) for i in chosen)
        return some if self.weights is None else replace(some, weights=self.weights[chosen])


Thin = Callable[[ReadSet], tuple[ReadSet, LeftOut]]


def pack(records: Iterable[Record]) -> ReadSet:
    """A read set from (name, codes, qualities) records."""
    names: list[str] = []
    codes, qualities = bytearray(), bytearray()
    offsets = [0]
    for name, code, quality in records:
        names.append(name)
        codes += code.tobytes()
        qualities += quality.tobytes()
        offsets.append(len(codes))
        if len(names) > MAX_READS:
            raise BasecallerError(f"more than {MAX_READS} reads: keep the longest, or assemble a part of them")
    return ReadSet(names, np.frombuffer(codes, np.uint8), np.frombuffer(qualities, np.uint8),
                   np.array(offsets, np.int64))


def load_reads(
    paths: Iterable[str | Path], min_length: int = 0, thin: Thin | None = None, room: int = ROOM
) -> tuple[ReadSet, list[LeftOut]]:
    """Read files of reads in the order given; returns the set, and what was left out.

    Left out are reads shorter than `min_length` and, whenever more than `room` bases are held, those that `thin` sets
    aside. A name seen twice gets a number after it (`name.2`), so that every read can be named. A path that does not
    exist raises `UsageError`, a file that cannot be read `BasecallerError`.
    """
    files = [Path(path) for path in paths]
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path}: no such file of reads")
    short = LeftOut(f"shorter than {max(1, min_length)} bases", 0, 0, "")
    seen: dict[str, int] = {}

    def records() -> Iterator[Record]:
        nonlocal short
        for path in files:
            for read in read_calls(path):
                name, sequence, quality = read.name, read.sequence, read.qualities
                if len(sequence) < max(1, min_length):
                    short = replace(short, reads=short.reads + 1, bases=short.bases + len(sequence),
                                    example=short.example or name)
                    continue
                seen[name] = seen.get(name, 0) + 1
                codes = encode(sequence)[:MAX_READ]
                quality = np.full(len(codes), NO_QUALITY, np.uint8) if quality is None else quality[:MAX_READ]
                yield name if seen[name] == 1 else f"{name}.{seen[name]}", codes, quality

    coming = records()
    if thin is None:
        return pack(coming), [short] if short.reads else []
    left_out = []
    held = pack(_until(coming, room))
    while len(held.codes) > room:
        held, aside = thin(held)
        left_out.append(aside)
        room = max(room, 2 * len(held.codes))
        held = join(held, pack(_until(coming, room - len(held.codes))))
    return held, [group for group in (short, *left_out) if group.reads]


def _until(records: Iterator[Record], bases: int) -> Iterator[Record]:
    """The next records, until they have more than so many bases."""
    held = 0
    for record in records:
        yield record
        held += len(record[1])
        if held > bases:
            return


def join(first: ReadSet, second: ReadSet) -> ReadSet:
    """The reads of both."""
    weights = None
    if first.weights is not None or second.weights is not None:
        weights = np.concatenate([np.ones(len(part), np.float32) if part.weights is None else part.weights
                                  for part in (first, second)])
    return ReadSet(first.names + second.names, np.concatenate([first.codes, second.codes]),
                   np.concatenate([first.qualities, second.qualities]),
                   np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]]), weights)
