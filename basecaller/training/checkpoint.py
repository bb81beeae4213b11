"""Checkpoints: everything a training needs to go on as if it had never stopped, without pickles."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from basecaller.errors import UsageError
from basecaller.model.network import Network

FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path, step: int, seconds: float, network: Network, average: Network, optimizer: torch.optim.Optimizer
) -> None:
    """Write weights, their moving average and the optimizer's moments into `folder`, replacing the last one."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    names = [name for name, _ in network.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{names[index]}.{key}"] = value
    partial = folder / (FILE + ".part")
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, partial,
              metadata={"step": str(step), "seconds": f"{seconds:.1f}"})
    partial.replace(folder / FILE)


def load_checkpoint(
    folder: Path, network: Network, average: Network, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Restore what `save_checkpoint` wrote; returns the step and the seconds spent so far.

    `UsageError` when there is no checkpoint or it belongs to another network.
    """
    path = folder / FILE
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            about = file.metadata()
        for part, module in (("network.", network), ("average.", average)):
            module.load_state_dict({k[len(part):]: v for k, v in tensors.items() if k.startswith(part)})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UsageError(f"{path}: cannot be resumed from ({str(error).splitlines()[0]})") from None
    names = [name for name, _ in network.named_parameters()]
    states = {
        index: {key: tensors[f"optimizer.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        for index, name in enumerate(names)
    }
    optimizer.load_state_dict(optimizer.state_dict() | {"state": states})
    return int(about["step"]), float(about["seconds"])
