"""The cells of a field that others have marked, as a labels layer that the user may edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers.field_arrays import placed_on
from napari_sparseattn.layers.metadata import MARK, made

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_sparseattn.layers.field_arrays import FieldImage
    from napari_sparseattn.layers.own_doing import OwnDoing

MARKS = "marks"


@dataclass(frozen=True, eq=False)
class ReadMarks:
    """What a file marks on a field: (..., H, W) int32, and the class of each number from 1, where given."""

    path: Path
    labels: NDArray[np.int32]
    classes: tuple[str | None, ...]


def read_marks(image: FieldImage, path: Path, classes: Sequence[str | None] = ()) -> ReadMarks:
    """Read what a file marks; for a thread. ``classes`` count where the file gives none.

    Raises
    ------
    InputError
        When it cannot be used, or does not lie on the field.
    """
    from sparseattn.cells import open_marks
    from sparseattn.cells.crop import check_labels

    field = image.field
    marks = open_marks(path, field)
    check_labels(field, marks.labels)
    planes = [marks.labels.plane(plane)[0] for plane in range(field.planes)]
    labels = np.stack(planes).reshape(*image.leading, *field.shape).astype(np.int32)
    return ReadMarks(path, labels, marks.classes or tuple(classes))


class MarksLayers:
    """The layers of marked cells, one a file."""

    def __init__(self, viewer: ViewerModel, own: OwnDoing) -> None:
        self._viewer, self._own = viewer, own

    def show(self, source: Image, marks: ReadMarks) -> str:
        """Show marks on an image, instead of those of the same file; return the name of their layer."""
        from napari.layers import Labels

        with self._own:
            for layer in [one for one in self._viewer.layers if path_of_marks(one) == marks.path]:
                self._viewer.layers.remove(layer)
            layer = Labels(marks.labels, name=marks.path.name, opacity=0.6, **placed_on(source))
            layer.metadata[MARK] = {
                "made": MARKS, "path": str(marks.path), "classes": list(marks.classes),
            }  # fmt: skip
            layer.contour = 2
            for event in (layer.events.labels_update, layer.events.data, layer.events.paint):
                event.connect(self._mark_edited)
            self._viewer.add_layer(layer)
        return str(layer.name)

    def _mark_edited(self, event: Any) -> None:
        if not self._own.active:
            event.source.metadata[MARK]["edited"] = True


def path_of_marks(layer: Any) -> Path | None:
    """Return the file of marked cells; None of other layers."""
    return Path(layer.metadata[MARK]["path"]) if made(layer) == MARKS else None


def classes_of_marks(layer: Labels) -> tuple[str | None, ...]:
    """Return the class of each label number, from 1; none where the layer knows none."""
    return tuple(layer.metadata[MARK]["classes"]) if made(layer) == MARKS else ()
