"""Polishing with synthetic posteriors that are as sure as they are right."""

from __future__ import annotations

from pathlib import Path

import edlib
import numpy as np
import pytest
import torch
from genomes import random_genome

from basecaller.assembly.consensus import WINDOW, polish_windows
from basecaller.assembly.contig import Contig
from basecaller.assembly.grid import make_grid
from basecaller.assembly.listen import ONE, Heard, listen, stored
from basecaller.assembly.mapping import map_reads
from basecaller.assembly.polish import expected_steps, polish, slice_posteriors
from basecaller.assembly.readset import pack
from basecaller.bases import decode, reverse_complement
from basecaller.device import Runner
from basecaller.errors import UsageError
from basecaller.model.config import ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network
from basecaller.model.store import Model
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Calibration, Read, ReadInfo

SIGNAL = SignalConfig(chunk=3000, overlap=300)


def hear(pieces: list[np.ndarray], rng: np.random.Generator, sureness: float) -> Heard:
    """Posteriors of reads of these sequences: a class that gets probability u is right with probability u."""
    records, emitted, matrices, first = [], [], [], [0]
    for number, piece in enumerate(pieces):
        dwell = rng.integers(2, 5, len(piece))
        labels = np.zeros(dwell.sum(), np.int64)
        starts = np.cumsum(dwell) - dwell
        labels[starts] = piece + 1
        sure = rng.beta(sureness, 1.0, len(labels))
        told = np.where(rng.random(len(labels)) < sure, labels, (labels + rng.integers(1, 5, len(labels))) % 5)
        p = np.repeat(((1 - sure) / 4)[:, None], 5, axis=1)
        p[np.arange(len(labels)), told] = sure
        best = p.argmax(axis=1)
        new = best != 0
        new[1:] &= best[1:] != best[:-1]
        codes = (best[new] - 1).astype(np.uint8)
        records.append((f"r{number}", codes, np.full(len(codes), 10, np.uint8)))
        emitted.append(np.flatnonzero(new).astype(np.int32))
        matrices.append(stored(p))
        first.append(first[-1] + len(p))
    return Heard(pack(records), np.concatenate(matrices), np.array(first), np.concatenate(emitted))


def distance(contig: Contig, truth: np.ndarray) -> int:
    return int(edlib.align(decode(contig.codes), decode(truth))["editDistance"])


def test_fewer_errors_than_the_calls_alone_give() -> None:
    rng = np.random.default_rng(5)
    genome = random_genome(6000, 21)
    pieces = [genome if i % 2 else reverse_complement(genome) for i in range(7)]
    heard = hear(pieces, rng, 9.0)
    draft = [Contig("c", genome, False)]
    for _ in range(2):
        grid = make_grid(draft, WINDOW)
        draft = polish_windows(draft, grid, map_reads(heard.reads, draft, grid)[1], heard.reads)
    polished = polish(draft, heard)[0]
    before, after = distance(draft[0], genome), distance(polished, genome)
    assert before >= 10
    assert after <= before / 3
    assert polished.qualities is not None and len(polished.qualities) == len(polished.codes)
    assert (polish(draft, heard, threads=3)[0].codes == polished.codes).all()


def test_a_crf_model_is_refused(tmp_path: Path) -> None:
    network = NetworkConfig(head="crf")
    model = Model("m", Network(network), ModelConfig("m", signal=SIGNAL, network=network))
    with pytest.raises(UsageError, match="model m has a CRF head"):
        listen([], model, Runner(model.network, torch.device("cpu"), SIGNAL.chunk), tmp_path / "spool", Quarantine())


def test_signal_becomes_posteriors_of_one_matrix(tmp_path: Path) -> None:
    """Of an untrained network: every base that is called stands where its class is the likeliest."""
    torch.manual_seed(1)
    model = Model("m", Network(NetworkConfig()), ModelConfig("m", signal=SIGNAL))
    rng = np.random.default_rng(8)
    info = ReadInfo("a", Calibration(0.0, 1.0, 1.0), 4000.0, 9000)
    reads = [Read(info, (90 + 15 * rng.standard_normal(9000)).astype(np.int16))]
    runner = Runner(model.network, torch.device("cpu"), SIGNAL.chunk)
    heard = listen(reads, model, runner, tmp_path / "spool", Quarantine())
    assert heard.posteriors.shape[1] == 5 and len(heard.posteriors) == heard.first[-1]
    assert abs(len(heard.posteriors) - 9000 // 3) < 120
    np.testing.assert_allclose(heard.posteriors.sum(axis=1) / ONE, 1.0, atol=1e-3)
    if len(heard.reads):
        called = heard.posteriors[heard.emitted].argmax(axis=1) - 1
        assert (called == heard.reads.codes).mean() > 0.95


def test_circle_keeps_its_start() -> None:
    rng = np.random.default_rng(6)
    genome = random_genome(5000, 22)
    pieces = [np.resize(np.roll(genome, -int(start)), 4000) for start in rng.integers(0, 5000, 12)]
    heard = hear(pieces, rng, 30.0)
    wrong = genome.copy()
    wrong[[3, 700, 2500, 4998]] ^= 1
    polished = polish([Contig("c", wrong, True)], heard)[0]
    assert distance(polished, genome) <= 1


def test_reverse_slices_are_the_other_strand() -> None:
    p = np.random.default_rng(7).dirichlet(np.ones(5), 9)
    p = stored(p)
    there, back = slice_posteriors(p, 2, 8, False), slice_posteriors(p, 2, 8, True)
    np.testing.assert_array_equal(back[::-1][:, [0, 4, 3, 2, 1]], there)
    np.testing.assert_allclose(there, p[2:8] / ONE, atol=2e-5)
    emitted = np.array([0, 3, 4, 7], np.int32)
    np.testing.assert_array_equal(expected_steps(emitted, 4, 9, False), [0, 3, 4, 7])
    np.testing.assert_array_equal(expected_steps(emitted, 4, 9, True), [1, 4, 5, 8])
