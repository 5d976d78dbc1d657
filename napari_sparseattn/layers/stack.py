"""Cells as napari layer data: one stack, read from disk as it is looked at, or one cell by itself."""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers.metadata import MARK, note_of_file
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import CellSet
from sparseattn.cells.measure_phase import is_path_difference
from sparseattn.errors import CellError

LayerData = tuple[Any, dict[str, Any], str]

RGB = ("red", "green", "blue")
TINTS = ("#e69f00", "#56b4e9", "#cc79a7")
"""Colours of the channels after the first, as in the library's own pictures."""


def cell_layers(
    cells: CellSet,
    name: str,
    *,
    path: Path | None = None,
    options: dict[str, Any] | None = None,
    file: CellSource | None = None,
    pixel_size_um: float | None = None,
) -> list[LayerData]:
    """Return the Image layers of cells of one size: (N, Y, X, 3) for RGB, else (N, Y, X) for each channel.

    ``path`` and ``options`` of `sparseattn.cells.open_cells` go into the metadata, so that the cells can be
    taken from the layers into the plugin; ``file`` does where they are in the plugin already. The size of a
    pixel is that of the cells where it is not given.
    """
    pixel_size_um = pixel_size_um or cells.pixel_size_um
    first = read_or_blank(cells, 0)

    def read(block_id: tuple[int, ...]) -> NDArray[Any]:
        return read_or_blank(cells, block_id[0])[None]

    stack = da.map_blocks(
        read,
        chunks=((1,) * len(cells), *((length,) for length in first.shape)),
        dtype=first.dtype,
        meta=np.empty((0,) * 4, first.dtype),
        name=f"cells-{uuid.uuid4().hex}",  # else dask hashes all pixels for a name
    )  # (N, C, Y, X)
    # napari would keep every cell that was looked at, up to a quarter of all memory, and past its window.
    shared: dict[str, Any] = {"cache": False}
    noted: dict[str, Any] = {}
    if path is not None:
        noted = {"path": str(path), "options": options or {}}
        file = CellSource(path, options or {}) if path.is_file() else None
    if pixel_size_um is not None:
        shared |= {"scale": (1, pixel_size_um, pixel_size_um), "units": ("pixel", "um", "um")}
    shared["axis_labels"] = ("cell", "y", "x")
    return _noting(_images(stack, first, cells, name, shared), cells, noted, file)


def _noting(
    layers: list[LayerData], cells: CellSet, noted: dict[str, Any], file: CellSource | None
) -> list[LayerData]:
    """Return the layers with what is known of them in their metadata."""
    if is_path_difference(cells):
        noted = {**noted, "unit": cells.unit}
    for place, (_, keywords, _) in enumerate(layers):
        of_file = {}
        if file is not None and file.path is not None:
            of_file = note_of_file(
                file.path, file.options, None if "rgb" in keywords else cells.channels[place]
            )
        if noted or of_file:
            keywords["metadata"] = {MARK: {**noted, **of_file}}
    return layers


def load_what_layers_need() -> None:
    """Import and set up, in a job's thread, what the first stack would make the window wait for."""
    import pint
    import scipy.ndimage  # noqa: F401 - what an Image layer makes its thumbnail with

    # Looks for schedulers, and imports dask's distributed one where it is installed. In this thread: dask's
    # usual scheduler would make a pool of threads for it, and keep them.
    da.zeros(1).compute(scheduler="synchronous")
    _ = pint.get_application_registry().um  # reads its file of units


def one_cell_layers(cells: CellSet, index: int, name: str) -> list[LayerData]:
    """Return the Image layers of one cell: (Y, X, 3) for RGB, else (Y, X) for each channel."""
    pixels = read_or_blank(cells, index)
    return _noting(_images(pixels, pixels, cells, name, {}), cells, {}, None)


def read_or_blank(cells: CellSet, index: int) -> NDArray[Any]:
    """Return the pixels of a cell, zeros where it cannot be read: leafing through a stack must not fail."""
    try:
        return cells.read(index)
    except CellError:
        return np.zeros((len(cells.channels), *cells.shapes[index]), np.uint8)


def _images(
    pixels: Any, first: NDArray[Any], cells: CellSet, name: str, shared: dict[str, Any]
) -> list[LayerData]:
    """Return a layer for each channel of (..., C, Y, X), or one for RGB."""
    channels = cells.channels
    if is_path_difference(cells):
        look = path_difference_look(first[0])
        return [(pixels[..., 0, :, :], {"name": f"{name} (nm)", **look, **shared}, "image")]
    if channels == RGB:
        colour_last = (*range(pixels.ndim - 3), pixels.ndim - 2, pixels.ndim - 1, pixels.ndim - 3)
        colour = pixels.transpose(colour_last)
        extra = {} if first.dtype == np.uint8 else {"contrast_limits": limits_of(first)}
        return [(colour, {"name": name, "rgb": True, **extra, **shared}, "image")]
    layers: list[LayerData] = []
    for channel, channel_name in enumerate(channels):
        label = name if len(channels) == 1 else f"{name} {channel_name}"
        # The first cell sets the contrast: napari would read many of them to find it.
        limits = limits_of(first[channel])
        keywords = {"name": label, **shared}
        if channel > 0:
            # Coloured over the first, from the median up: its ground would brighten the whole image.
            keywords |= {"blending": "additive", "colormap": TINTS[(channel - 1) % len(TINTS)]}
            if limits is not None:
                limits = limits_of(np.append(np.median(first[channel]), limits[1]))
        if limits is not None:
            keywords["contrast_limits"] = limits
        layers.append((pixels[..., channel, :, :], keywords, "image"))
    return layers


def path_difference_look(first: NDArray[Any]) -> dict[str, Any]:
    """Return colours for optical path differences: of even steps to the eye, from the ground up.

    Parameters
    ----------
    first
        (Y, X), nm. The ground is the median of its border.
    """
    border = np.concatenate([first[0], first[-1], first[:, 0], first[:, -1]])
    ground, high = float(np.median(border)), float(first.max())
    limits = limits_of(np.array([ground, high]))
    return {"colormap": "viridis", **({} if limits is None else {"contrast_limits": limits})}


def limits_of(pixels: NDArray[Any]) -> tuple[float, float] | None:
    """Return the lowest and highest value where a contrast can be made of them."""
    low, high = float(pixels.min()), float(pixels.max())
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low < high else None
