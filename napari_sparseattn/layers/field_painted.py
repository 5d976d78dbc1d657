"""The cells of a field painted in the colours of their classes, and a frame around the one looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn.layers.field_arrays import cell_numbers, numbers_image, place_of, placed_on, shape_of
from napari_sparseattn.layers.field_found import FOUND
from napari_sparseattn.layers.metadata import MARK, made
from napari_sparseattn.layers.overlays import one_refresh
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from napari.utils.colormaps import DirectLabelColormap
    from numpy.typing import NDArray

    from napari_sparseattn.layers.own_doing import OwnDoing
    from sparseattn.cells import FieldCells

PAINTED, FRAME = "painted", "frame"


class PaintedLayers:
    """The layers "Classes of <image>", one an image, and the frame."""

    key_pressed = Signal(str)
    """A key over the painted cells: "1" to "9", "unsure", "exclude", "" (take away), "undo", "redo"."""

    def __init__(self, viewer: ViewerModel, own: OwnDoing) -> None:
        self._viewer, self._own = viewer, own
        self._painted: dict[str, Labels] = {}
        self._to_add: Labels | None = None
        self._frame: Any = None

    def rename(self, before: str, after: str) -> None:
        """Follow an image that has another name."""
        if before in self._painted:
            self._painted[after] = self._painted.pop(before)

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
        """Paint each cell in its colour; a layer that is made for it is shown by `add`.

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

        source = self._image(image)
        layer = self._painted.get(image)
        if layer is not None and layer not in self._viewer.layers and layer is not self._to_add:
            layer = None
        if layer is None and numbers is None:
            numbers = numbers_image(found, shape_of(source)[:-2])
        cells = cell_numbers(found).tolist()
        shown = dict(zip(cells, colours, strict=True))
        features = table.copy()
        features.insert(0, "index", cells)
        with self._own:
            # Each of these draws the layer anew, even where nothing is different.
            if layer is None:
                assert numbers is not None
                layer = Labels(
                    numbers, name=f"Classes of {image}", opacity=opacity, features=features,
                    colormap=_colormap(shown), **placed_on(source),
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

    def add(self) -> None:
        """Show the layer that was painted last, if it is not shown yet: making it takes long enough."""
        layer, self._to_add = self._to_add, None
        if layer is None or layer.metadata[MARK]["of"] not in self._viewer.layers:
            return
        with self._own:
            self._add_below_overlays(layer, self._image(layer.metadata[MARK]["of"]))
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

        with self._own:
            if self._frame is not None and self._frame not in self._viewer.layers:
                self._frame = None
            if box is None:
                if self._frame is not None:
                    self._frame.visible = False
                return
            source = self._image(image)
            shape, place = shape_of(source), place_of(source, plane)
            y0, x0, y1, x1 = (value - 0.5 for value in box)  # the rims of its pixels
            corners = np.array([[*place, y, x] for y, x in ((y0, x0), (y0, x1), (y1, x1), (y1, x0))])
            if self._frame is not None and self._frame.ndim != corners.shape[1]:
                self._viewer.layers.remove(self._frame)
                self._frame = None
            if self._frame is None:
                active = self._viewer.layers.selection.active
                self._frame = Shapes(
                    [corners], shape_type="polygon", name="Cell looked at", face_color="transparent",
                    edge_color="#ffffff", edge_width=max(min(shape[-2:]) / 250, 0.5), **placed_on(source),
                )  # fmt: skip
                self._frame.metadata[MARK] = {"made": FRAME}
                self._frame.editable = False
                self._viewer.add_layer(self._frame)
                self._viewer.layers.selection.active = active
                return
            self._frame.data = [corners]
            self._frame.scale, self._frame.translate = source.scale, source.translate
            self._frame.visible = True

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

    def _image(self, name: str) -> Any:
        if name not in self._viewer.layers:
            raise InputError(f"there is no layer {name!r} any more; choose another")
        return self._viewer.layers[name]


def _colormap(colours: Mapping[int, str]) -> DirectLabelColormap:
    from napari.utils.colormaps import DirectLabelColormap

    # names are looked up quicker than arrays are checked
    return DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", **colours})
