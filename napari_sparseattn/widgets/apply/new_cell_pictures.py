"""Pictures of cells that just came, with the pixels that the model selected; made in a thread."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sparseattn.widgets.thumbnail_picture import Picture, thumbnail, thumbnail_of_selected
from sparseattn.errors import CellError, InputError

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.scale.watch.following import NewCell

_FILES_KEPT = 16


def picture_of(cell: NewCell, classifier: Classifier | None, k: int) -> Picture:
    """Return the picture of a cell; all but the selected pixels faded, where the model is at hand.

    Raises
    ------
    InputError
        Where its file is gone, or cannot be read.
    """
    path, row = cell.place()
    cells = _opened(path, cell.modified_ns)
    index = 0 if row is None else next((i for i, one in enumerate(cells.origins) if one.index == row), -1)
    if not 0 <= index < len(cells):
        raise CellError(f"{cell.source} is not there any more")
    if classifier is None:
        return thumbnail(cells, index)
    try:
        admitted = classifier.admit(cells, force=True).cells
        return thumbnail_of_selected(cells, admitted, classifier, k, index, force=True)
    except CellError:
        raise
    except InputError:  # the table is of another model's cells
        return thumbnail(cells, index)


@lru_cache(maxsize=_FILES_KEPT)
def _opened(path: Path, modified_ns: int) -> CellSet:
    from sparseattn.cells import open_cells

    return open_cells(path)
