"""Zarr stores: an array, or a group with one image, such as OME-Zarr; read a chunk at a time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import CellFile
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes

SUFFIXES = frozenset({".zarr"})

IDS = "sparseattn_ids"
"""Attribute of an array of cells that were copied from elsewhere: the ids that they had there."""

_MARKS = ("zarr.json", ".zarray", ".zgroup")

_BLOCK_BYTES = 32 << 20
"""Cells that share a chunk are kept decoded up to this size."""

_LETTERS = {"t": "N", "z": "N", "n": "N", "c": "C", "y": "Y", "x": "X"}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in _MARKS)


class _OpenStore:
    """An array of a store, with the cells of the chunk that was read last."""

    def __init__(self, path: Path, component: str, axes: Axes) -> None:
        self._array = _open(path / component)
        self._axes = axes
        chunk = self._array.chunks[0] if axes.names[0] == "N" else 1
        cell_bytes = prod(axes.shape[1:]) * self._array.dtype.itemsize
        self._block = chunk if chunk * cell_bytes <= _BLOCK_BYTES and axes.names.count("N") == 1 else 1
        self._start: int | None = None
        self._cells: Any = None
        self._lock = Lock()

    def read(self, row: int) -> npt.NDArray[Any]:
        if self._block == 1:
            return self._axes.pick(self._array, row)
        with self._lock:
            start = row - row % self._block
            if start != self._start:
                self._cells, self._start = np.asarray(self._array[start : start + self._block]), start
            block = Axes(self._axes.names, self._cells.shape)
            return block.pick(self._cells, row - start)


@lru_cache(maxsize=4)
def _opened(path: Path, component: str, axes: Axes) -> _OpenStore:
    return _OpenStore(path, component, axes)


@dataclass(frozen=True)
class _ZarrCells:
    path: Path
    component: str
    axes: Axes

    def read(self, row: int) -> npt.NDArray[Any]:
        return _opened(self.path, self.component, self.axes).read(row)


def open_zarr(path: Path, *, layout: str | None, one_cell: bool) -> list[CellFile]:
    """Describe a Zarr store from its metadata.

    Parameters
    ----------
    path
        The folder of an array or of a group.
    layout
        Which axis is which, or None: from the metadata, else from the shape.
    one_cell
        Whether the store lies in a folder of files that are one cell each.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    array, component, letters, names = _image(path)
    shape = tuple(array.shape)
    if layout is not None:
        axes = given_axes(shape, layout)
    elif letters is not None and sorted(letters.replace("N", "").replace("C", "")) == ["X", "Y"]:
        axes = Axes(letters, shape)
    else:
        axes = guessed_axes(shape, one_cell=one_cell)
    ids = array.attrs.get(IDS)
    name_of = tuple(map(str, ids)).__getitem__ if isinstance(ids, list) and len(ids) == axes.cells else None
    # A store is a folder, so that even a single cell is named by its pixels.
    cells = 1 if axes.cells is None else axes.cells
    known = names if names is not None and len(names) == len(set(names)) == axes.channels else None
    return [
        CellFile(
            _ZarrCells(path, component, axes),
            cells,
            axes.channels,
            axes.cell_shape,
            array.dtype,
            known,
            name_of=name_of,
        )
    ]


def _open(path: Path) -> Any:
    try:
        import zarr
    except ImportError:
        raise ValueError("Zarr needs a further package: pip install 'napari-sparseattn[scale]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on stray files and on parts that we do not read
        return zarr.open(str(path), mode="r")


def _image(path: Path) -> tuple[Any, str, str | None, tuple[str, ...] | None]:
    """Return the array with the cells, its place in the store, and its axes and channel names where known."""
    node = _open(path)
    if hasattr(node, "shape"):
        return node, "", _dimension_letters(node), None
    attributes = dict(node.attrs)
    attributes = attributes.get("ome", attributes)
    scales = attributes.get("multiscales")
    if scales:
        component = str(scales[0]["datasets"][0]["path"])
        if component not in node:
            raise ValueError(f"its metadata names the image {component!r}, which is not there")
        kinds = [axis["name"] if isinstance(axis, dict) else axis for axis in scales[0].get("axes", [])]
        letters = "".join(_LETTERS.get(str(kind).lower(), "?") for kind in kinds)
        channels = attributes.get("omero", {}).get("channels", [])
        names = tuple(str(channel["label"]) for channel in channels if "label" in channel)
        return node[component], component, letters or None, names or None
    arrays = sorted(name for name, _ in node.arrays())
    if len(arrays) == 1:
        return node[arrays[0]], arrays[0], _dimension_letters(node[arrays[0]]), None
    parts = arrays or sorted(name for name, _ in node.groups())
    raise ValueError(
        f"it holds {len(parts)} parts ({', '.join(parts[:5])}); give the path of one, inside the store"
    )


def _dimension_letters(array: Any) -> str | None:
    names = getattr(array.metadata, "dimension_names", None)
    return "".join(_LETTERS.get(str(name).lower(), "?") for name in names) if names else None
