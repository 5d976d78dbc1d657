"""The cells that were found on an image, as a labels layer that the user may edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers.field_arrays import place_of, placed_on, shape_of
from napari_sparseattn.layers.field_marks import MARKS
from napari_sparseattn.layers.metadata import MARK, made

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_sparseattn.layers.own_doing import OwnDoing

FOUND = "found"


class FoundLayers:
    """The layers "Cells of <image>", one an image."""

    def __init__(self, viewer: ViewerModel, own: OwnDoing) -> None:
        self._viewer, self._own = viewer, own

    def of(self, image: str) -> Labels | None:
        """Return the layer of the cells that were found on an image, where there is one."""
        return next(
            (one for one in self._viewer.layers if made(one) == FOUND and one.metadata[MARK]["of"] == image),
            None,
        )

    def rename(self, before: str, after: str) -> None:
        """Follow an image that has another name."""
        layer = self.of(before)
        if layer is not None:
            layer.metadata[MARK]["of"] = after

    def show(self, source: Image, plane: int, labels: NDArray[np.int32]) -> str:
        """Show the cells that were found on a plane of an image; return the name of their layer."""
        from napari.layers import Labels

        shape, place, layer = shape_of(source), place_of(source, plane), self.of(source.name)
        with self._own:
            if layer is None or layer.data.shape != shape:
                if layer is not None:
                    self._viewer.layers.remove(layer)
                data = np.zeros(shape, np.int32)
                data[place] = labels
                layer = Labels(data, name=f"Cells of {source.name}", opacity=0.6, **placed_on(source))
                layer.metadata[MARK] = {"made": FOUND, "of": source.name}
                layer.contour = 2
                for event in (layer.events.labels_update, layer.events.data, layer.events.paint):
                    event.connect(self._mark_edited)
                self._viewer.add_layer(layer)
            else:
                layer.data[place] = labels
                layer.refresh()
            layer.visible = True
        return str(layer.name)

    def _mark_edited(self, event: Any) -> None:
        if not self._own.active:
            event.source.metadata[MARK]["edited"] = True


def is_edited(layer: Labels) -> bool:
    """Return whether cells that were found or marked were changed by somebody else since."""
    return made(layer) in (FOUND, MARKS) and bool(layer.metadata[MARK].get("edited"))
