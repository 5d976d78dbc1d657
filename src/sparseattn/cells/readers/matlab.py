"""MATLAB's .mat files: version 7.3, which is HDF5, and version 5 to 7, by SciPy.

Only arrays of numbers are read. Objects, function handles, cells and structures are passed over: nothing of
a file is run.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.hdf5 import chosen_dataset, open_hdf5
from sparseattn.cells.readers.layouts import Axes, matlab_axes
from sparseattn.cells.readers.pictures import RGB_NAMES

SUFFIXES = frozenset({".mat"})

_HEADER_BYTES = 128
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_NUMBERS = (
    "double",
    "single",
    "logical",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)

_LARGEST_BYTES = 1 << 30
"""A variable of version 5 can be read as a whole only."""


@dataclass(frozen=True)
class _Variable:
    path: Path
    name: str
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        return self.axes.pick(_unpacked(self.path, self.name, self.changed), row)


@lru_cache(maxsize=4)
def _unpacked(path: Path, name: str, changed: int) -> npt.NDArray[Any]:
    """Return a memory map of a temporary copy of a variable; the copy goes with the map."""
    from scipy.io import loadmat

    array = np.asarray(loadmat(path, variable_names=[name], appendmat=False)[name])
    if array.dtype.kind not in "buifc":
        raise ValueError("it holds no numbers")
    with tempfile.TemporaryFile() as copy:
        np.asfortranarray(array).T.tofile(copy)
        copy.flush()
        return np.memmap(copy, array.dtype.newbyteorder("="), "r", 0, array.shape, "F")


def open_matlab(path: Path, *, layout: str | None, one_cell: bool, dataset: str | None) -> list[CellFile]:
    """Describe a .mat file from its headers; parameters as of `open_hdf5`.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    with path.open("rb") as stream:
        header = stream.read(_HEADER_BYTES)
        stream.seek(512)
        modern = stream.read(8) == _HDF5_SIGNATURE
    if modern or header.startswith(_HDF5_SIGNATURE):
        return open_hdf5(path, layout=layout, one_cell=one_cell, dataset=dataset)
    if len(header) < _HEADER_BYTES or header[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise ValueError("it is not a MATLAB file of version 5 or later, or it is damaged")
    return [_describe(path, layout, dataset)]


def _describe(path: Path, layout: str | None, dataset: str | None) -> CellFile:
    from scipy.io import whosmat

    try:
        variables = whosmat(path, appendmat=False)
    except Exception:  # whatever a damaged file makes SciPy trip over
        raise ValueError("it is damaged or truncated") from None
    images = {
        name: tuple(map(int, shape))
        for name, shape, kind in variables
        if kind in _NUMBERS and 2 <= len(shape) <= 4 and sorted(shape)[-2] >= 2
    }
    name = chosen_dataset(sorted(images), dataset)
    shape = images[name]
    if prod(shape) * 8 > _LARGEST_BYTES:
        raise ValueError(
            f"{name} has {' x '.join(map(str, shape))} numbers, too many to be read at once; "
            f"save it by save(..., '-v7.3')"
        )
    axes = matlab_axes(shape, layout)
    changed = path.stat().st_mtime_ns
    source = _Variable(path, name, axes, changed)
    # whether they are complex stands in the data alone
    dtype = _unpacked(path, name, changed).dtype
    colour = axes.names.endswith("C") and axes.channels == 3 and dtype == np.uint8
    names = RGB_NAMES if colour else None
    return CellFile(source, axes.cells, axes.channels, axes.cell_shape, dtype, names, axes=axes)
