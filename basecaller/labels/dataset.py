"""The label file: stretches of signal with their bases in one HDF5 file, and random chunks drawn from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import h5py
import numpy as np
import numpy.typing as npt

from basecaller.errors import UsageError
from basecaller.labels.label import Stretch

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stretch's sequence lies in its genome; empty contig when it is not known."""

    contig: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A training example."""

    signal: npt.NDArray[np.float32]
    """(S,) float32, normalised as its whole read is."""
    context: npt.NDArray[np.uint8]
    """(k,) the bases before the first."""
    bases: npt.NDArray[np.uint8]
    """(B,) the bases that start in the chunk, 0..3."""
    starts: npt.NDArray[np.int32]
    """(B,) the sample at which each starts."""


class ChunkSource(Protocol):
    """Whatever training examples are drawn from."""

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` random chunks of `samples` samples."""
        ...


CONTEXT = 5
"""Bases of context that every chunk carries: enough for the longest CRF state."""


class LabelWriter:
    """Appends stretches to a label file; a context manager. The file appears under its name when complete.

    It grows under a name of its own: of two runs that write the same file at once the last to end is kept, whole (HDF5
    empties a file before it finds that another process holds it).
    """

    def __init__(self, path: str | Path, *, scaling: str) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(f"{self.path.name}.{uuid4().hex[:8]}.part")
        self.file = h5py.File(self.partial, "x")
        self.file.attrs.update(format=FORMAT, scaling=scaling)
        for name, kind in (("signal", np.float16), ("bases", np.uint8), ("starts", np.int32)):
            # not compressed: random windows are read from it while training
            self.file.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(16384,))
        self.rows: list[tuple[str, str, int, int, int, int]] = []

    def add(self, stretch: Stretch, origin: Origin) -> None:
        """Append one stretch."""
        for name, values in (("signal", stretch.signal), ("bases", stretch.bases), ("starts", stretch.starts)):
            dataset = self.file[name]
            dataset.resize(dataset.shape[0] + len(values), axis=0)
            dataset[dataset.shape[0] - len(values) :] = values
        self.rows.append((stretch.read_id, origin.contig, origin.start, origin.end, len(stretch.signal),
                          len(stretch.bases)))

    def __enter__(self) -> LabelWriter:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            text = h5py.string_dtype()
            for i, (name, dtype) in enumerate((("read_id", text), ("contig", text), ("start", np.int64),
                                               ("end", np.int64), ("samples", np.int64), ("length", np.int64))):
                self.file.create_dataset(f"stretches/{name}", data=[row[i] for row in self.rows], dtype=dtype)
        self.file.close()
        if kind is None:
            self.partial.replace(self.path)
        else:
            self.partial.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class StretchTable:
    """What a label file says of its stretches, a column each."""

    read_id: npt.NDArray[np.object_]
    contig: npt.NDArray[np.object_]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


class LabelFile:
    """A label file opened for training: draws random windows of its stretches, their signal read from disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.file = h5py.File(self.path, "r")
            if self.file.attrs["format"] != FORMAT:
                raise UsageError(f"{path}: label file of format {self.file.attrs['format']}, not {FORMAT}; label again")
            rows = self.file["stretches"]
            self.table = StretchTable(
                *(rows[name].asstr()[:] for name in ("read_id", "contig")),
                *(rows[name][:] for name in ("start", "end", "samples", "length")),
            )
            self.bases, self.starts = self.file["bases"][:], self.file["starts"][:]
        except (OSError, KeyError) as error:
            raise UsageError(f"{path}: not a label file made by `basecaller label` ({error})") from None
        self.scaling = str(self.file.attrs["scaling"])
        self.first_sample = np.concatenate([[0], np.cumsum(self.table.samples)])
        self.first_base = np.concatenate([[0], np.cumsum(self.table.length)])
        self.use = np.ones(len(self.table.samples), bool)
        empty = self._empty()
        if empty:
            raise UsageError(f"{path}: {empty} of {len(self.use)} stretches hold nothing but zeros, as after a disk or "
                             "another program lost parts of the file; label again")

    def _empty(self) -> int:
        """How many stretches have no signal or no places of bases: what an HDF5 file has lost reads as zeros."""
        empty = 0
        for row in np.flatnonzero(self.table.length > 1).tolist():  # one at a time: files may be larger than memory
            signal, _, starts = self.stretch(row)
            empty += not (signal.any() and starts.any())
        return empty

    def within(self, regions: Sequence[tuple[str, int, int]]) -> npt.NDArray[np.bool_]:
        """Which stretches touch any of the regions (contig, start, end)."""
        touches = np.zeros(len(self.use), bool)
        for contig, start, end in regions:
            touches |= (self.table.contig == contig) & (self.table.end > start) & (self.table.start < end)
        return touches

    def stretch(self, row: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
        """Signal (S,), bases (B,) and the sample at which each base starts (B,) of a whole stretch."""
        samples = slice(int(self.first_sample[row]), int(self.first_sample[row + 1]))
        bases = slice(int(self.first_base[row]), int(self.first_base[row + 1]))
        return self.file["signal"][samples].astype(np.float32), self.bases[bases], self.starts[bases]

    def weight(self) -> float:
        """What the used stretches are worth in a mixture: their samples / sqrt(depth).

        The depth is how often each base of the genome is read on average. Reads of a place that others cover as well
        bring new signal but no new sequence, and at full weight a network learns that sequence by heart.
        """
        _, first = np.unique(self.table.read_id[self.use].astype(str), return_index=True)
        reads = np.flatnonzero(self.use)[first]
        covered = distinct = 0
        reached: dict[str, int] = {}
        for row in reads[np.argsort(self.table.start[reads], kind="stable")]:
            contig, start, end = str(self.table.contig[row]), int(self.table.start[row]), int(self.table.end[row])
            if end <= start:  # of unknown origin: a place of its own
                contig, start, end = f"\0{row}", 0, int(self.table.length[row])
            covered += end - start
            distinct += max(0, end - max(start, reached.get(contig, start)))
            reached[contig] = max(end, reached.get(contig, end))
        return float(self.table.samples[self.use].sum() / np.sqrt(max(covered, 1) / max(distinct, 1)))

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` random chunks of `samples` samples, every sample of the used stretches equally likely."""
        room = np.where(self.use, np.maximum(self.table.samples - samples, 0), 0)
        if not room.any():
            raise UsageError(f"{self.path}: no stretch of {samples} samples to train on")
        bounds = np.cumsum(room)
        chunks: list[Chunk] = []
        while len(chunks) < count:
            place = int(rng.integers(bounds[-1]))
            row = int(np.searchsorted(bounds, place, side="right"))
            chunk = self._window(row, place - int(bounds[row] - room[row]), samples)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _window(self, row: int, begin: int, samples: int) -> Chunk | None:
        """The window of a stretch that begins at a sample; None where too few bases stand before it."""
        stretch = slice(self.first_base[row], self.first_base[row + 1])
        starts = self.starts[stretch]
        first, last = np.searchsorted(starts, (begin, begin + samples))
        if first < CONTEXT or last == first:
            return None
        bases = self.bases[stretch]
        offset = int(self.first_sample[row]) + begin
        signal = self.file["signal"][offset : offset + samples].astype(np.float32)
        return Chunk(signal, bases[first - CONTEXT : first], bases[first:last], starts[first:last] - begin)


class Mixture:
    """Draws from several sources in given proportions."""

    def __init__(self, sources: Iterable[tuple[ChunkSource, float]]) -> None:
        self.sources = [(source, weight) for source, weight in sources if weight > 0]
        total = sum(weight for _, weight in self.sources)
        self.shares = np.array([weight / total for _, weight in self.sources])

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> list[Chunk]:
        """`count` chunks, each from a source picked by its share."""
        counts = rng.multinomial(count, self.shares)
        return [chunk for (source, _), n in zip(self.sources, counts, strict=True) if n
                for chunk in source.draw(rng, int(n), samples)]
