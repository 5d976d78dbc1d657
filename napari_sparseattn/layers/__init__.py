"""The door to napari's layers: the plugin reads and writes them here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sparseattn.workspace import Workspace

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

MARK = "sparseattn"
"""Key in a layer's metadata. Layers that the plugin made say there what they are: {"made": "coarse"}."""


class Layers:
    """What the plugin shows in one viewer. Layers of others are never changed, renamed or removed."""

    def __init__(self, viewer: ViewerModel, workspace: Workspace) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self._source: Image | None = None

    @property
    def source(self) -> Image | None:
        """The image layer that the cells lie in."""
        return self._source if self._source in self.viewer.layers else None

    def set_source(self, name: str) -> None:
        """Say which image layer the cells lie in."""
        self._source = self.viewer.layers[name]

    def names(self, kind: str) -> list[str]:
        """Return the names of the layers of a kind ("image", "labels") that the plugin did not make."""
        return [layer.name for layer in self.viewer.layers if layer._type_string == kind and not made(layer)]


def made(layer: Layer) -> str | None:
    """Return what a layer is that the plugin made ("coarse", "cells", ...), or None for another's layer."""
    about: Any = layer.metadata.get(MARK)
    return about.get("made") if isinstance(about, dict) else None
