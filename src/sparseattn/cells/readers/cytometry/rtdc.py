"""Deformability cytometry (.rtdc): an image, perhaps a mask, and many scalar features an event, in HDF5.

The layout is that of dclab's documentation: ``events/image`` and ``events/mask`` (N, H, W), features (N,).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.columns import LazyColumn
from sparseattn.cells.readers.hdf5 import (
    check_chunks,
    is_image,
    library,
    number_attribute,
    open_file,
    read_part,
)
from sparseattn.cells.readers.layouts import Axes

SUFFIXES = frozenset({".rtdc"})

IMAGE, MASK = "events/image", "events/mask"

CHANNEL = "brightfield"

_PIXEL_SIZE = "imaging:pixel size"


@dataclass(frozen=True)
class _Events:
    path: Path
    changed: int
    masked: bool

    def read(self, row: int) -> npt.NDArray[Any]:
        return read_part(self.path, self.changed, IMAGE, row)[None]

    def mask(self, row: int) -> npt.NDArray[np.bool_]:
        if not self.masked:
            raise ValueError("it has no masks")
        return read_part(self.path, self.changed, MASK, row) > 0


@dataclass(frozen=True)
class _Feature:
    """Reads one scalar feature of all events."""

    path: Path
    changed: int
    name: str
    count: int

    def __call__(self) -> npt.NDArray[Any]:
        return read_part(self.path, self.changed, f"events/{self.name}", slice(self.count))


def open_rtdc(path: Path) -> list[CellFile]:
    """Describe a recording from its headers.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    changed = path.stat().st_mtime_ns
    h5py = library("cytometry")
    with open_file(path, extra="cytometry") as file:
        events = file.get("events")
        if not isinstance(events, h5py.Group):
            raise ValueError("it is no .rtdc recording: it has no events")
        if "image" not in events:
            elsewhere = " (they lie in another file, its basin)" if "basins" in file else ""
            raise ValueError(
                f"it holds features and no images{elsewhere}; export it with images, as .rtdc from Shape-Out"
            )
        image = events["image"]
        if not isinstance(image, h5py.Dataset) or not is_image(image) or len(image.shape) != 3:
            raise ValueError("its images are damaged")
        check_chunks(image)
        count, height, width = (int(length) for length in image.shape)
        size = number_attribute(file, _PIXEL_SIZE)
        mask = events.get("mask")
        masked = isinstance(mask, h5py.Dataset) and len(mask.shape) == 3 and mask.shape[0] >= count
        if masked:
            check_chunks(mask)
        columns = {
            name: LazyColumn(_Feature(path, changed, name, count), np.arange(count))
            for name in sorted(events)
            if _is_feature(h5py, events[name], count)
        }
        axes = Axes("NYX", (count, height, width))
        return [
            CellFile(
                _Events(path, changed, masked),
                axes.cells,
                1,
                axes.cell_shape,
                image.dtype,
                (CHANNEL,),
                columns=columns,
                pixel_size_um=size,
                modality="flow",
                axes=axes,
            )
        ]


def _is_feature(h5py: Any, node: Any, count: int) -> bool:
    return (
        isinstance(node, h5py.Dataset)
        and node.shape is not None
        and len(node.shape) == 1
        and node.shape[0] >= count
        and node.dtype.kind in "buif"
    )
