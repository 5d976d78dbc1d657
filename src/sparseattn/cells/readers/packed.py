"""Packed cells: many crops in one Zarr store, with a table beside them that says what each is.

The store is a group. ``images`` is (n, C, H, W), as large as the largest cell; a smaller one lies in its
upper left corner. ``masks`` is (n, 1, H, W) bool, where any cell has a mask. ``cells.parquet`` has a row a
cell: the columns of `TABLE`, and one for each sample column, whose name begins with `SAMPLE`. The group's
attribute `ABOUT` says what holds for all cells. `sparseattn.scale.pack` writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.columns import LazyColumn
from sparseattn.cells.modality import MODALITIES, Modality
from sparseattn.cells.readers.layouts import Axes
from sparseattn.cells.readers.zarr_store import ZarrCells, opened_store, when_made
from sparseattn.events.settings import EventSettings

ABOUT = "sparseattn_cells"
FORMAT = 1
IMAGES = "images"
MASKS = "masks"
TABLE_FILE = "cells.parquet"
TABLE = ("id", "label", "error", "height", "width", "pixel_size_um", "checksum")
SAMPLE = "sample column "

_LARGEST_HEADER = 1 << 20


def is_packed(path: Path) -> bool:
    """Whether a folder is a store of packed cells."""
    header = path / "zarr.json"
    try:
        if header.stat().st_size > _LARGEST_HEADER:
            return False
        said = json.loads(header.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and ABOUT in (said.get("attributes") or {})


def open_packed(path: Path) -> list[CellFile]:
    """Describe the cells of a store: those of one size that follow each other together.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    said = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"][ABOUT]
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError(f"it is packed in a format that this version does not know (it knows {FORMAT})")
    if not (path / TABLE_FILE).resolve().is_relative_to(path.resolve()):
        raise ValueError("its table is a link that leaves the store")
    array = opened_store(path, IMAGES)
    if getattr(array, "ndim", None) != 4:
        raise ValueError("its images are damaged")
    changed = when_made(path / IMAGES)
    table = _Table(path, (path / TABLE_FILE).stat().st_mtime_ns)
    height, width = table.numbers("height"), table.numbers("width")
    sizes = table.numbers("pixel_size_um")
    if not len(height) == array.shape[0] > 0:
        raise ValueError(f"its table has {len(height)} rows and its images are {array.shape[0]}")
    if height.min() < 1 or width.min() < 1 or height.max() > array.shape[2] or width.max() > array.shape[3]:
        raise ValueError("its table and its images do not fit")
    channels, modality = said.get("channels"), said.get("modality")
    if not isinstance(channels, list) or len(channels) != array.shape[1] or modality not in MODALITIES:
        raise ValueError("what it says of its channels or its modality is damaged")
    events = None if said.get("events") is None else EventSettings.from_json(said["events"])
    labels = table.text("label")
    columns = {name.removeprefix(SAMPLE): table.column(name) for name in table.names if name not in TABLE}
    kinds = np.stack([height, width, np.nan_to_num(sizes)])
    starts = [0, *(np.flatnonzero((kinds[:, 1:] != kinds[:, :-1]).any(axis=0)) + 1).tolist()]
    axes = Axes("NCYX", array.shape)
    pixels = ZarrCells(path, IMAGES, axes, changed)
    masks = _masks(path, array.shape) if said.get("masks") is True else None
    files = []
    for start, stop in zip(starts, [*starts[1:], len(height)], strict=True):
        shape = int(height[start]), int(width[start])
        rows = np.arange(start, stop)
        files.append(
            CellFile(
                _PackedCells(path, pixels, table, shape)
                if masks is None
                else _MaskedPackedCells(path, pixels, table, shape, masks),
                stop - start,
                len(channels),
                shape,
                array.dtype,
                tuple(map(str, channels)),
                labels=labels[start:stop],
                first=start,
                name_of=table.name,
                columns={
                    name: values.take(rows) if isinstance(values, LazyColumn) else values[start:stop]
                    for name, values in columns.items()
                },
                unit=said.get("unit"),
                pixel_size_um=float(sizes[start]) if sizes[start] > 0 else None,
                modality=cast(Modality, modality),
                events=events,
                axes=axes,
            )
        )
    return files


def _masks(path: Path, shape: tuple[int, ...]) -> ZarrCells:
    """Describe the masks of a store."""
    array = opened_store(path, MASKS)
    axes = Axes("NCYX", (shape[0], 1, *shape[2:]))
    if getattr(array, "shape", None) != axes.shape or array.dtype != bool:
        raise ValueError("its masks are damaged")
    return ZarrCells(path, MASKS, axes, when_made(path / MASKS))


@dataclass(frozen=True)
class _PackedCells:
    """Cells of one size."""

    path: Path
    cells: ZarrCells
    table: _Table
    shape: tuple[int, int]

    def read(self, row: int) -> npt.NDArray[Any]:
        error = self.table.of(row, "error")
        if error is not None:
            raise ValueError(f"it could not be read when it was packed: {error}")
        height, width = self.shape
        pixels = self.cells.read(row)
        return pixels if pixels.shape[1:] == self.shape else pixels[:, :height, :width].copy()


@dataclass(frozen=True)
class _MaskedPackedCells(_PackedCells):
    """The same, some with masks."""

    masks: ZarrCells

    def mask(self, row: int) -> npt.NDArray[np.bool_]:
        height, width = self.shape
        mask: npt.NDArray[np.bool_] = self.masks.read(row)[0, :height, :width]
        if not mask.any():
            raise ValueError("it has no mask")
        return mask


@dataclass(frozen=True)
class _Table:
    """``cells.parquet``, of which no more is read than is asked for."""

    path: Path
    changed: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(self._file().schema_arrow.names)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """(n,) numbers; NaN where there is none."""
        values = self._file().read([name]).column(name)
        return np.asarray(values.to_numpy(), dtype=np.float64)

    def text(self, name: str) -> tuple[str | None, ...]:
        """(n,) texts, equal ones being one object; None where there is none."""
        codes = self._file().read([name]).column(name).combine_chunks().dictionary_encode()
        texts = [*codes.dictionary.to_pylist(), None]
        places = codes.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
        return tuple(map(texts.__getitem__, places.tolist()))

    def column(self, name: str) -> tuple[str | None, ...] | LazyColumn:
        """Return a column of samples; numbers are read when they are looked at."""
        file = self._file()
        if file.schema_arrow.field(name).type in ("string", "null"):
            return self.text(name)
        return LazyColumn(_Numbers(self, name), np.arange(file.metadata.num_rows))

    def name(self, row: int) -> str:
        """Return the id of a cell."""
        return str(self.of(row, "id"))

    def of(self, row: int, name: str) -> Any:
        """Return what is said of one cell: its id or its error."""
        group, place = divmod(row, _rows_a_group(self.path, self.changed))
        return _group(self.path, self.changed, group, name)[place]

    def _file(self) -> Any:
        return _opened(self.path, self.changed)


@dataclass(frozen=True)
class _Numbers:
    table: _Table
    name: str

    def __call__(self) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = self.table._file().read([self.name]).column(self.name).to_numpy()
        return values


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> Any:
    """Return the table of a store, open."""
    import pyarrow.parquet as parquet

    return parquet.ParquetFile(path / TABLE_FILE)


@lru_cache(maxsize=4)
def _rows_a_group(path: Path, changed: int) -> int:
    return max(1, int(_opened(path, changed).metadata.row_group(0).num_rows))


@lru_cache(maxsize=8)
def _group(path: Path, changed: int, group: int, name: str) -> list[str | None]:
    """Return some rows of a column; the file is opened anew, since many threads may ask at once."""
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path / TABLE_FILE) as file:
        values: list[str | None] = file.read_row_group(group, [name]).column(name).to_pylist()
    return values
