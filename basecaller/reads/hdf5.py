"""HDF5 without trust: follow links inside the file only, look at small attributes only, read bounded datasets only.

An external link, external raw storage or a virtual dataset could point at another file; a loop of links at nothing;
a declared size at more memory than there is.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from basecaller.errors import ReadError
from basecaller.reads.check import check_length

MAX_LINKS = 8
"""Soft links followed to reach one object."""

MAX_ATTRIBUTE = 1 << 16
"""Bytes of an attribute that is looked at; ours are names and numbers."""

VBZ = 32020
"""HDF5's registered number of Oxford Nanopore's VBZ filter."""


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading, with the VBZ filter at hand. Raises `OSError` where HDF5 cannot."""
    _load_vbz()
    return h5py.File(path, "r", locking=False)


def member(group: h5py.Group, path: str, links: int = MAX_LINKS) -> h5py.Group | h5py.Dataset | None:
    """The object at `path` (`a/b/c`) below `group`, None where there is none.

    Soft links are followed here, step by step, as HDF5 itself would follow one through an external link.
    Raises `ReadError` for a link out of the file or too long a chain of links.
    """
    found: h5py.Group | h5py.Dataset = group.file["/"] if path.startswith("/") else group
    for name in filter(None, path.split("/")):
        if not isinstance(found, h5py.Group):
            return None
        link = found.get(name, getlink=True) if name != "." else None
        if name == ".":
            continue
        if link is None:
            return None
        if isinstance(link, h5py.SoftLink):
            if links <= 0:
                raise ReadError(f"follows more than {MAX_LINKS} links to {path!r}")
            links -= 1
            target = member(found, link.path, links)
            if target is None:
                return None
            found = target
        elif isinstance(link, h5py.HardLink):
            found = found[name]
        else:
            raise ReadError(f"{name!r} is a link to outside the file, which is not followed")
    return found


def subgroup(group: h5py.Group, path: str) -> h5py.Group | None:
    """The group at `path` below `group`, None where there is none."""
    found = member(group, path)
    return found if isinstance(found, h5py.Group) else None


def attribute(item: h5py.Group | None, name: str) -> Any:
    """An attribute's value, None where it is missing or unreadable; an enum value by its name."""
    if item is None:
        return None
    try:
        key = name.encode()
        if not h5py.h5a.exists(item.id, key):
            return None
        handle = h5py.h5a.open(item.id, key)
        if handle.get_storage_size() > MAX_ATTRIBUTE:
            return None
        value = item.attrs[name]
        names = h5py.check_enum_dtype(handle.dtype)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError):
        return None
    if names:
        return next((label for label, code in names.items() if code == value), value)
    return value


def signal(dataset: h5py.Dataset) -> npt.NDArray[np.int16]:
    """A dataset of raw signal, (S,) int16. Raises `ReadError` where it is none, or declares more than it holds."""
    if dataset.external is not None or dataset.is_virtual:
        raise ReadError("its signal lies in another file, which is not opened")
    if dataset.ndim != 1 or dataset.dtype.kind not in "iu":
        raise ReadError(f"its signal is {dataset.ndim}-dimensional {dataset.dtype}, not a row of integers")
    samples, stored = int(dataset.shape[0]), int(dataset.id.get_storage_size())
    filters = dataset.id.get_create_plist().get_nfilters()
    check_length(samples, stored if filters else stored // dataset.dtype.itemsize)
    if not filters and samples * dataset.dtype.itemsize > stored:
        raise ReadError(f"declares {samples} samples but holds {stored} bytes of signal")
    for size in dataset.chunks or ():
        check_length(size)
    values = dataset[()]
    if dataset.dtype.itemsize > 2 or dataset.dtype.kind == "u":
        limits = np.iinfo(np.int16)
        if values.min() < limits.min or values.max() > limits.max:
            raise ReadError("its signal does not fit 16 bits")
    return np.ascontiguousarray(values, dtype=np.int16)


def missing_filter(dataset: h5py.Dataset) -> str:
    """Why the dataset's compression cannot be undone here; empty where it can."""
    plist = dataset.id.get_create_plist()
    for code, _, _, name in (plist.get_filter(i) for i in range(plist.get_nfilters())):
        if not h5py.h5z.filter_avail(code):
            label = name.decode("utf-8", "replace") or f"filter {code}"
            return f"is compressed with {label}, for which this machine has no HDF5 plugin"
    return ""


@cache
def _load_vbz() -> None:
    """Tell HDF5 where ont-fast5-api keeps the VBZ filter (found without importing it, which is slow)."""
    spec = importlib.util.find_spec("ont_fast5_api")
    if not h5py.h5z.filter_avail(VBZ) and spec is not None and spec.submodule_search_locations:
        h5py.h5pl.prepend(str(Path(spec.submodule_search_locations[0]) / "vbz_plugin").encode())
