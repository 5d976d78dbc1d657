"""What the user does to the layers of a field: clicks, edits, other planes, other names."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn.layers.field_arrays import plane_of, shape_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_sparseattn.layers.own_doing import OwnDoing

_STILL = 4.0
"""A press and release of the mouse this near to each other, in pixels of the canvas, is a click."""


class FieldWatch:
    """Watches one image and one labels layer, and the names of all."""

    clicked = Signal(int, int, int)
    """A pixel of the image was clicked: plane, y, x."""
    edited = Signal(str)
    """The labels layer of this name was changed by somebody else."""
    plane_changed = Signal(int)
    """The sliders show another plane of the image."""
    renamed = Signal(str, str)
    """A layer has another name: the old, the new one."""
    changed = Signal()
    """Layers came, went or were renamed."""

    def __init__(self, viewer: ViewerModel, own: OwnDoing) -> None:
        self._viewer, self._own = viewer, own
        self._image: Image | None = None
        self._labels: Labels | None = None
        self._plane = 0
        for event in ("inserted", "removed", "reordered"):
            getattr(viewer.layers.events, event).connect(self._tell_changed)
        self._names: dict[int, str] = {}
        for layer in viewer.layers:
            self._watch_name(layer)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.dims.events.current_step.connect(self._on_slider)
        viewer.mouse_drag_callbacks.append(self._on_mouse)

    def follow(self, image: Image, labels: Labels | None) -> None:
        """Watch the image's clicks and sliders, and the edits of the labels."""
        self._image, self._plane = image, plane_of(image, self._viewer)
        if labels is self._labels:
            return
        for layer, connect in ((self._labels, False), (labels, True)):
            if layer is None:
                continue
            for event in (layer.events.labels_update, layer.events.data, layer.events.paint):
                (event.connect if connect else event.disconnect)(self._on_edit)
        self._labels = labels

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
        leading = shape_of(image)[:-2]
        plane = 0
        if leading:
            if any(not 0 <= at < n for at, n in zip(place, leading, strict=False)):
                return
            plane = int(np.ravel_multi_index(tuple(place[: len(leading)]), leading))
        y, x = place[-2:]
        self.clicked.emit(plane, int(y), int(x))

    def _on_edit(self, event: Any) -> None:
        if not self._own.active and self._labels is not None:
            self.edited.emit(self._labels.name)

    def _on_slider(self) -> None:
        if self._image is None or self._image not in self._viewer.layers:
            return
        plane = plane_of(self._image, self._viewer)
        if plane != self._plane:
            self._plane = plane
            self.plane_changed.emit(plane)

    def _on_inserted(self, event: Any) -> None:
        self._watch_name(event.value)

    def _watch_name(self, layer: Any) -> None:
        self._names[id(layer)] = layer.name
        layer.events.name.connect(self._on_name)

    def _on_name(self, event: Any) -> None:
        """Layers are known by name: follow the user who gives them another."""
        layer = event.source
        before = self._names.get(id(layer), layer.name)
        self._names[id(layer)] = layer.name
        if before != layer.name:
            self.renamed.emit(before, layer.name)
        self.changed.emit()

    def _tell_changed(self, event: Any = None) -> None:
        self.changed.emit()
