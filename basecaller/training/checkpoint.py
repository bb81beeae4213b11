"""Checkpoints: everything a training needs to go on as if it had never stopped, without pickles."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from basecaller.errors import UsageError
from basecaller.model.network import Network
from basecaller.training.optimizer import Optimizer

FILE = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path, step: int, seconds: float, network: Network, average: Network, optimizer: Optimizer
) -> None:
    """Write weights, their moving average and the optimizer's moments into `folder`, replacing the last one."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizer.state().items()}
    partial = folder / (FILE + ".part")
    partial.write_bytes(save({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
                             metadata={"step": str(step), "seconds": f"{seconds:.1f}"}))
    partial.replace(folder / FILE)


def load_checkpoint(
    folder: Path, network: Network, average: Network, optimizer: Optimizer
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
            module.load_state_dict(_under(part, tensors))
        optimizer.restore(_under("optimizer.", tensors))
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise UsageError(f"{path}: cannot be resumed from ({str(error).splitlines()[0]})") from None
    return int(about["step"]), float(about["seconds"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}
