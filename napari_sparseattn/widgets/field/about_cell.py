"""What is said of the cell of a field that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_sparseattn.widgets.field.measured_text import measured_text

if TYPE_CHECKING:
    from napari_sparseattn.field_work import FieldWork
    from napari_sparseattn.workspace import Workspace

UNPAINTED = "not classified"


def about_cell(work: FieldWork, workspace: Workspace, classes: Sequence[str | None]) -> str:
    """Return what the cell is shown as, what the model said, and what was measured, in lines."""
    found, index = work.found, workspace.current
    if found is None or not 0 <= index < len(classes):
        return "Click a cell to see the pixels that decided."
    text = f"Cell {found.label[index]}: {classes[index] or UNPAINTED}"
    predictions = workspace.predictions
    if predictions is not None and not workspace.blind:
        rows = (predictions.indices == index).nonzero()[0]
        if len(rows):
            sure = 100 * predictions.confidence[rows[0]]
            text += f"\nModel: {predictions.predicted[rows[0]]}, {sure:.0f} % sure"
            if predictions.in_distribution[rows[0]] < work.painting.refusal.least_familiar:
                text += ", unlike the training cells"
        else:
            text += "\nThe model could not read it."
    measured = measured_text(found, index)
    if measured:
        text += f"\n{measured}"
    if found.touches_edge[index]:
        text += "\nIt touches the edge of the field."
    return text + "\nPress a key, or a colour below, to correct it."
