"""Model folders: `config.toml`, `weights.safetensors`, `card.md`; the shipped ones and the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from basecaller.errors import ModelError
from basecaller.model.config import ModelConfig, read_config, write_config
from basecaller.model.network import Network

CONFIG, WEIGHTS, CARD = "config.toml", "weights.safetensors", "card.md"

ALIASES = {"r9.4.1": "r9.4.1_fast"}
"""Short names of shipped models."""


@dataclass(frozen=True)
class Model:
    """A loaded model: the torch module, in evaluation mode, with its settings."""

    name: str
    network: Network
    config: ModelConfig
    folder: Path | None = None

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the weights and with every setting that the calls depend on."""
        config = self.config
        found = hashlib.sha256(repr((config.signal, config.network, config.decode)).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            found.update(name.encode())
            found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()[:12]


def shipped_folder() -> Path:
    """Where the models that come with the package lie."""
    return Path(str(files("basecaller") / "pretrained"))


def list_models() -> list[ModelConfig]:
    """The settings of every shipped model, by name."""
    return [read_config(path) for path in sorted(shipped_folder().glob(f"*/{CONFIG}"))]


def model_folder(name: str | Path) -> Path:
    """The folder of a shipped model's name, an alias, or a path; `ModelError` with the nearest name otherwise."""
    path = Path(name)
    if (path / CONFIG).is_file():
        return path
    shipped = shipped_folder() / ALIASES.get(str(name), str(name))
    if len(path.parts) == 1 and (shipped / CONFIG).is_file():
        return shipped
    if path.is_dir():
        raise ModelError(f"{path}: not a model folder (no {CONFIG} in it)")
    names = [*ALIASES, *(config.name for config in list_models())]
    near = get_close_matches(str(name), names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"shipped models: {', '.join(sorted(names))}"
    raise ModelError(f"no model {str(name)!r}; {hint}")


def load_model(name: str | Path, device: str = "cpu") -> Model:
    """Load a shipped model by its name, or any model folder by its path.

    Raises `ModelError` when there is no such model, or its files are damaged or do not fit each other.
    """
    folder = model_folder(name)
    config = read_config(folder / CONFIG)
    network = Network(config.network)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{weights}: the model's weights are missing")
    try:
        network.load_state_dict({k: v.float() for k, v in load_file(weights, device=device).items()})
    except (SafetensorError, RuntimeError, OSError) as error:
        raise ModelError(f"{weights}: cannot be loaded into the network of {CONFIG} ({_first_line(error)})") from None
    return Model(config.name, network.to(device).eval(), config, folder)


def save_model(folder: str | Path, network: Network, config: ModelConfig, card: str | None = None) -> None:
    """Write a model folder that `load_model` reads; weights are stored in float32."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}
    partial = folder / (WEIGHTS + ".part")
    partial.write_bytes(save(state))  # save_file would let no other user of the machine read it
    partial.replace(folder / WEIGHTS)
    write_config(config, folder / CONFIG)
    if card is not None:
        (folder / CARD).write_text(card, encoding="utf-8")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
