"""What a read was sequenced with, and whether a model was made for that."""

from __future__ import annotations

import re

from basecaller.model.config import Chemistry
from basecaller.reads.read import ReadInfo

FLOW_CELL_PORES = {
    r"FLO-(MIN106|FLG001|PRO001|PRO002|MINSP6|PRO002-ECO)": "r9.4.1",
    r"FLO-MIN107": "r9.5",
    r"FLO-(MIN|PRO|FLG)110|FLO-(MIN|PRO|FLG)111": "r10.3",
    r"FLO-(MIN|PRO|FLG)112": "r10.4",
    r"FLO-(MIN|PRO|FLG)114": "r10.4.1",
    r"FLO-(MIN|PRO|FLG)004RA": "rna004",
}
"""Flow cell product codes (regular expressions; letters may follow, as in FLO-MIN106D) and their pores."""

KIT_PORES = {r"SQK-[A-Z]+114": "r10.4.1", r"SQK-[A-Z]+112": "r10.4", r"SQK-RNA004": "rna004"}
"""Kits that go with one pore only."""

RATE_TOLERANCE = 0.05
"""Sampling rates that differ by more than this part are different."""


def pore_of(info: ReadInfo) -> str:
    """The pore that a read came through, by its flow cell, else by its kit; empty when neither tells."""
    for table, code in ((FLOW_CELL_PORES, info.run.flow_cell_product_code), (KIT_PORES, info.run.sequencing_kit)):
        for pattern, pore in table.items():
            if re.match(f"(?:{pattern})(?![0-9])", code.upper()):
                return pore
    return ""


def molecule_of(info: ReadInfo) -> str:
    """`rna` for direct RNA, `dna` for DNA and cDNA, empty when the file does not tell."""
    kit = info.run.sequencing_kit.upper()
    if info.run.experiment_type.lower() == "rna" or kit.startswith("SQK-RNA"):
        return "rna"
    return "dna" if info.run.experiment_type or kit else ""


def misfit(info: ReadInfo, chemistry: Chemistry) -> str:
    """Why a model of this chemistry must not call a read; empty when it may, or nothing recorded says otherwise."""
    molecule, pore = molecule_of(info), pore_of(info)
    if molecule and molecule != chemistry.molecule:
        return f"is {molecule.upper()}, the model is for {chemistry.molecule.upper()}"
    code = info.run.flow_cell_product_code.upper()
    if pore and pore != chemistry.pore and code not in chemistry.flow_cells:
        source = f"flow cell {code}" if code else f"kit {info.run.sequencing_kit}"
        return f"is {pore.upper()} data ({source}), the model is for {chemistry.pore.upper()}"
    if abs(info.sampling_rate - chemistry.sampling_rate) > RATE_TOLERANCE * chemistry.sampling_rate:
        return f"has {info.sampling_rate:g} samples per second, the model is for {chemistry.sampling_rate:g}"
    return ""
