"""Shows the cells of a field: painted in the colours of their classes, and a frame around the one looked at.

New layers take napari long to make. What new cells need is shown a step at a time, each in its own turn of
the event loop, so that the window answers between them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sparseattn import field_tables
from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.timers import once_after
from sparseattn.errors import InputError
from sparseattn.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtCore import QTimer

    from napari_sparseattn.layers.field import FieldImage, FieldLayers
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import FieldCells

_COALESCE_MS = 30


@dataclass(frozen=True, eq=False)
class ShownField:
    """An image, the name of the labels layer that tells its cells, and these cells."""

    image: FieldImage
    labels: str
    found: FieldCells


class FieldPainting:
    """The painted cells of one viewer's field."""

    painted = Signal()
    """The cells are painted as `classes` says."""

    def __init__(self, workspace: Workspace, layers: FieldLayers) -> None:
        self._workspace, self._layers = workspace, layers
        self.field: ShownField | None = None
        self.opacity, self.contour = 0.5, 0
        self.refusal = Refusal()
        self._painted_cells: FieldCells | None = None
        self._numbers: NDArray[Any] | None = None  # of cells that are not painted yet
        self._hides_labels = False
        self._soon = once_after(_COALESCE_MS, self.repaint)
        # What is due together is served together: the explanation of the first cell has a turn of its own.
        self._begin = once_after(0, self._start)
        self._first = once_after(0, self._paint_first)
        self._adding = once_after(0, self._add)
        self._framing = once_after(0, self._show_frame)
        for signal in (
            workspace.predictions_changed, workspace.labels_changed, workspace.classes_changed,
            workspace.blind_changed,
        ):  # fmt: skip
            signal.connect(self.repaint)
        workspace.current_changed.connect(self._frame_soon)

    @property
    def is_current(self) -> bool:
        """Whether the workspace's cells are those of the field."""
        return self.field is not None and self._workspace.cells is self.field.found.cells

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be shown."""
        return any(timer.isActive() for timer in self._timers)

    @property
    def _timers(self) -> tuple[QTimer, ...]:
        return (self._soon, self._begin, self._first, self._adding, self._framing)

    def close(self) -> None:
        """Do nothing more."""
        with suppress(RuntimeError):  # Qt has taken the timers with it
            for timer in self._timers:
                timer.stop()

    # -- what is to be shown -------------------------------------------------------------------------

    def show(self, field: ShownField, numbers: NDArray[Any]) -> None:
        """Show other cells; call it before they become the workspace's."""
        self.field, self._numbers = field, numbers
        self._begin.start()

    def hide_labels_once(self) -> None:
        """Hide the labels when the cells are painted next: their colours would shine through.

        Not after an edit: they are what the user is working on.
        """
        self._hides_labels = True

    def set_refusal(self, least_familiar: float, least_confidence: float) -> None:
        """Say below which figures a cell is painted as other."""
        self.refusal = Refusal(least_familiar, least_confidence)
        self._repaint_soon()

    def set_look(self, opacity: float, contour: int) -> None:
        """Say how the cells are painted: filled, or an outline of so many pixels."""
        self.opacity, self.contour = opacity, contour
        self._repaint_soon()

    def _repaint_soon(self) -> None:
        """Paint once for all steps of a slider that come meanwhile."""
        if not self._soon.isActive():
            self._soon.start()

    def classes(self) -> list[str]:
        """Return what each cell is painted as; see `field_tables.shown_classes`."""
        if self.field is None or not self.is_current:
            return []
        return field_tables.shown_classes(self.field.found, self._workspace, self.refusal)

    # -- step by step --------------------------------------------------------------------------------

    def repaint(self, *_: Any) -> None:
        """Paint the cells as they are now, where they were painted before."""
        if self.is_current and self.field is not None and self._painted_cells is self.field.found:
            self._paint()

    def _start(self) -> None:
        self._first.start()

    def _paint_first(self) -> None:
        if self.is_current:
            self._paint()
            self._adding.start()

    def _add(self) -> None:
        self._layers.painted.add()
        self._framing.start()

    def _paint(self) -> None:
        assert self.field is not None
        field, colours, classes = self.field, self._workspace.colours, self.classes()
        try:
            self._layers.painted.paint(
                field.image.name, field.found, [colours.get(name, NO_CLASS) for name in classes],
                field_tables.features_table(field.found, self._workspace, classes),
                opacity=self.opacity, contour=self.contour, numbers=self._numbers,
            )  # fmt: skip
        except InputError as error:
            self._workspace.fail(error)
            return
        if self._hides_labels:
            self._hides_labels = False
            self._layers.hide(field.labels)
        self._painted_cells, self._numbers = field.found, None
        self.painted.emit()

    def _frame_soon(self, *_: Any) -> None:
        """Frame the cell that is looked at, once the layers of new cells are there."""
        coming = (self._begin, self._first, self._adding)
        if self.field is not None and not any(timer.isActive() for timer in coming):
            self._framing.start()

    def _show_frame(self) -> None:
        field, index = self.field, self._workspace.current
        if field is None:
            return
        try:
            if not self.is_current or index < 0:
                self._layers.painted.frame(field.image.name, 0, None)
            else:
                found = field.found
                self._layers.painted.frame(
                    field.image.name, int(found.plane[index]), found.box[index].tolist()
                )
        except InputError:  # the image was removed
            return
