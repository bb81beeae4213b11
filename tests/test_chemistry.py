"""What a read's metadata say about its chemistry, and which models may call it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from basecaller.chemistry import misfit, molecule_of, pore_of
from basecaller.cli.inputs import MISFITS, first_fitting
from basecaller.errors import ModelError
from basecaller.model.config import Chemistry, ModelConfig, SignalConfig
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Calibration, Read, ReadInfo, RunInfo


def info(flow_cell: str = "", kit: str = "", experiment: str = "", rate: float = 4000.0) -> ReadInfo:
    run = RunInfo(flow_cell_product_code=flow_cell, sequencing_kit=kit, experiment_type=experiment)
    return ReadInfo("r", Calibration(0, 1, 1), rate, 10, path="a.pod5", run=run)


@pytest.mark.parametrize(
    ("flow_cell", "kit", "pore"),
    [
        ("FLO-MIN106", "SQK-LSK108", "r9.4.1"),
        ("FLO-MIN106D", "", "r9.4.1"),
        ("flo-pro002", "SQK-LSK109", "r9.4.1"),
        ("FLO-FLG001", "", "r9.4.1"),
        ("FLO-PRO114M", "SQK-LSK114", "r10.4.1"),
        ("FLO-MIN114", "SQK-RBK114-96", "r10.4.1"),
        ("", "SQK-LSK114-XL", "r10.4.1"),
        ("", "SQK-NBD112-24", "r10.4"),
        ("FLO-MIN111", "", "r10.3"),
        ("FLO-MIN107", "", "r9.5"),
        ("FLO-PRO004RA", "SQK-RNA004", "rna004"),
        ("", "SQK-LSK109", ""),
        ("FLO-MIN1060", "", ""),
        ("", "", ""),
    ],
)
def test_pores(flow_cell: str, kit: str, pore: str) -> None:
    assert pore_of(info(flow_cell, kit)) == pore


def test_molecules() -> None:
    assert molecule_of(info(experiment="genomic_dna")) == "dna"
    assert molecule_of(info(experiment="cdna")) == "dna"
    assert molecule_of(info(experiment="rna")) == "rna"
    assert molecule_of(info(kit="SQK-RNA002", experiment="genomic_dna")) == "rna"
    assert molecule_of(info()) == ""


def test_what_is_not_known_is_no_reason() -> None:
    model = Chemistry()
    assert misfit(info(), model) == ""
    assert misfit(info(flow_cell="FLO-NEW999", kit="SQK-XYZ"), model) == ""
    assert misfit(info(rate=4100.0), model) == ""
    assert "5000 samples per second" in misfit(info(rate=5000.0), model)
    assert "FLO-MIN107" in misfit(info(flow_cell="FLO-MIN107"), model)
    assert misfit(info(flow_cell="FLO-MIN107"), Chemistry(flow_cells=("FLO-MIN107",))) == ""


def reads(*infos: ReadInfo) -> Iterator[Read]:
    return (Read(each, np.zeros(10, np.int16)) for each in infos)


SIGNAL = SignalConfig(chunk=3000, overlap=480)
MODELS = [ModelConfig("nine", signal=SIGNAL),
          ModelConfig("ten", Chemistry("r10.4.1", sampling_rate=5000.0), SIGNAL),
          ModelConfig("rna", Chemistry("rna002", "rna", 3012.0), SIGNAL)]


def chosen(models: list[ModelConfig], *infos: ReadInfo, speed: str = "") -> str:
    found = first_fitting(reads(*infos), models, Quarantine(), speed)
    return found[0].name if found else ""


def test_the_first_read_that_a_model_fits_chooses_it() -> None:
    quarantine = Quarantine()
    odd, ten = info("FLO-MIN111"), info("FLO-MIN114", rate=5000.0)
    found = first_fitting(reads(odd, ten, info("FLO-MIN106")), MODELS, quarantine)
    assert found is not None and found[0].name == "ten" and found[1].info is ten
    assert [entry.reason for entry in quarantine.entries] == [
        "it is R10.3 data (flow cell FLO-MIN111); no shipped model is made for it"]
    assert chosen(MODELS, info("", "", "rna", 3012.0)) == "rna"
    assert chosen(MODELS, info()) == "nine"
    assert first_fitting(reads(), MODELS, quarantine) is None


def test_of_models_that_fit_the_preferred_one_is_chosen_or_that_of_the_speed() -> None:
    ten = Chemistry("r10.4.1", sampling_rate=4000.0)
    models = [ModelConfig("a_accurate", signal=SIGNAL, speed="accurate", preference=1),
              ModelConfig("b_fast", signal=SIGNAL, speed="fast", preference=5),
              ModelConfig("c_beta", ten, SIGNAL, preference=2),
              ModelConfig("d_other", signal=SIGNAL, preference=5)]
    nine = info("FLO-MIN106")
    assert chosen(models, nine) == "b_fast"
    assert chosen(models, nine, speed="accurate") == "a_accurate"
    assert chosen(models, nine, speed="fast") == "b_fast"
    # R10.4.1 as it was sequenced at first: 4 kHz
    for code, kit in (("FLO-PRO114M", "SQK-LSK114"), ("FLO-MIN114", "SQK-RBK114-24"), ("", "SQK-ULK114")):
        assert chosen(models, info(code, kit)) == "c_beta"
    assert chosen(models, info()) == "b_fast"  # a file that tells nothing
    with pytest.raises(ModelError, match=r"^no shipped fast model fits these reads \(the last one needs c_beta\); "
                                         r"use --model c_beta$"):
        chosen(models, info("FLO-MIN114"), speed="fast")
    with pytest.raises(ModelError, match=r"has 5000 samples per second\)"):
        chosen(models, info("FLO-MIN114", rate=5000.0))


def test_none_fits() -> None:
    with pytest.raises(ModelError, match=r"no shipped model fits these reads.*R10\.3.*--any-chemistry"):
        chosen(MODELS, info("FLO-MIN111"))
    endless = (Read(info("FLO-MIN111"), np.zeros(1, np.int16)) for _ in range(10 * MISFITS))
    with pytest.raises(ModelError):
        first_fitting(endless, MODELS, Quarantine())
    assert next(endless)
    with pytest.raises(ModelError, match="no model comes with this installation"):
        chosen([], info())
