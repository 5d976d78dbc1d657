"""A recording in the viewer, and the passage that is looked at: its path, and a square around the cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers import Layers
from napari_sparseattn.layers.metadata import MARK

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

    from napari_sparseattn.layers.field_watch import FieldWatch
    from napari_sparseattn.layers.stack import LayerData

RECORDING, PASSAGE = "recording", "passage"

_PATH, _SQUARE = "#bbbbbb", "#ffffff"


class RecordingView:
    """The layers of one recording."""

    def __init__(self, layers: Layers, watch: FieldWatch) -> None:
        self._layers, self._watch = layers, watch
        self._images: list[Image] = []
        self._passage: Shapes | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the recording is in the viewer."""
        return bool(self._images) and self._images[0] in self._layers.viewer.layers

    def show(self, data: Sequence[LayerData]) -> None:
        """Show a recording instead of the one before; the next cells lie in it."""
        self._remove_passage()
        if not self._shows(data):
            before, self._images = self._images, []
            self._add(data)
            self._remove(before)
            for layer, (_, keywords, _) in zip(self._images, data, strict=True):
                layer.name = keywords["name"]
        self._layers.set_source(self._images[0].name)
        self._watch.follow(self._images[0], None)

    def _shows(self, data: Sequence[LayerData]) -> bool:
        """Whether this very recording is shown already, in the same frames."""
        return self.is_shown and all(
            layer.metadata["event_frames"] == keywords["metadata"]["event_frames"]
            and layer.data.shape == pixels.shape
            for layer, (pixels, keywords, _) in zip(self._images, data, strict=True)
        )

    def _add(self, data: Sequence[LayerData]) -> None:
        from napari.layers import Image

        for pixels, keywords, _ in data:
            layer = Image(pixels, **keywords)
            layer.metadata[MARK] = {"made": RECORDING}
            self._images.append(layer)
            self._layers.viewer.add_layer(layer)
        self._layers.viewer.reset_view()

    def _remove(self, layers: Sequence[Image]) -> None:
        for layer in layers:
            if layer in self._layers.viewer.layers:
                self._layers.viewer.layers.remove(layer)

    def go_to(self, frame: int) -> None:
        """Show a frame."""
        if not self.is_shown:
            return
        viewer, image = self._layers.viewer, self._images[0]
        viewer.dims.set_point(viewer.dims.ndim - image.ndim, image.data_to_world((frame, 0, 0))[0])

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        viewer, image = self._layers.viewer, self._images[0]
        place = image.world_to_data(viewer.dims.point[-image.ndim :])[0]
        return int(np.clip(round(float(place)), 0, image.data.shape[0] - 1))

    def mark(self, path: NDArray[np.float64], corner: tuple[int, int] | None, side: int) -> None:
        """Draw a path (n, 2) y, x in pixels, and a square of ``side`` pixels; no square without a corner."""
        from napari.layers import Shapes

        if not self.is_shown:
            return
        viewer, source = self._layers.viewer, self._images[0]
        shapes: list[tuple[Any, str]] = [(path, "path")]
        if corner is not None:
            y, x = corner[0] - 0.5, corner[1] - 0.5  # the rims of its pixels
            shapes.append((np.array([(y, x), (y, x + side), (y + side, x + side), (y + side, x)]), "polygon"))
        colours = [_PATH, _SQUARE][: len(shapes)]
        if self._passage is not None and self._passage in viewer.layers:
            self._passage.data = shapes
            self._passage.edge_color = colours
            return
        active = viewer.layers.selection.active
        self._passage = Shapes(
            shapes, name="Passage looked at", face_color="transparent", edge_color=colours,
            edge_width=max(min(source.data.shape[1:]) / 250, 0.5),
            scale=source.scale[-2:], units=source.units[-2:],
        )  # fmt: skip
        self._passage.metadata[MARK] = {"made": PASSAGE}
        self._passage.editable = False
        viewer.add_layer(self._passage)
        viewer.layers.selection.active = active

    def close(self) -> None:
        """Take the recording away."""
        self._remove_passage()
        images, self._images = self._images, []
        self._remove(images)

    def _remove_passage(self) -> None:
        layer, self._passage = self._passage, None
        if layer is not None and layer in self._layers.viewer.layers:
            self._layers.viewer.layers.remove(layer)
