"""Fields in napari's layers: the image and labels to choose from, the cells found, the cells painted.

Of the layers here three kinds are made by the plugin: "found" (label images of cells that were found) and
"marks" (cells that others have marked), which the user may edit, and "painted" (the classes). All others are
read and never written; the labels that were used are hidden when the classes are first seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sparseattn.layers import Layers
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
from napari_sparseattn.layers.field_marks import (
    MARKS,
    MarksLayers,
    ReadMarks,
    classes_of_marks,
    path_of_marks,
)
from napari_sparseattn.layers.field_painted import PaintedLayers
from napari_sparseattn.layers.field_watch import FieldWatch
from napari_sparseattn.layers.file_field import field_of_file, field_options
from napari_sparseattn.layers.label_pixels import LabelPixels
from napari_sparseattn.layers.metadata import file_of, made
from napari_sparseattn.layers.own_doing import OwnDoing
from napari_sparseattn.layers.place import pixel_size_um
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import Field
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sparseattn.layers.stack import LayerData

__all__ = ["FieldImage", "FieldLayers", "numbers_image"]


class FieldLayers:
    """The door to the layers of fields: by name, since that is what the user chooses and a project keeps."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._viewer = layers.viewer
        self._own = OwnDoing()
        self._found = FoundLayers(self._viewer, self._own)
        self._marks = MarksLayers(self._viewer, self._own)
        self.painted = PaintedLayers(self._viewer, self._own)
        self.watch = FieldWatch(self._viewer, self._own)
        self.watch.renamed.connect(self._found.rename)
        self.watch.renamed.connect(self.painted.rename)

    # -- what there is -------------------------------------------------------------------------------

    def images(self) -> list[tuple[str, ...]]:
        """Return what can be a field: names of an image layer, or of several of one shape as channels."""
        layers = [
            layer for layer in self._viewer.layers
            if layer._type_string == "image" and len(shape_of(layer)) >= 2 and _can_be_a_field(layer)
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
        """Return the names of the labels layers that can tell the cells: brought, marked or found."""
        return [
            layer.name for layer in self._viewer.layers
            if layer._type_string == "labels" and made(layer) in (None, FOUND, MARKS) and not layer.multiscale
        ]  # fmt: skip

    def image(self, names: Sequence[str]) -> FieldImage:
        """Return image layers as a field.

        Raises
        ------
        InputError
            Where a layer has gone, or they do not go together.
        """
        layers = [self._get(name) for name in names]
        first, file = layers[0], file_of(layers[0])
        leading = tuple(shape_of(first)[:-2])
        field = field_of_file(layers)
        if field is not None and file is not None:
            return FieldImage(first.name, field, leading, file.path, field_options(file.options))
        path = None if first.source.path is None else Path(str(first.source.path))
        name = first.name if path is None else path.name
        field = replace(_of_arrays(layers, name), pixel_size_um=pixel_size_um(first))
        return FieldImage(first.name, field, leading, path)

    def label_image(self, name: str, planes: Sequence[int]) -> Field:
        """Return copies of some planes of a labels layer: what is painted on it meanwhile changes nothing."""
        layer = self._get(name)
        array = layer.data
        return Field.from_array(Planes(array, planes), "N" * (array.ndim - 2) + "YX", name=name)

    def show_images(self, path: Path, data: Sequence[LayerData]) -> tuple[str, ...]:
        """Show a file in layers instead of those that our reader made of it before; return their names.

        Of a file of several series these are the layers of the first.
        """
        for layer in [one for one in self._viewer.layers if _is_of(one, path) and made(one) is None]:
            self._viewer.layers.remove(layer)
        names = self.add_images(data)
        first = file_of(self._get(names[0]))
        return tuple(
            name for name in names
            if (file := file_of(self._get(name))) and first and file.options == first.options
        )  # fmt: skip

    def add_images(self, data: Sequence[LayerData]) -> tuple[str, ...]:
        """Add the image layers of a field that was opened; return their names."""
        from napari.layers import Image

        layers = [self._viewer.add_layer(Image(pixels, **keywords)) for pixels, keywords, _ in data]
        if any(pixel_size_um(layer) is not None for layer in layers):
            self._viewer.canvas.overlays.scale_bar.visible = True
        self._viewer.reset_view()
        return tuple(layer.name for layer in layers)

    def file_of(self, name: str) -> CellSource | None:
        """Return the file of an image layer and how it was opened, where that is known."""
        layer = self._get(name)
        file = file_of(layer)
        if file is not None:
            return CellSource(file.path, file.options)
        return None if layer.source.path is None else CellSource(Path(str(layer.source.path)))

    def open_image(self, path: Path, options: Mapping[str, Any], channels: Sequence[str]) -> tuple[str, ...]:
        """Open an image again, unless it is open, and return the names of its layers of some channels.

        Raises
        ------
        InputError
            Where the file is gone or no reader reads it.
        """
        names = self._open_images(path, options)
        if not names:
            _check_there(path)
            if options:
                from napari_sparseattn.layers.opened_field import field_layers  # loads dask

                names = self.add_images(field_layers(path, options))
            else:
                names = self._open(path, "image")
        shown = {name: file_of(self._get(name)) for name in names}
        chosen = [name for name, file in shown.items() if file is not None and file.channel in channels]
        return tuple(chosen) or names[:1]

    def open_labels(self, path: Path) -> str:
        """Open a label image by napari's readers, unless it is open; return its layer's name.

        Raises
        ------
        InputError
            Where the file is gone or no reader of napari's reads it.
        """
        for layer in self._viewer.layers:
            if layer._type_string == "labels" and str(path) in (layer.source.path, str(path_of_marks(layer))):
                return str(layer.name)
        _check_there(path)
        return self._open(path, "labels")[0]

    def _open_images(self, path: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the image layers of a file that are there."""
        wanted = CellSource(path, options)
        return tuple(
            layer.name for layer in self._viewer.layers
            if layer._type_string == "image" and self.file_of(layer.name) == wanted
        )  # fmt: skip

    def _open(self, path: Path, kind: Literal["image", "labels"]) -> tuple[str, ...]:
        try:
            layers = self._viewer.open(str(path), layer_type=kind)
        except Exception as error:  # readers raise whatever a file makes them trip over
            raise InputError(f"{path} cannot be opened ({error}); open it by hand and go on") from None
        return tuple(str(layer.name) for layer in layers)

    def labels_path(self, name: str) -> Path | None:
        """Return the file of a labels layer, where it has one."""
        layer = self._get(name)
        if made(layer) == MARKS:
            return path_of_marks(layer)
        return None if made(layer) == FOUND or layer.source.path is None else Path(str(layer.source.path))

    def is_edited(self, name: str) -> bool:
        """Return whether cells that were found or marked were changed by somebody else since."""
        return is_edited(self._get(name))

    def label_pixels(self, name: str) -> LabelPixels:
        """Return the pixels of a labels layer and its file, for a thread to compare or to write."""
        layer = self._get(name)
        of_file = not is_edited(layer) if made(layer) == MARKS else None
        return LabelPixels(layer.data, self.labels_path(name), of_file)

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

    def show_marks(self, image: str, marks: ReadMarks) -> str:
        """Show cells that others have marked on an image; return the name of their layer."""
        return self._marks.show(self._get(image), marks)

    def classes_of(self, labels: str) -> tuple[str | None, ...]:
        """Return the class of each number of a labels layer, from 1; none where nobody gave any."""
        return classes_of_marks(self._get(labels))

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


def _check_there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"there is no file {path} any more; put it back, or open the image and go on")


def _is_of(layer: Any, path: Path) -> bool:
    file = file_of(layer)
    return layer._type_string == "image" and file is not None and file.path == path


def _can_be_a_field(layer: Any) -> bool:
    """Whether an image may hold many cells: that of others, and what was taken for cells of one file."""
    return made(layer) is None or (made(layer) == "cells" and file_of(layer) is not None)


def _of_arrays(layers: Sequence[Any], name: str) -> Field:
    """Return the field of the pixels of layers, a channel each; InputError where they do not go together."""
    first, arrays = layers[0], [pixels_of(layer) for layer in layers]
    counted = "N" * (len(shape_of(first)) - 2)
    if first.rgb:
        return Field.from_array(arrays[0][..., :3], counted + "YXC", name=name)
    files = [file_of(layer) for layer in layers]
    channels = tuple(
        layer.name if file is None or file.channel is None else file.channel
        for layer, file in zip(layers, files, strict=True)
    )
    if len(layers) == 1:
        named = None if files[0] is None else channels
        return Field.from_array(arrays[0], counted + "YX", channels=named, name=name)
    if len({array.shape for array in arrays}) > 1:
        raise InputError("the image layers differ in shape; choose layers of one shape as channels")
    if len(set(channels)) < len(channels):  # of several files
        channels = tuple(layer.name for layer in layers)
    return Field.from_array(Channels(arrays), "C" + counted + "YX", channels=channels, name=name)
