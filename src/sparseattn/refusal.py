"""When no class is to be named: the cell is like none that taught the model, or the model is not sure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.predictions import Predictions


@dataclass(frozen=True)
class Refusal:
    """Below which figures a cell is "other": of no class of the model, or not surely of one.

    Attributes
    ----------
    least_familiar
        Of `Predictions.in_distribution`, 0 to 1. Of cells like those that the model was taught with, about
        this share is refused.
    least_confidence
        Of `Predictions.confidence`, 0 to 1.
    """

    least_familiar: float = 0.05
    least_confidence: float = 0.5

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= 1:
                raise InputError(f"{name} is {value:g}; give 0 to 1.")

    def refused(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Return (n,) which cells of the predictions are "other"."""
        unlike = predictions.in_distribution < self.least_familiar
        unsure = predictions.confidence < self.least_confidence
        refused: NDArray[np.bool_] = unlike | unsure
        return refused

    def numbers(self, predictions: Predictions) -> NDArray[np.int64]:
        """Return (n,) the number of each cell's class: 1 for the first, one past the last for "other"."""
        classes = predictions.probabilities.argmax(axis=1) + 1
        numbers: NDArray[np.int64] = np.where(
            self.refused(predictions), len(predictions.classes) + 1, classes
        ).astype(np.int64)
        return numbers

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)
