"""Open the model that a command was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier


def load_model(path: Path) -> Classifier:
    """Load a model; a file that is none is refused before torch is imported, which takes seconds."""
    from sparseattn.model_file import ModelFile

    ModelFile(path)

    from sparseattn.classifier import Classifier

    return Classifier.load(path)
