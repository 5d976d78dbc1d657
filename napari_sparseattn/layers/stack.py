"""Cells as napari layer data: one stack, read from disk as it is looked at."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import dask
import dask.array as da

from sparseattn.cells import CellSet

LayerData = tuple[da.Array, dict[str, Any], str]

RGB = ("red", "green", "blue")


def cell_layers(cells: CellSet, path: Path, name: str, pixel_size_um: float | None = None) -> list[LayerData]:
    """Return the Image layers of cells of one size: (N, Y, X, 3) for RGB, else (N, Y, X) for each channel."""
    first = cells.read(0)
    read = dask.delayed(cells.read, pure=True)
    stack = da.stack(
        [da.from_delayed(read(i), first.shape, first.dtype) for i in range(len(cells))]
    )  # (N, C, Y, X)
    shared: dict[str, Any] = {
        "metadata": {"sparseattn": {"path": str(path), "ids": list(cells.ids), "labels": list(cells.labels)}}
    }
    if pixel_size_um is not None:
        shared |= {"scale": (1, pixel_size_um, pixel_size_um), "units": ("pixel", "um", "um")}
    if cells.channels == RGB:
        return [(stack.transpose(0, 2, 3, 1), {"name": name, "rgb": True, **shared}, "image")]
    layers: list[LayerData] = []
    for channel, channel_name in enumerate(cells.channels):
        label = name if len(cells.channels) == 1 else f"{name} {channel_name}"
        # The first cell sets the contrast: napari would read many of them to find it.
        low, high = float(first[channel].min()), float(first[channel].max())
        limits = (low, high) if math.isfinite(low) and math.isfinite(high) and low < high else None
        keywords = {"name": label, **shared, **({} if limits is None else {"contrast_limits": limits})}
        if channel > 0:
            keywords["blending"] = "additive"
        layers.append((stack[:, channel], keywords, "image"))
    return layers
