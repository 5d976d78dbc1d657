"""What comes in: cells, lazily, from files of any kind, and their preparation for the net.

Names are loaded when first used (PEP 562): opening cells needs neither torch nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.correction import Correction, remember
    from sparseattn.cells.crop import CropSettings, FieldCells, cut_cells
    from sparseattn.cells.field import Field
    from sparseattn.cells.fitting import PreparedCells, fit_prepare
    from sparseattn.cells.marks import Marks, cut_marked_cells, open_marks
    from sparseattn.cells.modality import Modality
    from sparseattn.cells.open import open_cells, open_field
    from sparseattn.cells.origin import Origin, Skipped
    from sparseattn.cells.passages import open_passages
    from sparseattn.cells.prepare import Prepare, PreparedBatch
    from sparseattn.cells.segment import SegmentSettings, find_cells
    from sparseattn.cells.size_check import size_predicts_class
    from sparseattn.cells.source_facts import Fact, SourceFacts, describe

__all__ = [
    "CellSet",
    "Correction",
    "CropSettings",
    "Fact",
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
    "SourceFacts",
    "cut_cells",
    "cut_marked_cells",
    "describe",
    "find_cells",
    "fit_prepare",
    "open_cells",
    "open_field",
    "open_marks",
    "open_passages",
    "remember",
    "size_predicts_class",
]

_HOMES = {
    "CellSet": "cellset",
    "Correction": "correction",
    "CropSettings": "crop",
    "Fact": "source_facts",
    "Field": "field",
    "FieldCells": "crop",
    "Marks": "marks",
    "Modality": "modality",
    "Origin": "origin",
    "Prepare": "prepare",
    "PreparedBatch": "prepare",
    "PreparedCells": "fitting",
    "SegmentSettings": "segment",
    "Skipped": "origin",
    "SourceFacts": "source_facts",
    "cut_cells": "crop",
    "cut_marked_cells": "marks",
    "describe": "source_facts",
    "find_cells": "segment",
    "fit_prepare": "fitting",
    "open_cells": "open",
    "open_field": "open",
    "open_marks": "marks",
    "open_passages": "passages",
    "remember": "correction",
    "size_predicts_class": "size_check",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
