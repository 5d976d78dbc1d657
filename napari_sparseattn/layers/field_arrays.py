"""Image and labels layers as arrays that the library reads, and how layers are laid on an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells import Field

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from sparseattn.cells import FieldCells


@dataclass(frozen=True)
class FieldImage:
    """Image layers as a field: ``field`` reads them a plane at a time; ``path`` is the file, where known.

    ``options`` are those of `sparseattn.cells.open_field` that the file was opened with.
    """

    name: str
    field: Field
    leading: tuple[int, ...]
    path: Path | None
    options: Mapping[str, Any] = dataclass_field(default_factory=dict)


class Channels:
    """Layers of one shape as one array of which the first axis counts them; read when it is indexed."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = arrays
        self.shape = (len(arrays), *arrays[0].shape)
        self.dtype = np.result_type(*(array.dtype for array in arrays))

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.stack([np.asarray(array[key[1:]]) for array in self._arrays[key[0]]])


class Planes:
    """Copies of some planes of an array; of the others nothing is known."""

    def __init__(self, array: Any, planes: Sequence[int]) -> None:
        self.shape, self.dtype = tuple(array.shape), np.dtype(array.dtype)
        leading = self.shape[:-2]
        self._copies = (
            {
                place: np.array(array[place])
                for place in (
                    tuple(int(at) for at in np.unravel_index(plane, leading or (1,))) for plane in planes
                )
            }
            if leading
            else {(): np.array(array)}
        )

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return self._copies[tuple(key[:-2])]


def numbers_image(found: FieldCells, leading: tuple[int, ...]) -> NDArray[np.int32]:
    """Return (*leading, H, W) of a field: the number by which each cell is painted, 0 on the ground."""
    data = np.zeros((found.field.planes, *found.field.shape), np.int32)
    for plane in np.unique(found.plane):
        data[plane] = found.paint(int(plane), cell_numbers(found), dtype=np.int32)
    return data.reshape((*leading, *found.field.shape))


def cell_numbers(found: FieldCells) -> NDArray[np.int64]:
    """Return (n,) labels; rows from 1 where several planes may have the same labels."""
    return found.label if found.field.planes == 1 else np.arange(1, len(found) + 1)


def pixels_of(layer: Any) -> Any:
    """Return the full resolution of an image."""
    return layer.data[0] if layer.multiscale else layer.data


def placed_on(source: Image) -> Mapping[str, Any]:
    """Return the keywords that lay a layer of the image's own pixels on it."""
    return {
        "scale": source.scale,
        "translate": source.translate,
        "rotate": source.rotate,
        "shear": source.shear,
        "affine": source.affine,
        "units": source.units,
        "axis_labels": source.axis_labels,
    }


def shape_of(source: Image) -> tuple[int, ...]:
    """Return (..., Y, X) of an image, without its colours."""
    shape = tuple(pixels_of(source).shape)
    return shape[:-1] if getattr(source, "rgb", False) else shape


def place_of(source: Image, plane: int) -> tuple[int, ...]:
    """Return where a plane of an image lies on its axes before the last two."""
    shape = shape_of(source)
    return tuple(int(at) for at in np.unravel_index(plane, shape[:-2])) if len(shape) > 2 else ()


def plane_of(source: Any, viewer: ViewerModel) -> int:
    """Return the plane of an image that the sliders show."""
    leading = shape_of(source)[:-2]
    if not leading:
        return 0
    point = viewer.dims.point[-source.ndim :]
    place = np.round(source.world_to_data(point)).astype(int)[: len(leading)]
    place = np.clip(place, 0, np.array(leading) - 1)
    return int(np.ravel_multi_index(tuple(place), leading))
