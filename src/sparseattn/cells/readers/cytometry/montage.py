"""Montages: images of cells side by side in a grid, as exports of imaging flow cytometry are stitched."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile, Source
from sparseattn.errors import InputError

SIDES = (4, 4096)


def checked_tile(tile: Sequence[int] | None) -> tuple[int, int] | None:
    """Return height and width of a tile; None stays None.

    Raises
    ------
    InputError
        When they cannot be.
    """
    if tile is None:
        return None
    if len(tile) != 2 or not all(SIDES[0] <= side <= SIDES[1] for side in tile):
        raise InputError(
            f"The tile of a montage is {tile}; give its height and width, {SIDES[0]} to {SIDES[1]}."
        )
    return int(tile[0]), int(tile[1])


def as_tiles(file: CellFile, tile: tuple[int, int]) -> CellFile:
    """Return a file of montages as one of their cells, row by row; blank tiles at its end are no cells.

    Raises
    ------
    ValueError
        When an image is no whole number of tiles.
    """
    rows, columns = (length // side for length, side in zip(file.shape, tile, strict=True))
    if (rows * tile[0], columns * tile[1]) != file.shape:
        raise ValueError(
            f"its {file.shape[0]} x {file.shape[1]} pixels are no whole number of tiles of "
            f"{tile[0]} x {tile[1]}"
        )
    images = 1 if file.cells is None else file.cells
    source = _Tiles(file.source, tile, rows, columns)
    cells = images * rows * columns
    while cells and _is_blank(source.read(cells - 1)):
        cells -= 1
    return replace(file, source=source, cells=cells, shape=tile, name_of=None)


def _is_blank(pixels: npt.NDArray[Any]) -> bool:
    return bool((pixels == pixels[:, :1, :1]).all())


@dataclass(frozen=True)
class _Tiles:
    """Cells of montages, counted along the rows of each."""

    source: Source
    tile: tuple[int, int]
    rows: int
    columns: int

    @property
    def path(self) -> Path:
        return self.source.path

    def read(self, row: int) -> npt.NDArray[Any]:
        image, place = divmod(row, self.rows * self.columns)
        down, across = divmod(place, self.columns)
        height, width = self.tile
        montage = _montage(cast(Hashable, self.source), image)
        return montage[:, down * height : (down + 1) * height, across * width : (across + 1) * width].copy()


@lru_cache(maxsize=2)
def _montage(source: Hashable, image: int) -> npt.NDArray[Any]:
    return cast(Source, source).read(image)
