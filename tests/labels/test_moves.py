"""Labels carried by a caller's moves: every base lies where its signal does."""

from __future__ import annotations

import array
from pathlib import Path

import numpy as np
import pysam
import pytest

from basecaller.bases import decode
from basecaller.called import Moved, read_moves
from basecaller.errors import UsageError
from basecaller.labels.label import Stretch
from basecaller.labels.moves import carried
from basecaller.reads.read import Calibration, ReadInfo
from basecaller.signal.prepare import Prepared
from basecaller.signal.scale import Scaling

DWELL, TRIMMED = 10, 30


def prepared(bases: np.ndarray) -> Prepared:
    """A read whose signal is the code of each base, held for ten samples, after 30 that were trimmed."""
    signal = np.repeat(bases.astype(np.float32), DWELL)
    info = ReadInfo("r", Calibration(0, 1, 1), 4000.0, TRIMMED + len(signal))
    return Prepared(info, signal, TRIMMED, Scaling(0.0, 1.0, "med_mad"))


def called(bases: np.ndarray, keep: np.ndarray) -> Moved:
    """A call that has the bases of `keep` (indices) at their true places."""
    return Moved("r", bases[keep], (TRIMMED + DWELL * keep).astype(np.int32),
                 TRIMMED + DWELL * len(bases), 10.0)


def spelled(stretch: Stretch) -> np.ndarray:
    """The bases that the signal shows in the middle of each labelled base."""
    return stretch.signal[np.minimum(stretch.starts + DWELL // 2, len(stretch.signal) - 1)].astype(np.uint8)


def test_a_call_labels_its_own_signal() -> None:
    bases = np.random.default_rng(0).integers(4, size=500).astype(np.uint8)
    (stretch,) = carried(called(bases, np.arange(500)), prepared(bases), None)
    assert (stretch.bases == bases).all() and len(stretch.signal) == 5000
    assert (spelled(stretch) == bases).all()


def test_a_truth_is_carried_to_the_signal_and_its_lost_bases_lie_between() -> None:
    rng = np.random.default_rng(1)
    bases = rng.integers(4, size=2000).astype(np.uint8)
    keep = np.flatnonzero(rng.random(2000) > 0.1)  # the call lost every tenth base
    (stretch,) = carried(called(bases, keep), prepared(bases), bases)
    assert (stretch.bases == bases[stretch.first : stretch.first + len(stretch.bases)]).all()
    assert len(stretch.bases) > 1950 and (spelled(stretch) == stretch.bases).mean() > 0.97
    assert (np.diff(stretch.starts) >= 0).all()


def test_where_the_two_disagree_nothing_is_labelled() -> None:
    rng = np.random.default_rng(2)
    bases = rng.integers(4, size=3000).astype(np.uint8)
    other = bases.copy()
    other[1200:1800] = rng.integers(4, size=600)
    found = carried(called(bases, np.arange(3000)), prepared(bases), other)
    assert len(found) == 2
    assert found[0].first == 0 and 1100 < len(found[0].bases) < 1230
    assert 1770 < found[1].first < 1900 and (found[1].bases == bases[found[1].first :]).mean() > 0.98
    assert carried(called(bases, np.arange(3000)), prepared(bases), rng.integers(4, size=3000).astype(np.uint8)) == []


def write_bam(path: Path, bases: np.ndarray, moves: np.ndarray | None) -> None:
    with pysam.AlignmentFile(str(path), "wb", header={"HD": {"VN": "1.6"}}) as handle:
        record = pysam.AlignedSegment(handle.header)
        record.query_name, record.flag, record.query_sequence = "r", 4, decode(bases)
        record.set_tag("ts", 12)
        record.set_tag("qs", 8.5)
        if moves is not None:
            record.set_tag("mv", array.array("b", [5, *moves]))
        handle.write(record)


def test_moves_are_read_from_a_bam(tmp_path: Path) -> None:
    write_bam(tmp_path / "a.bam", np.array([0, 3, 2], np.uint8), np.array([0, 1, 0, 0, 1, 1, 0]))
    (call,) = read_moves(tmp_path / "a.bam")
    assert call.starts.tolist() == [12 + 5, 12 + 20, 12 + 25]
    assert call.bases.tolist() == [0, 3, 2] and call.mean_qscore == 8.5


def test_a_bam_without_moves_is_named(tmp_path: Path) -> None:
    write_bam(tmp_path / "a.bam", np.array([0, 3, 2], np.uint8), None)
    with pytest.raises(UsageError, match=r"a\.bam: holds no call with a move table"):
        list(read_moves(tmp_path / "a.bam"))
    write_bam(tmp_path / "b.bam", np.array([0, 3, 2], np.uint8), np.array([1, 1]))
    with pytest.raises(UsageError, match=r"b\.bam.*does not fit"):
        list(read_moves(tmp_path / "b.bam"))
