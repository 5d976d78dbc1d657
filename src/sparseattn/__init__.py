"""Which cell is this, and which pixels say so: sparse attention classification of cell images.

Names are loaded when first used (PEP 562), so that ``import sparseattn`` stays fast and torch and pandas are
imported only by what needs them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.cells import CellSet, Prepare, open_cells
    from sparseattn.classifier import Classifier
    from sparseattn.errors import InputError
    from sparseattn.learn.fit import fit
    from sparseattn.learn.options import TrainingOptions
    from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

    __version__: str

__all__ = [
    "CellSet",
    "Classifier",
    "InputError",
    "Prepare",
    "SparseAttnNet",
    "SparseAttnNetConfig",
    "TrainingOptions",
    "__version__",
    "fit",
    "open_cells",
]

_HOMES = {
    "CellSet": "sparseattn.cells",
    "Classifier": "sparseattn.classifier",
    "InputError": "sparseattn.errors",
    "Prepare": "sparseattn.cells",
    "SparseAttnNet": "sparseattn.net",
    "SparseAttnNetConfig": "sparseattn.net",
    "TrainingOptions": "sparseattn.learn.options",
    "fit": "sparseattn.learn.fit",
    "open_cells": "sparseattn.cells",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # a tenth of a second

        try:
            return version("napari-sparseattn")
        except PackageNotFoundError:  # a source tree on the path, not installed
            return "0+unknown"
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
