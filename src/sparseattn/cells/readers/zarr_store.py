"""Zarr stores: an array, or a group with one image, such as OME-Zarr; read a chunk at a time."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers import ome_zarr
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes
from sparseattn.cells.readers.series import chosen_series

SUFFIXES = frozenset({".zarr"})

IDS = "sparseattn_ids"
"""Attribute of an array of cells that were copied from elsewhere: the ids that they had there."""

_MARKS = ("zarr.json", ".zarray", ".zgroup")

_KEPT_BLOCKS = 8
_BLOCK_BYTES = 32 << 20
"""Cells that share a chunk are kept decoded up to this size."""

_LARGEST_CHUNK_BYTES, _MOST_CHUNKS = 1 << 30, 200_000
"""A few bytes of metadata can claim any size, and any number of parts in an image."""

_LETTERS = {"t": "N", "z": "N", "n": "N", "c": "C", "y": "Y", "x": "X"}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in _MARKS)


class _OpenStore:
    """An array of a store, with the cells of the chunks that were read last.

    Several, since cells are named some way behind where others are being prepared.
    """

    def __init__(self, path: Path, component: str, axes: Axes) -> None:
        self._array = opened_store(path, component)
        self._header = next(
            os.fspath(path / component / mark) for mark in _MARKS if (path / component / mark).exists()
        )
        self._axes = axes
        chunk = self._array.chunks[0] if axes.names[0] == "N" else 1
        cell_bytes = prod(axes.shape[1:]) * self._array.dtype.itemsize
        self._block = chunk if chunk * cell_bytes <= _BLOCK_BYTES and axes.names.count("N") == 1 else 1
        self._blocks: dict[int, Any] = {}
        self._kept = min(_KEPT_BLOCKS, max(1, _BLOCK_BYTES // max(1, self._block * cell_bytes)))
        self._lock = Lock()

    def read(self, row: int) -> npt.NDArray[Any]:
        if self._block == 1:
            return self._axes.pick(self._array, row)
        with self._lock:
            start = row - row % self._block
            cells = self._blocks.pop(start, None)
            if cells is None:
                cells = np.asarray(self._array[start : start + self._block])
            self._blocks[start] = cells  # the last to go
            if len(self._blocks) > self._kept:
                del self._blocks[next(iter(self._blocks))]
            return self._axes.channels_first(np.array(cells[row - start]))

    def check(self, changed: int) -> None:
        """Raise OSError where the array is another one by now; asked for every cell, so it must be quick."""
        try:
            now = os.stat(self._header).st_mtime_ns
        except OSError:
            raise OSError("it is no longer there") from None
        if now != changed:
            raise OSError("it has changed since it was opened")

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        return self._axes.pick(self._array, row, rows, columns)


@lru_cache(maxsize=4)
def _opened(path: Path, component: str, axes: Axes, changed: int) -> _OpenStore:
    return _OpenStore(path, component, axes)


@dataclass(frozen=True)
class ZarrCells:
    """The cells of one array of a store.

    Attributes
    ----------
    path
        The store.
    component
        The array, inside the store.
    axes
        Its axes.
    changed
        When the array was made: see `when_made`.
    """

    path: Path
    component: str
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return cell `row` as (C, H, W)."""
        return self._store().read(row)

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Return a part of cell `row`."""
        return self._store().window(row, rows, columns)

    def _store(self) -> _OpenStore:
        store = _opened(self.path, self.component, self.axes, self.changed)
        store.check(self.changed)
        return store


def when_made(array: Path) -> int:
    """Return when an array was made, in nanoseconds: the time of its metadata."""
    for mark in _MARKS:
        with suppress(FileNotFoundError):
            return (array / mark).stat().st_mtime_ns
    raise OSError("it is no longer there")


def open_zarr(path: Path, *, layout: str | None, one_cell: bool, series: str | None = None) -> list[CellFile]:
    """Describe a Zarr store from its metadata.

    Parameters
    ----------
    path
        The folder of an array or of a group.
    layout
        Which axis is which, or None: from the metadata, else from the shape.
    one_cell
        Whether the store lies in a folder of files that are one cell each.
    series
        Which image of a store that holds several: a well and field of a plate ("A/1/0"), or a series.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    found = _image(path, series)
    if not (path / found.component).resolve().is_relative_to(path.resolve()):
        raise ValueError(f"its image {found.component!r} is a link that leaves the store")
    array, component, letters, names = found.array, found.component, found.letters, found.names
    shape = tuple(array.shape)
    if layout is not None:
        axes = given_axes(shape, layout)
    elif letters is not None and sorted(letters.replace("N", "").replace("C", "")) == ["X", "Y"]:
        axes = Axes(letters, shape)
    else:
        axes = guessed_axes(shape, one_cell=one_cell)
    _check_chunks(array, axes)
    ids = array.attrs.get(IDS)
    name_of = tuple(map(str, ids)).__getitem__ if isinstance(ids, list) and len(ids) == axes.cells else None
    # A store is a folder, so that even a single cell is named by its pixels.
    cells = 1 if axes.cells is None else axes.cells
    known = names if names is not None and len(names) == len(set(names)) == axes.channels else None
    return [
        CellFile(
            ZarrCells(path, component, axes, when_made(path / component)),
            cells,
            axes.channels,
            axes.cell_shape,
            array.dtype,
            known,
            name_of=name_of,
            pixel_size_um=found.pixel_size_um,
            axes=axes,
        )
    ]


def _check_chunks(array: Any, axes: Axes) -> None:
    """Raise ValueError where the smallest part that can be read, or the parts of one image, are too many."""
    chunks = tuple(map(int, array.chunks))
    if not min(chunks, default=0) or prod(chunks) * array.dtype.itemsize > _LARGEST_CHUNK_BYTES:
        raise ValueError(
            "it is stored in parts too large to be read one at a time; store it in smaller chunks"
        )
    of_one_image = [
        -(-n // chunk) for name, n, chunk in zip(axes.names, axes.shape, chunks, strict=True) if name != "N"
    ]
    if prod(of_one_image) > _MOST_CHUNKS:
        raise ValueError(f"one image of it lies in {prod(of_one_image):,} parts; store it in larger chunks")


def opened_store(path: Path, component: str = "") -> Any:
    """Open a store, or an array or group inside of it, to read.

    Nothing outside of the store is read: OSError for what is a link to elsewhere.

    Raises
    ------
    ValueError
        Where zarr is not installed, or trips over the metadata.
    OSError
        Where there is no such store.
    """
    try:
        import zarr
    except ImportError:
        raise ValueError("Zarr needs a further package: pip install 'napari-sparseattn[scale]'") from None
    from sparseattn.cells.readers.bounded_codecs import bind_codecs, bounded_codecs
    from sparseattn.cells.readers.contained_store import ContainedStore

    with warnings.catch_warnings(), bounded_codecs():
        warnings.simplefilter("ignore")  # remarks on stray files and on parts that we do not read
        try:
            opened = zarr.open(ContainedStore(path), path=component, mode="r")
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"its metadata are damaged ({error})") from None
        if hasattr(opened, "shape"):
            bind_codecs(opened)
        return opened


@dataclass(frozen=True)
class _Image:
    """An array with cells, its place in the store, and what the metadata say of it."""

    array: Any
    component: str
    letters: str | None
    names: tuple[str, ...] | None = None
    pixel_size_um: float | None = None


def _image(path: Path, series: str | None) -> _Image:
    """Return the array with the cells."""
    node = opened_store(path)
    if hasattr(node, "shape"):
        return _Image(node, "", _dimension_letters(node))
    several = ome_zarr.series_of(node)
    if several:
        chosen = several[chosen_series(tuple(several), series)]
        if chosen not in node:
            raise ValueError(f"its metadata names the image {chosen!r}, which is not there")
        return _multiscale(node[chosen], f"{chosen}/")
    if ome_zarr.attributes(node).get("multiscales"):
        return _multiscale(node, "")
    arrays = sorted(name for name, _ in node.arrays())
    groups = sorted(name for name, _ in node.groups())
    parts = arrays or groups
    if series is not None or len(arrays) == 1:
        name = chosen_series(parts, series)
        part = node[name]
        if not hasattr(part, "shape"):
            return _multiscale(part, f"{name}/")
        return _Image(part, name, _dimension_letters(part))
    raise ValueError(
        f"it holds {len(parts)} parts ({', '.join(parts[:5])}); give the path of one, inside the store"
    )


def _multiscale(group: Any, prefix: str) -> _Image:
    """Return the finest level of an OME-Zarr image."""
    if hasattr(group, "shape"):
        return _Image(group, prefix.rstrip("/"), _dimension_letters(group))
    said = ome_zarr.described(group)
    if said.level not in group:
        raise ValueError(f"its metadata names the image {said.level!r}, which is not there")
    letters = "".join(_LETTERS.get(axis, "?") for axis in said.axes) or None
    if not hasattr(group[said.level], "shape"):
        raise ValueError(f"its metadata names the image {said.level!r}, which is none")
    return _Image(group[said.level], prefix + said.level, letters, said.channels, said.pixel_size_um)


def _dimension_letters(array: Any) -> str | None:
    names = getattr(array.metadata, "dimension_names", None)
    return "".join(_LETTERS.get(str(name).lower(), "?") for name in names) if names else None
