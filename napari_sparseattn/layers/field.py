"""Fields in napari's layers: the image and labels to choose from, the cells found, the cells painted.

Of the layers here two kinds are made by the plugin: "found" (label images of cells that were found, which the
user may edit) and "painted" (the classes). All others are read and never written; the labels that were used
are hidden when the classes are first seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_sparseattn.layers import MARK, Layers, made
from napari_sparseattn.layers.label_pixels import LabelPixels
from napari_sparseattn.layers.overlays import one_refresh
from sparseattn.cells import Field
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels
    from napari.utils.colormaps import DirectLabelColormap

    from sparseattn.cells import FieldCells

FOUND, PAINTED, FRAME = "found", "painted", "frame"

_STILL = 4.0
"""A press and release of the mouse this near to each other, in pixels of the canvas, is a click."""


@dataclass(frozen=True)
class FieldImage:
    """Image layers as a field: ``field`` reads them a plane at a time; ``path`` is the file, where known."""

    name: str
    field: Field
    leading: tuple[int, ...]
    path: Path | None


class _Channels:
    """Layers of one shape as one array of which the first axis counts them; read when it is indexed."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = arrays
        self.shape = (len(arrays), *arrays[0].shape)
        self.dtype = np.result_type(*(array.dtype for array in arrays))

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.stack([np.asarray(array[key[1:]]) for array in self._arrays[key[0]]])


class _Planes:
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


class FieldLayers:
    """The door to the layers of fields."""

    clicked = Signal(int, int, int)
    """A pixel of the field was clicked: plane, y, x."""
    edited = Signal(str)
    """The labels layer of this name was changed by somebody else."""
    plane_changed = Signal(int)
    """The sliders show another plane of the field."""
    key_pressed = Signal(str)
    """A key over the painted cells: "1" to "9", "unsure", "exclude", "" (take away), "undo", "redo"."""
    renamed = Signal(str, str)
    """A layer has another name: the old, the new one."""
    changed = Signal()
    """Layers came, went or were renamed."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._viewer = layers.viewer
        self._image: Image | None = None
        self._watched: Labels | None = None
        self._painted: dict[str, Labels] = {}
        self._to_add: Labels | None = None
        self._frame: Any = None
        self._own_doing = False
        self._plane = 0
        for event in ("inserted", "removed", "reordered"):
            getattr(self._viewer.layers.events, event).connect(self._tell_changed)
        self._names: dict[int, str] = {}
        for layer in self._viewer.layers:
            self._watch_name(layer)
        self._viewer.layers.events.inserted.connect(lambda event: self._watch_name(event.value))
        self._viewer.dims.events.current_step.connect(self._follow)
        self._viewer.mouse_drag_callbacks.append(self._on_mouse)

    # -- what there is -------------------------------------------------------------------------------

    def images(self) -> list[tuple[str, ...]]:
        """Return what can be a field: names of an image layer, or of several of one shape as channels."""
        layers = [
            layer for layer in self._viewer.layers
            if layer._type_string == "image" and made(layer) is None and _pixels(layer).ndim >= 2 + layer.rgb
        ]  # fmt: skip
        single = [(layer.name,) for layer in layers]
        shapes: dict[tuple[int, ...], list[str]] = {}
        for layer in layers:
            if not layer.rgb:
                shapes.setdefault(tuple(_pixels(layer).shape), []).append(layer.name)
        return single + [tuple(names) for names in shapes.values() if len(names) > 1]

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
        arrays = [_pixels(layer) for layer in layers]
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
            field = Field.from_array(_Channels(arrays), axes, channels=tuple(names), name=name)
        return FieldImage(first.name, field, tuple(leading), path)

    def label_image(self, name: str, planes: Sequence[int]) -> Field:
        """Return copies of some planes of a labels layer: what is painted on it meanwhile changes nothing."""
        layer = self._get(name)
        array = layer.data
        return Field.from_array(_Planes(array, planes), "N" * (array.ndim - 2) + "YX", name=name)

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
        layer = self._get(name)
        return made(layer) == FOUND and bool(layer.metadata[MARK].get("edited"))

    def label_pixels(self, name: str) -> LabelPixels:
        """Return the pixels of a labels layer and its file, for a thread to compare or to write."""
        return LabelPixels(self._get(name).data, self.labels_path(name))

    def has(self, name: str) -> bool:
        return name in self._viewer.layers

    def planes(self, names: Sequence[str]) -> int:
        """Return how many planes an image has."""
        layer = self._get(names[0])
        return prod(_pixels(layer).shape[: -3 if layer.rgb else -2])

    def channels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the channels that a field of these layers has."""
        return self.image(names).field.channels

    def plane_of(self, name: str) -> int:
        """Return the plane of an image that the sliders show."""
        layer = self._get(name)
        leading = _pixels(layer).shape[: -3 if getattr(layer, "rgb", False) else -2]
        if not leading:
            return 0
        point = self._viewer.dims.point[-layer.ndim :]
        place = np.round(layer.world_to_data(point)).astype(int)[: len(leading)]
        place = np.clip(place, 0, np.array(leading) - 1)
        return int(np.ravel_multi_index(tuple(place), leading))

    # -- which is followed ---------------------------------------------------------------------------

    def follow(self, image: str, labels: str | None) -> None:
        """Watch the image's clicks and sliders, and the edits of the labels."""
        self._image = self._get(image)
        self._plane = self.plane_of(image)
        watched = None if labels is None else self._get(labels)
        if watched is self._watched:
            return
        if self._watched is not None:
            for event in (
                self._watched.events.labels_update,
                self._watched.events.data,
                self._watched.events.paint,
            ):
                event.disconnect(self._on_edit)
        self._watched = watched
        if watched is not None:
            for event in (watched.events.labels_update, watched.events.data, watched.events.paint):
                event.connect(self._on_edit)

    # -- cells that were found -----------------------------------------------------------------------

    def show_found(self, image: str, plane: int, labels: NDArray[np.int32]) -> str:
        """Show the cells that were found on a plane; return the name of their layer."""
        from napari.layers import Labels

        source = self._get(image)
        shape = _pixels(source).shape[:-1] if source.rgb else _pixels(source).shape
        layer = next(
            (one for one in self._viewer.layers if made(one) == FOUND and one.metadata[MARK]["of"] == image),
            None,
        )
        place = np.unravel_index(plane, shape[:-2]) if len(shape) > 2 else ()
        with self._ours():
            if layer is None or layer.data.shape != tuple(shape):
                if layer is not None:
                    self._viewer.layers.remove(layer)
                data = np.zeros(shape, np.int32)
                data[place] = labels
                layer = Labels(data, name=f"Cells of {image}", opacity=0.6, **_placed(source))
                layer.metadata[MARK] = {"made": FOUND, "of": image}
                layer.contour = 2
                for event in (layer.events.labels_update, layer.events.data, layer.events.paint):
                    event.connect(self._mark_edited)
                self._viewer.add_layer(layer)
            else:
                layer.data[place] = labels
                layer.refresh()
            layer.visible = True
        return str(layer.name)

    def found(self, image: str) -> str | None:
        """Return the name of the layer of the cells that were found, where there is one."""
        return next(
            (
                str(layer.name)
                for layer in self._viewer.layers
                if made(layer) == FOUND and layer.metadata[MARK]["of"] == image
            ),
            None,
        )

    def hide(self, name: str) -> None:
        """Hide the labels that tell the cells: their colours would shine through those of the classes."""
        if self.has(name):
            with self._ours():
                self._get(name).visible = False

    # -- the cells painted ---------------------------------------------------------------------------

    def paint(
        self,
        image: str,
        found: FieldCells,
        colours: Sequence[str],
        table: pd.DataFrame,
        *,
        opacity: float,
        contour: int,
        numbers: NDArray[Any] | None,
    ) -> None:
        """Paint each cell in its colour; a layer that is made for it is shown by `add_painted`.

        Parameters
        ----------
        colours
            "#rrggbb" of each cell.
        table
            A row a cell: napari's features table.
        numbers
            `numbers_image` where the cells are others than those that are painted.
        """
        from napari.layers import Labels

        source = self._get(image)
        layer = self._painted.get(image)
        if layer is not None and layer not in self._viewer.layers and layer is not self._to_add:
            layer = None
        if layer is None and numbers is None:
            leading = _pixels(source).shape[: -3 if source.rgb else -2]
            numbers = numbers_image(found, leading)
        cells = _cell_numbers(found).tolist()
        shown = dict(zip(cells, colours, strict=True))
        features = table.copy()
        features.insert(0, "index", cells)
        with self._ours():
            # Each of these draws the layer anew, even where nothing is different.
            if layer is None:
                assert numbers is not None
                layer = Labels(
                    numbers, name=f"Classes of {image}", opacity=opacity, features=features,
                    colormap=_colormap(shown), **_placed(source),
                )  # fmt: skip
                layer.metadata[MARK] = {"made": PAINTED, "of": image, "colours": shown}
                layer.editable = False
                layer.contour = contour
                self._painted[image] = self._to_add = layer
                self._bind_keys(layer)
                return
            if numbers is not None:
                with one_refresh(layer):  # not in the colours of other cells
                    layer.data = numbers
            if numbers is not None or shown != layer.metadata[MARK]["colours"]:
                layer.metadata[MARK]["colours"] = shown
                layer.colormap = _colormap(shown)
            if not features.equals(layer.features):
                layer.features = features
            if layer.opacity != opacity:
                layer.opacity = opacity
            if layer.contour != contour:
                layer.contour = contour

    def add_painted(self) -> None:
        """Show the layer that was painted last, if it is not shown yet: making it takes long enough."""
        layer, self._to_add = self._to_add, None
        if layer is None or not self.has(layer.metadata[MARK]["of"]):
            return
        with self._ours():
            self._add_below_overlays(layer, self._get(layer.metadata[MARK]["of"]))
            self._viewer.layers.selection.active = layer

    def _add_below_overlays(self, layer: Labels, source: Image) -> None:
        layers = self._viewer.layers
        least = layers.index(source)  # overlays may still lie below an image that came after them
        own = [
            i for i, one in enumerate(layers)
            if i > least and made(one) not in (None, FOUND, PAINTED, "cells")
        ]  # fmt: skip
        layers.insert(min(own, default=len(layers)), layer)

    def frame(self, image: str, plane: int, box: Sequence[int] | None) -> None:
        """Draw a frame around the cell that is looked at; None for none."""
        from napari.layers import Shapes

        with self._ours():
            if self._frame is not None and self._frame not in self._viewer.layers:
                self._frame = None
            if box is None:
                if self._frame is not None:
                    self._frame.visible = False
                return
            source = self._get(image)
            shape = _pixels(source).shape[:-1] if source.rgb else _pixels(source).shape
            place = tuple(np.unravel_index(plane, shape[:-2])) if len(shape) > 2 else ()
            y0, x0, y1, x1 = (value - 0.5 for value in box)  # the rims of its pixels
            corners = np.array([[*place, y, x] for y, x in ((y0, x0), (y0, x1), (y1, x1), (y1, x0))])
            if self._frame is not None and self._frame.ndim != corners.shape[1]:
                self._viewer.layers.remove(self._frame)
                self._frame = None
            if self._frame is None:
                active = self._viewer.layers.selection.active
                self._frame = Shapes(
                    [corners], shape_type="polygon", name="Cell looked at", face_color="transparent",
                    edge_color="#ffffff", edge_width=max(min(shape[-2:]) / 250, 0.5), **_placed(source),
                )  # fmt: skip
                self._frame.metadata[MARK] = {"made": FRAME}
                self._frame.editable = False
                self._viewer.add_layer(self._frame)
                self._viewer.layers.selection.active = active
                return
            self._frame.data = [corners]
            self._frame.scale, self._frame.translate = source.scale, source.translate
            self._frame.visible = True

    # -- what the user does --------------------------------------------------------------------------

    def take_keys(self, image: str) -> None:
        """Make the painted cells the active layer, so that a key corrects the cell that was clicked."""
        layer = self._painted.get(image)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.selection.active = layer

    def _bind_keys(self, layer: Labels) -> None:
        """Bind the label keys to the painted layer: a layer's own keys go before napari's."""
        given = {**{str(number): str(number) for number in range(1, 10)}}
        given |= {"U": "unsure", "X": "exclude", "Backspace": "", "Delete": ""}
        given |= {"Control-Z": "undo", "Control-Shift-Z": "redo"}

        def press(what: str) -> Callable[[Any], None]:
            return lambda _: self.key_pressed.emit(what)

        for key, what in given.items():
            layer.bind_key(key, press(what), overwrite=True)

    def _on_mouse(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Tell a click from a drag, and in no mode in which a click draws."""
        image, active = self._image, viewer.layers.selection.active
        if image is None or image not in viewer.layers or getattr(active, "mode", "pan_zoom") != "pan_zoom":
            return
        pressed = np.array(event.pos, dtype=float) if event.pos is not None else np.zeros(2)
        position = tuple(event.position)
        yield
        while event.type == "mouse_move":
            yield
        released = np.array(event.pos, dtype=float) if event.pos is not None else np.zeros(2)
        if np.abs(released - pressed).max() > _STILL or event.button not in (1, None):
            return
        place = np.round(image.world_to_data(position[-image.ndim :])).astype(int)
        leading = _pixels(image).shape[: -3 if image.rgb else -2]
        plane = 0
        if leading:
            if any(not 0 <= at < n for at, n in zip(place, leading, strict=False)):
                return
            plane = int(np.ravel_multi_index(tuple(place[: len(leading)]), leading))
        y, x = place[-2:]
        self.clicked.emit(plane, int(y), int(x))

    def _on_edit(self, event: Any) -> None:
        if not self._own_doing and self._watched is not None:
            self.edited.emit(self._watched.name)

    def _mark_edited(self, event: Any) -> None:
        if not self._own_doing:
            event.source.metadata[MARK]["edited"] = True

    def _follow(self) -> None:
        if self._image is None or self._image not in self._viewer.layers:
            return
        plane = self.plane_of(self._image.name)
        if plane != self._plane:
            self._plane = plane
            self.plane_changed.emit(plane)

    def _watch_name(self, layer: Any) -> None:
        self._names[id(layer)] = layer.name
        layer.events.name.connect(self._take_name)

    def _take_name(self, event: Any) -> None:
        """Layers are known by name: follow the user who gives them another."""
        layer = event.source
        before = self._names.get(id(layer), layer.name)
        self._names[id(layer)] = layer.name
        if before != layer.name:
            if before in self._painted:
                self._painted[layer.name] = self._painted.pop(before)
            for other in self._viewer.layers:
                if made(other) == FOUND and other.metadata[MARK]["of"] == before:
                    other.metadata[MARK]["of"] = layer.name
            self.renamed.emit(before, layer.name)
        self.changed.emit()

    def _tell_changed(self, event: Any = None) -> None:
        self.changed.emit()

    def _get(self, name: str) -> Any:
        if name not in self._viewer.layers:
            raise InputError(f"there is no layer {name!r} any more; choose another")
        return self._viewer.layers[name]

    def _ours(self) -> Any:
        return _OwnDoing(self)


class _OwnDoing:
    """What happens to layers meanwhile is our own doing."""

    def __init__(self, layers: FieldLayers) -> None:
        self._layers = layers

    def __enter__(self) -> None:
        self._before = self._layers._own_doing
        self._layers._own_doing = True

    def __exit__(self, *_: object) -> None:
        self._layers._own_doing = self._before


def numbers_image(found: FieldCells, leading: tuple[int, ...]) -> NDArray[np.int32]:
    """Return (*leading, H, W) of a field: the number by which each cell is painted, 0 on the ground."""
    data = np.zeros((found.field.planes, *found.field.shape), np.int32)
    for plane in np.unique(found.plane):
        data[plane] = found.paint(int(plane), _cell_numbers(found), dtype=np.int32)
    return data.reshape((*leading, *found.field.shape))


def _cell_numbers(found: FieldCells) -> NDArray[np.int64]:
    """Return (n,) labels; rows from 1 where several planes may have the same labels."""
    return found.label if found.field.planes == 1 else np.arange(1, len(found) + 1)


def _colormap(colours: Mapping[int, str]) -> DirectLabelColormap:
    from napari.utils.colormaps import DirectLabelColormap

    # names are looked up quicker than arrays are checked
    return DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", **colours})


def _pixels(layer: Any) -> Any:
    """Return the full resolution of an image."""
    return layer.data[0] if layer.multiscale else layer.data


def _placed(source: Image) -> Mapping[str, Any]:
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
