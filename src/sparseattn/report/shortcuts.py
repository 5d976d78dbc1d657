"""What speaks for a shortcut, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparseattn.cells.frame_check import frame_cues
from sparseattn.cells.spread_rows import spread_rows
from sparseattn.explain.frame import follows_the_frame

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

MOST_CELLS = 400
"""Cells that are looked at: a second or two."""


def shortcut_warnings(classifier: Classifier, predictions: Predictions) -> tuple[str, ...]:
    """Return a sentence for each class that the frame of the pictures gives away, or that the model goes by.

    The frames are compared with what the model answers, so that no class needs to be known.

    Parameters
    ----------
    classifier : Classifier
        The model.
    predictions : Predictions
        Its answers.
    """
    some = predictions.subset(spread_rows(np.arange(len(predictions)), MOST_CELLS))
    cues = frame_cues(some.cells, [str(name) for name in some.predicted])
    return (
        *(cue.warning for cue in cues),
        *follows_the_frame(classifier, some.cells, k=some.k, force=True).warnings,
    )
