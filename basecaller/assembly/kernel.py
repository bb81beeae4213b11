"""`@kernel`: a hot loop compiled by numba, cached on disk, that lets other threads run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function on arrays and numbers; its types are those of the arguments at the call."""
    return cast(F, njit(cache=True, nogil=True)(function))
