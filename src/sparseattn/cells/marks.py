"""Where the cells of a field are, as others mark them: a label image, boxes or polygons, with classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.crop import CropSettings, FieldCells, check_labels, cut_cells
from sparseattn.cells.field import Field
from sparseattn.cells.open import open_field
from sparseattn.cells.origin import shown
from sparseattn.cells.readers import outlines
from sparseattn.cells.readers.outlines import Mark
from sparseattn.errors import InputError

_FLAT = 0.8
"""Of two pixels side by side on cells, so many have one number in a label image; in a picture few have."""


@dataclass(frozen=True)
class Marks:
    """The marked cells of a field.

    Attributes
    ----------
    labels
        Their label image.
    classes
        Class of each label number, from 1; empty for a label image, which names none.
    """

    labels: Field
    classes: tuple[str | None, ...] = ()


@dataclass(frozen=True, eq=False)
class _Painted:
    """Marks as a label image, painted where looked at: large ones first, so that small ones stay seen."""

    path: Path
    shape: tuple[int, int]
    marks: tuple[Mark, ...]
    order: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]

    def read(self, row: int) -> npt.NDArray[Any]:
        return self.window(row, slice(None), slice(None))

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        (y0, y1, _), (x0, x1, _) = rows.indices(self.shape[0]), columns.indices(self.shape[1])
        labels = np.zeros((1, y1 - y0, x1 - x0), np.int32)
        box = self.boxes
        here = (box[:, 0] < y1) & (box[:, 2] > y0) & (box[:, 1] < x1) & (box[:, 3] > x0)
        for number in self.order[here[self.order]]:
            self.marks[number].paint(labels[0], (y0, x0), int(number) + 1)
        return labels


def open_marks(path: str | Path, field: Field, *, layout: str | None = None) -> Marks:
    """Open what marks the cells of a field.

    Parameters
    ----------
    path
        A label image of any kind that `open_field` opens; YOLO boxes or polygons (.txt, with the names of the
        classes in a classes.txt beside it or in the folder above); COCO (.json), of which the entries of this
        field's file name count; GeoJSON in pixels, as QuPath writes it (.geojson, .json).
    field
        The field that they lie on. Boxes and polygons are of a field of one plane.
    layout
        Of a label image.

    Raises
    ------
    InputError
        When the file cannot be used, or marks no cell of the field.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in outlines.SUFFIXES:
        return Marks(open_field(path, layout=layout))
    if field.planes != 1:
        raise InputError(
            f"{shown(path)} marks the cells of one plane and {shown(field.name)} has {field.planes}; give "
            f"a label image with as many."
        )
    try:
        marks = outlines.read_marks(path, field.path.name, field.shape)
    except (ValueError, OSError) as error:
        raise InputError(f"{shown(path)} cannot be used: {shown(error)}.") from None
    if not marks:
        raise InputError(f"{shown(path)} marks no cell that lies on {shown(field.name)}.")
    boxes = np.array([mark.box for mark in marks], np.int64)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    labels = Field(
        name=path.name,
        channels=("intensity",),
        modality="unknown",
        planes=1,
        shape=field.shape,
        dtype=np.dtype(np.int32),
        _source=_Painted(path, field.shape, tuple(marks), np.argsort(-area, kind="stable"), boxes),
    )
    return Marks(labels, tuple(mark.class_name for mark in marks))


def looks_like_labels(path: str | Path, field: Field) -> bool:
    """Whether a file is a label image of a field rather than a picture: numbers are flat on each cell."""
    try:
        labels = open_field(path)
        check_labels(field, labels)
    except InputError:
        return False
    for plane in range(labels.planes):
        numbers = labels.plane(plane)[0]
        left, right = numbers[:, :-1], numbers[:, 1:]
        beside = (left > 0) & (right > 0)
        if beside.any():
            return bool((left == right)[beside].mean() >= _FLAT)
    return False


def cut_marked_cells(
    field: Field,
    marks: Marks,
    settings: CropSettings | None = None,
    *,
    planes: Sequence[int] | None = None,
) -> FieldCells:
    """Cut the marked cells out of a field, as `sparseattn.cells.cut_cells` does; their classes go with them.

    A mark that others cover wholly is no cell.
    """
    found = cut_cells(field, marks.labels, settings, planes=planes)
    if not any(marks.classes):
        return found
    return found.with_cells(found.cells.with_labels([marks.classes[number - 1] for number in found.label]))
