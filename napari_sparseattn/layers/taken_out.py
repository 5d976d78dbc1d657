"""The pixels of the net's grid that the user takes out of the current cell: a labels layer to paint on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_sparseattn.layers.metadata import MARK
from napari_sparseattn.layers.overlays import grid_to_world
from napari_sparseattn.layers.own_doing import OwnDoing
from napari_sparseattn.layers.place import Matrix, placed, put

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

    from sparseattn.explain import Explanation

NAME = "Pixels taken out"
COLOUR = "#8c8c8c"
BRUSH = 1 / 12
"""Width of the brush, as a share of the side of the net's grid."""

Mode = Literal["paint", "erase", "pan_zoom"]


class TakenOutLayer:
    """Shows the layer, and tells what is painted. `Layers` owns it."""

    changed = Signal()
    """`pixels`: painted, erased, undone or emptied."""

    def __init__(self, viewer: ViewerModel, own: OwnDoing) -> None:
        self._viewer, self._own = viewer, own
        self._layer: Labels | None = None
        self._last: NDArray[np.bool_] | None = None
        self._active_before: Layer | None = None
        """What was active before the brush was taken up."""
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def pixels(self) -> NDArray[np.bool_] | None:
        """(size, size) True where a pixel is taken out; None without a layer."""
        return None if self._layer is None else np.asarray(self._layer.data) != 0

    def show(self, explanation: Explanation, world: Matrix, units: Any, above: int) -> None:
        """Lay it over the cell, made where it is not there: as the layer ``above`` places from the bottom."""
        size = explanation.prepare.size
        matrix = grid_to_world(explanation, world, 1)
        with self._own:
            if self._layer is not None and self._layer.data.shape == (size, size):
                put(self._layer, matrix)
                if not self._layer.visible:  # napari would take the brush away even from one that is
                    self._layer.visible = True
                return
            self.remove()
            self._layer = self._made(size, matrix, units)
            active = self._viewer.layers.selection.active
            self._viewer.layers.insert(above, self._layer)
            self._viewer.layers.selection.active = active
        for event in ("labels_update", "paint", "data", "set_data"):
            getattr(self._layer.events, event).connect(self._on_edit)

    def hide(self) -> None:
        """Take it from sight; what is painted stays."""
        if self._layer is not None:
            self._layer.mode = "pan_zoom"
            selection = self._viewer.layers.selection
            with self._own:
                self._layer.visible = False
            if selection.active is self._layer and self._active_before in self._viewer.layers:
                selection.active = self._active_before
            self._active_before = None

    def use(self, mode: Mode) -> None:
        """Let the mouse paint or erase on it, or move the view again."""
        if self._layer is not None:
            selection = self._viewer.layers.selection
            if mode != "pan_zoom" and selection.active is not self._layer:
                self._active_before = selection.active
                selection.active = self._layer
            self._layer.selected_label = 1
            self._layer.mode = mode

    def put_all_back(self) -> None:
        """Empty it, as one step that napari's undo takes back."""
        if self._layer is not None and self._layer.data.any():
            self._layer.data_setitem(np.nonzero(self._layer.data), 0)

    def forget(self) -> None:
        """Empty it for another cell: nothing of this one can be brought back by undo."""
        if self._layer is not None:
            with self._own:
                self._layer.data = np.zeros_like(self._layer.data)
                self._layer._reset_history()  # there is no public door to it
            self._last = None

    def remove(self) -> None:
        """Remove it."""
        layer, self._layer, self._last, self._active_before = self._layer, None, None, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _made(self, size: int, matrix: Matrix, units: Any) -> Labels:
        from napari.layers import Labels
        from napari.utils.colormaps import DirectLabelColormap

        layer = Labels(
            np.zeros((size, size), np.uint8), name=NAME, opacity=0.85, units=units,
            colormap=DirectLabelColormap(color_dict={0: "transparent", None: COLOUR}), **placed(matrix),
        )  # fmt: skip
        layer.brush_size = max(2, round(size * BRUSH))
        layer.metadata[MARK] = {"made": "taken out"}
        return layer

    def _on_edit(self, _: Any = None) -> None:
        """Napari tells of more than of changes, and of an undo as of any other refresh."""
        pixels = self.pixels
        if self._own.active or pixels is None:
            return
        before = np.zeros_like(pixels) if self._last is None else self._last
        if not np.array_equal(pixels, before):
            self._last = pixels
            self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        """The user removed it: nothing is taken out any more."""
        if event.value is self._layer and not self._own.active:
            self._layer, self._last = None, None
            self.changed.emit()
