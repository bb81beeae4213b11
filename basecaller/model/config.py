"""A model's settings: the dataclasses behind the `config.toml` in every model folder."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import tomli_w

from basecaller.errors import ModelError

if typing.TYPE_CHECKING:
    import tomli as tomllib
else:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib

BASES = "ACGT"
ScalingMethod = Literal["med_mad", "quantile", "r9.4.1_levels"]
"""See signal/scale.py."""


@dataclass(frozen=True)
class Chemistry:
    """What the model was trained for; used to choose a model and to refuse a wrong one."""

    pore: str = "r9.4.1"
    molecule: Literal["dna", "rna"] = "dna"
    sampling_rate: float = 4000.0
    """Samples per second."""
    bases_per_second: float = 450.0
    flow_cells: tuple[str, ...] = ()
    """Flow cell product codes, upper case."""
    kits: tuple[str, ...] = ()
    """Sequencing kits, upper case."""


@dataclass(frozen=True)
class SignalConfig:
    """How a read becomes chunks."""

    scaling: ScalingMethod = "med_mad"
    chunk: int = 3900
    """Samples in a chunk; a multiple of the network's stride."""
    overlap: int = 480
    """Samples shared by neighbouring chunks."""


@dataclass(frozen=True)
class Convolution:
    """One convolution of the front end."""

    channels: int
    kernel: int
    stride: int = 1
    activation: Literal["swish", "relu", "tanh", "none"] = "swish"


@dataclass(frozen=True)
class NetworkConfig:
    """The network: convolutions, LSTM layers and the head."""

    convolutions: tuple[Convolution, ...] = (Convolution(16, 5), Convolution(16, 5), Convolution(96, 19, 3))
    width: int = 96
    """Units of an LSTM layer (of each direction, when bidirectional)."""
    layers: int = 3
    direction: Literal["both", "alternating"] = "both"
    """`both`: every layer is bidirectional; `alternating`: one direction a layer, backward first, turn about."""
    head: Literal["ctc", "crf"] = "ctc"
    """`ctc`: 5 classes (blank, A, C, G, T); `crf`: scores of `states` times (stay, A, C, G, T)."""
    state_length: int = 3
    """Bases in a state of the CRF head."""
    flip_flop: bool = False
    """Whether the CRF head has a second state for each run of one base (see model/states.py)."""
    stay_score: float = 2.0
    """Fixed score of a stay in the CRF head."""
    clamp: float = 5.0
    """The CRF head's scores are `clamp * tanh(x)`."""
    beside: tuple[NetworkConfig, ...] = ()
    """Further networks that read the same signal: the scores are the mean of all (an ensemble). They may differ in
    all but stride, head and states."""

    def __post_init__(self) -> None:
        kind = (self.stride, self.head, self.classes)
        if any((other.stride, other.head, other.classes) != kind or other.beside for other in self.beside):
            raise ModelError("networks beside each other must have the same stride, head and state length, all second "
                             "states for runs or none, and none beside themselves")

    @property
    def stride(self) -> int:
        """Samples per output step."""
        product = 1
        for convolution in self.convolutions:
            product *= convolution.stride
        return product

    @property
    def classes(self) -> int:
        """Width C of the scores (T, N, C)."""
        return 5 if self.head == "ctc" else self.states * 5

    @property
    def states(self) -> int:
        """Of the CRF head."""
        return int(4**self.state_length) + (4 if self.flip_flop else 0)


@dataclass(frozen=True)
class DecodeConfig:
    """How scores become bases, and the fit that makes the qualities true (see `decode.quality.fitted`)."""

    method: Literal["greedy", "beam", "viterbi", "consensus"] = "greedy"
    """CTC: `greedy` (best path) or `beam`. CTC-CRF: `viterbi` (best path; `greedy` is the same), `beam` (most probable
    sequence) or `consensus` (least expected edit distance)."""
    beam_width: int = 5
    """Prefixes that a beam search keeps; a consensus begins with what it finds."""
    beam_cut: float = 1e-3
    """CTC: a base less probable than this extends no prefix."""
    paths: int = 16
    """Paths that vote in a consensus."""
    sharpness: float = 1.2
    """Factor on the scores before paths are drawn for a consensus."""
    quality_scale: float = 1.0
    quality_bias: float = 0.0
    quality_ceiling: float = 100.0


@dataclass(frozen=True)
class ModelConfig:
    """A whole model: what `config.toml` says."""

    name: str
    chemistry: Chemistry = field(default_factory=Chemistry)
    signal: SignalConfig = field(default_factory=SignalConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    description: str = ""
    speed: Literal["", "fast", "accurate"] = ""
    """What `--model fast` and `--model accurate` ask for; empty: chosen by its name or its preference only."""
    preference: int = 0
    """Of several shipped models that fit a read the one of the highest preference is chosen, of equal ones the first
    by name."""

    def __post_init__(self) -> None:
        stride = self.network.stride
        if self.signal.chunk % stride or self.signal.overlap % (2 * stride):
            raise ModelError(
                f"model {self.name}: chunk ({self.signal.chunk}) must be a multiple of the network's stride {stride} "
                f"and overlap ({self.signal.overlap}) of twice the stride"
            )
        if not 0 <= self.signal.overlap < self.signal.chunk:
            raise ModelError(f"model {self.name}: overlap must be smaller than chunk")


def read_config(path: str | Path) -> ModelConfig:
    """Read a `config.toml`; an unknown or mistyped setting is a `ModelError` that names it."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not valid TOML ({error})") from None
    return _build(ModelConfig, table, str(path))


def write_config(config: ModelConfig, path: str | Path) -> None:
    """Write a `config.toml` that `read_config` reads back equal."""
    Path(path).write_text(tomli_w.dumps(_plain(config)), encoding="utf-8")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


T = TypeVar("T")


def _build(cls: type[T], table: dict[str, Any], where: str) -> T:
    """A dataclass from a TOML table, checked against its type hints."""
    hints = typing.get_type_hints(cls)
    unknown = set(table) - set(hints)
    if unknown:
        raise ModelError(f"{where}: unknown setting {sorted(unknown)[0]!r} (known: {', '.join(hints)})")
    try:
        return cls(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()})
    except TypeError as error:
        raise ModelError(f"{where}: {error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ModelError(f"{where}: expected a table")
        return _build(typing.cast(type, hint), value, where)
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ModelError(f"{where}: expected a list")
        return tuple(_value(typing.get_args(hint)[0], item, where) for item in value)
    if origin is Literal:
        if value not in typing.get_args(hint):
            raise ModelError(f"{where}: {value!r} is not one of {', '.join(map(repr, typing.get_args(hint)))}")
        return value
    if origin in (typing.Union, types.UnionType):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ModelError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
