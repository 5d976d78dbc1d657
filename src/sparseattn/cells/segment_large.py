"""Find the cells of a field that is too large for the memory: tile by tile, the labels go to a Zarr store.

Thresholds come from samples of the whole plane, so that a tile without cells has none. Tiles overlap: a cell
is taken from the tile in whose core its centre lies, where all of it is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.field import Field
from sparseattn.cells.origin import shown
from sparseattn.cells.segment import (
    Levels,
    SegmentSettings,
    find_in_part,
    learn_levels,
    with_usual_objects,
)
from sparseattn.errors import InputError

TILE = 1536
"""Side in pixels of the core of a tile."""

_LEAST_HALO = 96
_HALO_DIAMETERS = 2.5
_SAMPLE, _SAMPLES_A_SIDE = 640, 3
_CHUNK = 512


def find_cells_of_large(
    field: Field,
    folder: Path,
    settings: SegmentSettings | None = None,
    *,
    plane: int = 0,
    tile: int = TILE,
    on_tile: Callable[[int, int], None] | None = None,
) -> int:
    """Find the cells of one plane and write their label image to a Zarr store.

    Parameters
    ----------
    field
        The image; read a tile at a time.
    folder
        The store to make: an array (H, W) of int32, which `sparseattn.cells.open_field` opens.
    settings
        As for `sparseattn.cells.find_cells`.
    plane
        Which plane, from 0.
    tile
        Side in pixels of the core of a tile; cells are to be much smaller.
    on_tile
        Called after each tile with the number of tiles that are done, and of all; may raise to stop.

    Returns
    -------
    int
        How many cells there are.

    Raises
    ------
    InputError
        As `sparseattn.cells.find_cells`; also where zarr is not installed, or the folder is there already.
    """
    settings = settings or SegmentSettings.for_field(field)
    labels = _store(folder, field.shape)
    sample = np.concatenate(list(_samples(field, plane)), axis=2)
    levels = learn_levels(field, sample, settings)
    if levels is None:
        return 0
    levels = with_usual_objects(field, sample, settings, levels)
    del sample
    halo = max(_LEAST_HALO, round(_HALO_DIAMETERS * (settings.diameter or levels.diameter or 0)))
    height, width = field.shape
    cores = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
    count = 0
    for done, (y, x) in enumerate(cores, start=1):
        top, left = max(y - halo, 0), max(x - halo, 0)
        part = top, left, min(y + tile + halo, height), min(x + tile + halo, width)
        core = y - top, x - left, min(y + tile, height) - top, min(x + tile, width) - left
        found = _found(field, plane, part, core, settings, levels)
        number = int(found.max())
        if number:
            rows, columns = slice(part[0], part[2]), slice(part[1], part[3])
            there = np.asarray(labels[rows, columns])
            new = (found > 0) & (there == 0)
            there[new] = found[new] + count
            labels[rows, columns] = there
            count += number
        if on_tile is not None:
            on_tile(done, len(cores))
    return count


def _store(folder: Path, shape: tuple[int, int]) -> Any:
    try:
        import zarr
    except ImportError:
        raise InputError("Large fields need zarr: pip install 'napari-sparseattn[microscopy]'.") from None
    if folder.exists():
        raise InputError(f"{shown(folder)} is there already; give another name.")
    chunks = tuple(min(_CHUNK, length) for length in shape)
    return zarr.create_array(
        str(folder), shape=shape, chunks=chunks, dtype="int32", dimension_names=("y", "x")
    )


def _samples(field: Field, plane: int) -> Iterator[npt.NDArray[Any]]:
    """Yield squares (C, n, n) from all over a plane."""
    side = min(_SAMPLE, *field.shape)
    places = [np.linspace(0, length - side, _SAMPLES_A_SIDE).astype(int).tolist() for length in field.shape]
    for y in sorted(set(places[0])):
        for x in sorted(set(places[1])):
            yield np.array(field.window(plane, y, x, y + side, x + side))


def _found(
    field: Field,
    plane: int,
    part: tuple[int, int, int, int],
    core: tuple[int, int, int, int],
    settings: SegmentSettings,
    levels: Levels,
) -> npt.NDArray[np.int32]:
    """Return the labels (h, w) of a part, 1 and on, of the cells whose centres lie in its core."""
    from scipy.ndimage import center_of_mass

    labels = find_in_part(field, field.window(plane, *part), settings, levels)
    number = int(labels.max())
    if not number:
        return labels
    centre = np.array(center_of_mass(labels > 0, labels, np.arange(1, number + 1)))
    kept = (centre >= core[:2]).all(axis=1) & (centre < core[2:]).all(axis=1)
    numbers = np.zeros(number + 1, np.int32)
    numbers[1:][kept] = np.arange(1, kept.sum() + 1)
    own: npt.NDArray[np.int32] = numbers[labels]
    return own
