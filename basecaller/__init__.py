"""An open nanopore basecaller: raw signal to bases to contigs.

    from basecaller import Basecaller, load_model, open_reads

    for call in Basecaller(load_model("r9.4.1")).call(open_reads("run/")):
        print(call.info.read_id, call.sequence)

The names below are the public interface. They are imported when first used: `import basecaller` alone is quick.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from basecaller.assembly.assemble import Assembly, assemble
    from basecaller.assembly.by_signal import polish_by_signal
    from basecaller.assembly.contig import Contig
    from basecaller.assembly.output import write_assembly
    from basecaller.assembly.readset import load_reads
    from basecaller.calling import Basecaller
    from basecaller.decode.call import Call
    from basecaller.errors import BasecallerError
    from basecaller.model.config import ModelConfig
    from basecaller.model.network import Network
    from basecaller.model.store import Model, list_models, load_model, save_model
    from basecaller.output import open_writer
    from basecaller.reads.read import Read, ReadInfo
    from basecaller.reads.source import open_reads

__version__ = "0.1.0"

_ROOMS = {
    "Assembly": "assembly.assemble",
    "Basecaller": "calling",
    "BasecallerError": "errors",
    "Call": "decode.call",
    "Contig": "assembly.contig",
    "Model": "model.store",
    "ModelConfig": "model.config",
    "Network": "model.network",
    "Read": "reads.read",
    "ReadInfo": "reads.read",
    "assemble": "assembly.assemble",
    "list_models": "model.store",
    "load_model": "model.store",
    "load_reads": "assembly.readset",
    "open_reads": "reads.source",
    "open_writer": "output",
    "polish_by_signal": "assembly.by_signal",
    "save_model": "model.store",
    "write_assembly": "assembly.output",
}

__all__ = [
    "Assembly",
    "Basecaller",
    "BasecallerError",
    "Call",
    "Contig",
    "Model",
    "ModelConfig",
    "Network",
    "Read",
    "ReadInfo",
    "assemble",
    "list_models",
    "load_model",
    "load_reads",
    "open_reads",
    "open_writer",
    "polish_by_signal",
    "save_model",
    "write_assembly",
]


def __getattr__(name: str) -> object:
    """Import a public name from its room (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _give_numba_a_cache() -> None:
    """Where neither the package nor the home can be written (containers), compiled functions go to a temporary folder.

    One for each user, who could not write another's. Without a place for its cache, numba refuses to compile.
    """
    homes = [Path(__file__).parent]
    with suppress(RuntimeError):  # a user without a home
        homes += [Path.home() / ".cache", Path.home()]
    if "NUMBA_CACHE_DIR" not in os.environ and not any(os.access(home, os.W_OK) for home in homes):
        os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"basecaller-numba-{os.getuid()}")


_give_numba_a_cache()
