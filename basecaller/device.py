"""Where the network runs: which devices, in which precision, how many chunks at once."""

from __future__ import annotations

import copy
import ctypes
import logging
import re
import threading
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch

from basecaller.errors import BasecallerError, UsageError
from basecaller.model.network import Network

logger = logging.getLogger(__name__)

TILE = 16
"""Chunks in a batch are a multiple of this: such shapes get the same kernels, hence the same bits for a chunk."""

CPU_BATCH, MPS_BATCH = 16, 128
"""Chunks at once: what fits a core's cache is fastest on a CPU."""

PRECISIONS = ("float32", "bfloat16")
"""float32 calls the same bases on every device; bfloat16 is twice as fast where the hardware has it (CPUs with AMX,
GPUs) and changes about one base in 300, with no change in accuracy."""

GPU_BATCHES = (1024, 512, 256, 128, 64, 32, 16)
"""Batch sizes tried on a GPU, largest first."""


_MALLOC = ((-4, 0), (-1, 2**31 - 1), (-2, 2**26))
"""glibc's M_MMAP_MAX, M_TRIM_THRESHOLD and M_TOP_PAD (malloc.h)."""


def keep_freed_memory() -> None:
    """Tell the C library to keep freed memory for the next batch instead of giving it back to the system at once.

    Tensors of many megabytes otherwise cost a page fault for every 4 KB of every batch, which on virtual machines is
    nearly half of a training step. Does nothing where the C library has no `mallopt`.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in _MALLOC:
        mallopt(parameter, value)


def use_threads(count: int | None) -> None:
    """Have torch compute on so many CPU threads; None: as many as it chooses."""
    if count:
        torch.set_num_threads(count)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 by hardware; a CPU that does not is many times slower with it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # what torch knows of the CPU, by names that it has not made public yet
    asked = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(supported is not None and supported() for supported in asked)


def find_devices(wanted: str) -> list[torch.device]:
    """The devices that `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,cuda:1`, `cuda:all` or `mps` names.

    Raises `UsageError` for a name that is none of these and for a device that this machine does not have.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted == "cuda:all":
        wanted = ",".join(f"cuda:{i}" for i in range(torch.cuda.device_count())) or "cuda"
    names = list(dict.fromkeys(wanted.split(",")))
    for name in names:
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
            raise UsageError(f"unknown device {name!r}; use auto, cpu, cuda, cuda:N, cuda:all or mps")
        if name == "mps" and not torch.backends.mps.is_available():
            raise UsageError("this machine has no MPS device (Apple GPU); use --device cpu")
        if name.startswith("cuda"):
            count = torch.cuda.device_count()
            if count == 0:
                raise UsageError("no CUDA device is visible (driver, or CUDA_VISIBLE_DEVICES?); use --device cpu")
            if int(name.partition(":")[2] or 0) >= count:
                raise UsageError(f"there is no {name}; this machine has {count} (cuda:0 to cuda:{count - 1})")
    return [torch.device(name if name != "cuda" else "cuda:0") for name in names]


class Runner:
    """A network on one device, called from several threads; chunks in, scores out."""

    def __init__(
        self,
        network: Network,
        device: torch.device,
        chunk: int,
        batch_size: int | None = None,
        precision: str = "float32",
    ) -> None:
        self.device = device
        self._bfloat16 = precision == "bfloat16"
        if self._bfloat16 and device.type == "cpu" and not fast_bfloat16(device):
            logger.warning("this CPU has no units for bfloat16; float32 is several times faster on it")
        self.network = copy.deepcopy(network).to(device).eval()
        # One at a time on a GPU, whose memory a second run would share; a CPU runs one per core.
        self._turn = threading.Lock() if device.type != "cpu" else None
        self.batch_size = -(-(batch_size or self._fitting(chunk)) // TILE) * TILE
        """Chunks at once, a multiple of `TILE`; lowered when memory runs out."""

    def scores(self, chunks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, 1, S) float32 normalised signal, N a multiple of `TILE`, to scores (T, N, C) float32.

        A batch that does not fit into the device's memory is run in halves, and so are later ones.
        Raises `BasecallerError` when not even `TILE` chunks fit.
        """
        with self._turn or nullcontext():
            done = 0
            results = []
            while done < len(chunks):
                part = chunks[done : done + self.batch_size]
                try:
                    results.append(self._run(part))
                except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                    if not _out_of_memory(error):
                        raise
                    self._lower(len(part), error)
                    continue
                done += len(part)
            return results[0] if len(results) == 1 else np.concatenate(results, axis=1)

    def _run(self, chunks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        # Without TF32, which a GPU would use for float32 and which changes bases.
        exact = torch.backends.cudnn.flags(allow_tf32=False) if self.device.type == "cuda" else nullcontext()
        mixed = torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16)
        with torch.inference_mode(), exact, mixed:
            scores: npt.NDArray[np.float32] = self.network(torch.from_numpy(chunks).to(self.device)).cpu().numpy()
            return scores

    def _lower(self, failed: int, error: Exception) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if failed <= TILE:
            raise BasecallerError(f"{self.device}: not enough memory for {TILE} chunks ({_first_line(error)})"
                                  ) from None
        if failed > self.batch_size:  # another thread has lowered it meanwhile
            return
        self.batch_size = max(TILE, failed // 2 // TILE * TILE)
        logger.warning("%s: out of memory with %d chunks at once; going on with %d", self.device, failed,
                       self.batch_size)

    def _fitting(self, chunk: int) -> int:
        """The largest batch that leaves half of a GPU's free memory to others, measured on a small one."""
        if self.device.type != "cuda":
            return CPU_BATCH if self.device.type == "cpu" else MPS_BATCH
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self._run(np.zeros((TILE, 1, chunk), np.float32))
        each = max(1, torch.cuda.max_memory_allocated(self.device) - before) / TILE
        free, _ = torch.cuda.mem_get_info(self.device)
        return next((size for size in GPU_BATCHES if size * each < free / 2), TILE)


def _out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out: CPU and MPS raise plain `RuntimeError`s for it."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or bool(
        re.search(r"out of memory|can't allocate memory|not enough memory", str(error)))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
