"""The plugin's dock in the viewer that is in use."""

from __future__ import annotations

from pathlib import Path

import napari
from qtpy.QtWidgets import QWidget

from sparseattn.errors import InputError


def open_in_viewer(path: Path) -> None:
    """Open cells in the dock of the viewer that is in use; the dock is shown first where it is not.

    Raises
    ------
    InputError
        When there is no window.
    """
    viewer = napari.current_viewer()
    window: QWidget | None = None if viewer is None else viewer.window
    if window is None:
        raise InputError(
            f"the cells of {path} have several sizes and make no stack; open them in the plugin's gallery"
        )
    _, widget = window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    widget.open_path(path)


def has_window() -> bool:
    """Whether there is a viewer with a window."""
    viewer = napari.current_viewer()
    return viewer is not None and viewer.window is not None


def show_scale_bar() -> None:
    """Show the scale bar of the viewer that is in use, if there is one: a layer with a size comes."""
    viewer = napari.current_viewer()
    if viewer is not None:
        viewer.canvas.overlays.scale_bar.visible = True
