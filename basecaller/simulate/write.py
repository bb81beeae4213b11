"""What the writers of raw files share: so many reads to a file, and no file under its name until it is complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType

from basecaller.reads.read import Read, RunInfo

READS_PER_FILE = 4000


class RunWriter(ABC):
    """Writes reads into `folder/NAME_0.SUFFIX`, `NAME_1.SUFFIX`, ...; a context manager."""

    suffix: str

    def __init__(self, folder: str | Path, name: str = "reads", per_file: int = READS_PER_FILE) -> None:
        self.folder = Path(folder)
        self.name = name
        self.per_file = per_file
        self.files: list[Path] = []
        """The files that are complete."""
        self._count = 0

    @abstractmethod
    def _create(self, path: Path) -> None:
        """Open a new file."""

    @abstractmethod
    def _add(self, read: Read) -> None:
        """Append a read to the open file."""

    @abstractmethod
    def _close(self) -> None:
        """Close the open file."""

    def write(self, read: Read) -> None:
        """Append one read."""
        if self._count == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._partial().unlink(missing_ok=True)
            self._create(self._partial())
        self._count += 1
        self._add(read)
        if self._count == self.per_file:
            self._finish()

    def _partial(self) -> Path:
        return self.folder / f"{self.name}_{len(self.files)}{self.suffix}.part"

    def _finish(self) -> None:
        if self._count:
            self._close()
            self.files.append(self._partial().rename(self._partial().with_suffix("")))
            self._count = 0

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        elif self._count:
            self._close()
            self._partial().unlink(missing_ok=True)


def tracking_id(run: RunInfo) -> dict[str, str]:
    """The attributes of `tracking_id` that describe a run; those not known are left out."""
    return _known({
        "run_id": run.run_id,
        "flow_cell_id": run.flow_cell_id,
        "flow_cell_product_code": run.flow_cell_product_code,
        "device_id": run.device_id,
        "device_type": run.device_type,
        "sample_id": run.sample_id,
        "protocol_group_id": run.protocol_group_id,
        "exp_start_time": run.start_time.isoformat() if run.start_time is not None else "",
        "version": run.software,
    })


def context_tags(run: RunInfo, sampling_rate: float) -> dict[str, str]:
    """The attributes of `context_tags` that describe a run; those not known are left out."""
    return _known({
        "experiment_type": run.experiment_type,
        "sequencing_kit": run.sequencing_kit.lower(),
        "sample_frequency": f"{sampling_rate:.0f}",
    })


def _known(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if value}
