"""How the tests run the pipeline: in a folder of their own, from this checkout's Snakefile."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import torch

from basecaller.model.config import Convolution, ModelConfig, NetworkConfig, SignalConfig
from basecaller.model.network import Network
from basecaller.model.store import save_model
from basecaller.reads.read import Calibration, Read, ReadInfo
from basecaller.simulate.write_pod5 import Pod5Writer

pytest.importorskip("snakemake", reason="the pipeline needs Python 3.11 and snakemake")

CHECKOUT = Path(__file__).resolve().parents[2]

Snakemake = Callable[..., "subprocess.CompletedProcess[str]"]


def run_snakemake(folder: Path, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run this checkout's Snakefile in `folder`; fails the test on a wrong exit status."""
    command = [sys.executable, "-m", "snakemake", "-s", str(CHECKOUT / "Snakefile"), "-d", str(folder),
               "--cores", "2", "--nocolor", *options]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, "PATH": path})
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture
def snakemake(tmp_path: Path) -> Snakemake:
    """`snakemake(*options)` in the test's folder."""
    return functools.partial(run_snakemake, tmp_path)


def write_raw(folder: Path, name: str, seed: int, reads: int = 3) -> None:
    """A small POD5 file of random levels."""
    rng = np.random.default_rng(seed)
    with Pod5Writer(folder, name) as writer:
        for number in range(reads):
            signal = np.repeat(rng.integers(300, 700, 800), 9).astype(np.int16)
            info = ReadInfo(str(UUID(int=seed << 32 | number)), Calibration(6.0, 1444.86, 8192.0), 4000.0, signal.size)
            writer.write(Read(info, signal))


def write_model(folder: Path) -> None:
    """A model of random weights: what it calls is nonsense, and always the same."""
    torch.manual_seed(1)
    network = NetworkConfig((Convolution(4, 5), Convolution(8, 9, 3)), width=8, layers=1)
    signal = SignalConfig(chunk=3000, overlap=600)
    save_model(folder, Network(network), ModelConfig("random", network=network, signal=signal))
