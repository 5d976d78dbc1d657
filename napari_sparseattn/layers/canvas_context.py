"""The canvas's OpenGL context is made current before a layer goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.components import ViewerModel


def make_current(viewer: ViewerModel) -> None:
    """Make the context of the viewer's canvas current; nothing is done for a viewer without a window.

    When a layer is removed, napari (0.9) sends vispy's waiting commands to OpenGL at once, outside of any
    painting, and then the context that composes the window is current, which shares its objects with the
    canvas's. The waiting commands delete the layer's shaders and set up those of Points in the wrong context;
    Mesa crashes in the canvas's next draw, other drivers report access violations.
    """
    window: Any = getattr(viewer, "window", None)
    canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)  # napari has no public door to it
    native = getattr(canvas, "native", None)
    if native is not None and native.isValid():
        native.makeCurrent()
