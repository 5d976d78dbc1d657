"""What if: pixels that the user paints are taken out of the cell, and the answer follows each stroke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.compat import isalive

from napari_sparseattn.layers import Layers
from napari_sparseattn.live import LiveExplanation
from napari_sparseattn.timers import once_after
from napari_sparseattn.workspace import Workspace

if TYPE_CHECKING:
    from sparseattn.fills import Fill


class TakingOut:
    """Keeps `Workspace.what_if` up to date while it is switched on; nobody else sets it.

    A step is computed in the user interface's thread, as those of `LiveExplanation` are: both stages of the
    net look at one cell, which takes milliseconds. Strokes do not queue.
    """

    changed = Signal()
    """`is_on`, `fill` or `count`."""

    def __init__(self, workspace: Workspace, layers: Layers, live: LiveExplanation) -> None:
        self._workspace, self._layers, self._live = workspace, layers, live
        self._on = False
        self._fill: Fill = "mean"
        self._step = once_after(0, self.update)
        layers.taken_out.changed.connect(self._schedule)
        for signal in (
            workspace.cells_changed,
            workspace.channels_changed,
            workspace.model_changed,
            workspace.current_changed,
        ):
            signal.connect(self._forget)
        workspace.explanation_changed.connect(self._follow)

    def close(self) -> None:
        """Do nothing more."""
        if isalive(self._step):
            self._step.stop()

    @property
    def is_on(self) -> bool:
        return self._on

    @property
    def fill(self) -> Fill:
        """What stands in for what is taken out."""
        return self._fill

    @fill.setter
    def fill(self, fill: Fill) -> None:
        if fill != self._fill:
            self._fill = fill
            self.update()

    @property
    def count(self) -> int:
        """Pixels of the net's grid that are taken out."""
        pixels = self._layers.taken_out.pixels
        return 0 if pixels is None else int(pixels.sum())

    def switch(self, on: bool) -> None:
        """Lay the layer over the cell with the brush in hand, or put it away; what is painted stays."""
        self._on = on
        if on:
            self._layers.show_taken_out()
            self._layers.taken_out.use("paint")
        else:
            self._layers.taken_out.hide()
        self.update()

    def take_out(self) -> None:
        """Let the brush take pixels out."""
        self._layers.show_taken_out()
        self._layers.taken_out.use("paint")

    def put_back(self) -> None:
        """Let the brush put pixels back."""
        self._layers.show_taken_out()
        self._layers.taken_out.use("erase")

    def reset(self) -> None:
        """Put all pixels back; napari's undo takes that back."""
        self._layers.taken_out.put_all_back()

    def _schedule(self) -> None:
        if not self._step.isActive():
            self._step.start()

    def update(self) -> None:
        """Ask the net about what is left now."""
        self._step.stop()
        workspace = self._workspace
        pixels = self._layers.taken_out.pixels
        what_if = None
        if self._on and workspace.explanation is not None and pixels is not None and pixels.any():
            explainer = self._live.explainer()
            if explainer is not None:
                what_if = explainer.without(pixels, self._fill).at(workspace.k)
        workspace.set_what_if(what_if)
        self.changed.emit()

    def _follow(self) -> None:
        """Another cell, k or model was explained."""
        if self._on:
            self._layers.show_taken_out()
            self.update()

    def _forget(self, *_: Any) -> None:
        """What was painted was of another cell."""
        self._layers.taken_out.forget()
        self._workspace.set_what_if(None)
        self.changed.emit()
