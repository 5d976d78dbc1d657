"""Fields in napari's layers: the image and labels to choose from, the cells found, the cells painted.

Of the layers here two kinds are made by the plugin: "found" (label images of cells that were found, which the
user may edit) and "painted" (the classes). All others are read and never written; the labels that were used
are hidden when the classes are first seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sparseattn.layers import Layers, made
from napari_sparseattn.layers.field_arrays import (
    Channels,
    FieldImage,
    Planes,
    numbers_image,
    pixels_of,
    plane_of,
    shape_of,
)
from napari_sparseattn.layers.field_found import FOUND, FoundLayers, is_edited
from napari_sparseattn.layers.field_painted import PaintedLayers
from napari_sparseattn.layers.field_watch import FieldWatch
from napari_sparseattn.layers.label_pixels import LabelPixels
from napari_sparseattn.layers.own_doing import OwnDoing
from sparseattn.cells import Field
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FieldImage", "FieldLayers", "numbers_image"]


class FieldLayers:
    """The door to the layers of fields: by name, since that is what the user chooses and a project keeps."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._viewer = layers.viewer
        self._own = OwnDoing()
        self._found = FoundLayers(self._viewer, self._own)
        self.painted = PaintedLayers(self._viewer, self._own)
        self.watch = FieldWatch(self._viewer, self._own)
        self.watch.renamed.connect(self._found.rename)
        self.watch.renamed.connect(self.painted.rename)

    # -- what there is -------------------------------------------------------------------------------

    def images(self) -> list[tuple[str, ...]]:
        """Return what can be a field: names of an image layer, or of several of one shape as channels."""
        layers = [
            layer for layer in self._viewer.layers
            if layer._type_string == "image" and made(layer) is None and len(shape_of(layer)) >= 2
        ]  # fmt: skip
        single = [(layer.name,) for layer in layers]
        shapes: dict[tuple[int, ...], list[str]] = {}
        for layer in layers:
            if not layer.rgb:
                shapes.setdefault(tuple(pixels_of(layer).shape), []).append(layer.name)
        return single + [tuple(names) for names in shapes.values() if len(names) > 1]

    def active_image(self) -> str | None:
        """Return the name of the image layer that is chosen in the list of layers."""
        layer = self._viewer.layers.selection.active
        return None if layer is None or layer._type_string != "image" else str(layer.name)

    def labels_of_user(self) -> set[str]:
        """Return the names of the labels layers that the user brought."""
        return set(self.labels()) & set(self._layers.names("labels"))

    def labels(self) -> list[str]:
        """Return the names of the labels layers that can tell the cells: the user's, and those found."""
        return [
            layer.name for layer in self._viewer.layers
            if layer._type_string == "labels" and made(layer) in (None, FOUND) and not layer.multiscale
        ]  # fmt: skip

    def image(self, names: Sequence[str]) -> FieldImage:
        """Return image layers as a field.

        Raises
        ------
        InputError
            Where a layer has gone, or they do not go together.
        """
        layers = [self._get(name) for name in names]
        first = layers[0]
        arrays = [pixels_of(layer) for layer in layers]
        path = None if first.source.path is None else Path(str(first.source.path))
        name = first.name if path is None else path.name
        if first.rgb:
            array, leading = arrays[0][..., :3], arrays[0].shape[:-3]
            field = Field.from_array(array, "N" * len(leading) + "YXC", name=name)
        elif len(layers) == 1:
            array, leading = arrays[0], arrays[0].shape[:-2]
            field = Field.from_array(array, "N" * len(leading) + "YX", name=name)
        else:
            if len({array.shape for array in arrays}) > 1:
                raise InputError("the image layers differ in shape; choose layers of one shape as channels")
            leading = arrays[0].shape[:-2]
            axes = "C" + "N" * len(leading) + "YX"
            field = Field.from_array(Channels(arrays), axes, channels=tuple(names), name=name)
        return FieldImage(first.name, field, tuple(leading), path)

    def label_image(self, name: str, planes: Sequence[int]) -> Field:
        """Return copies of some planes of a labels layer: what is painted on it meanwhile changes nothing."""
        layer = self._get(name)
        array = layer.data
        return Field.from_array(Planes(array, planes), "N" * (array.ndim - 2) + "YX", name=name)

    def open(self, path: Path, kind: Literal["image", "labels"]) -> str:
        """Open a file by napari's readers as a layer of a kind, unless it is open; return the layer's name.

        Raises
        ------
        InputError
            Where the file is gone or no reader of napari's reads it.
        """
        for layer in self._viewer.layers:
            if layer._type_string == kind and layer.source.path == str(path):
                return str(layer.name)
        if not path.exists():
            raise InputError(f"there is no file {path} any more; put it back, or open the image and go on")
        try:
            layers = self._viewer.open(str(path), layer_type=kind)
        except Exception as error:  # readers raise whatever a file makes them trip over
            raise InputError(f"{path} cannot be opened ({error}); open it by hand and go on") from None
        return str(layers[0].name)

    def labels_path(self, name: str) -> Path | None:
        """Return the file of a labels layer, where it has one."""
        layer = self._get(name)
        return None if made(layer) == FOUND or layer.source.path is None else Path(str(layer.source.path))

    def is_edited(self, name: str) -> bool:
        """Return whether cells that were found were changed by somebody else since."""
        return is_edited(self._get(name))

    def label_pixels(self, name: str) -> LabelPixels:
        """Return the pixels of a labels layer and its file, for a thread to compare or to write."""
        return LabelPixels(self._get(name).data, self.labels_path(name))

    def has(self, name: str) -> bool:
        return name in self._viewer.layers

    def planes(self, names: Sequence[str]) -> int:
        """Return how many planes an image has."""
        return prod(shape_of(self._get(names[0]))[:-2])

    def channels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the channels that a field of these layers has."""
        return self.image(names).field.channels

    def plane_of(self, name: str) -> int:
        """Return the plane of an image that the sliders show."""
        return plane_of(self._get(name), self._viewer)

    def follow(self, image: str, labels: str | None) -> None:
        """Watch the image's clicks and sliders, and the edits of the labels."""
        self.watch.follow(self._get(image), None if labels is None else self._get(labels))

    # -- what is shown -------------------------------------------------------------------------------

    def show_found(self, image: str, plane: int, labels: NDArray[np.int32]) -> str:
        """Show the cells that were found on a plane; return the name of their layer."""
        return self._found.show(self._get(image), plane, labels)

    def found(self, image: str) -> str | None:
        """Return the name of the layer of the cells that were found, where there is one."""
        layer = self._found.of(image)
        return None if layer is None else str(layer.name)

    def hide(self, name: str) -> None:
        """Hide the labels that tell the cells: their colours would shine through those of the classes."""
        if self.has(name):
            with self._own:
                self._get(name).visible = False

    def _get(self, name: str) -> Any:
        if name not in self._viewer.layers:
            raise InputError(f"there is no layer {name!r} any more; choose another")
        return self._viewer.layers[name]
