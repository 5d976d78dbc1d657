"""What comes in: cells, lazily, from files of any kind, and their preparation for the net.

Names are loaded when first used (PEP 562): opening cells needs neither torch nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.crop import CropSettings, FieldCells, cut_cells
    from sparseattn.cells.field import Field
    from sparseattn.cells.marks import Marks, cut_marked_cells, open_marks
    from sparseattn.cells.modality import Modality
    from sparseattn.cells.open import open_cells, open_field
    from sparseattn.cells.origin import Origin, Skipped
    from sparseattn.cells.passages import open_passages
    from sparseattn.cells.prepare import Prepare, PreparedBatch, PreparedCells, fit_prepare
    from sparseattn.cells.segment import SegmentSettings, find_cells
    from sparseattn.cells.size_check import size_predicts_class

__all__ = [
    "CellSet",
    "CropSettings",
    "Field",
    "FieldCells",
    "Marks",
    "Modality",
    "Origin",
    "Prepare",
    "PreparedBatch",
    "PreparedCells",
    "SegmentSettings",
    "Skipped",
    "cut_cells",
    "cut_marked_cells",
    "find_cells",
    "fit_prepare",
    "open_cells",
    "open_field",
    "open_marks",
    "open_passages",
    "size_predicts_class",
]

_HOMES = {
    "CellSet": "cellset",
    "CropSettings": "crop",
    "Field": "field",
    "FieldCells": "crop",
    "Marks": "marks",
    "Modality": "modality",
    "Origin": "origin",
    "Prepare": "prepare",
    "PreparedBatch": "prepare",
    "PreparedCells": "prepare",
    "SegmentSettings": "segment",
    "Skipped": "origin",
    "cut_cells": "crop",
    "cut_marked_cells": "marks",
    "find_cells": "segment",
    "fit_prepare": "prepare",
    "open_cells": "open",
    "open_field": "open",
    "open_marks": "marks",
    "open_passages": "passages",
    "size_predicts_class": "size_check",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
