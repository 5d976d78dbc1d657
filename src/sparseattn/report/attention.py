"""Where the net looks on average, class by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells.spread_rows import spread_rows

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

Floats = NDArray[np.float32]
MOST_CELLS = 64
"""Cells a class: enough for a mean, and a second or two in all."""


@dataclass(frozen=True, eq=False)
class ClassAttention:
    """Means over cells that were given one class.

    Attributes
    ----------
    name : str
        The class.
    n : int
        Cells that the means are of; at least 1.
    image : ndarray
        (C, S, S) float32, mean image in the net's grid, in the units of the files.
    coarse : ndarray
        (G, G) float32, mean coarse attention, 0..1.
    chosen : ndarray
        (G, G) float32, share of the cells in which each unit of pixels was selected.
    fine : ndarray
        (G, G) float32, mean fine attention over cells and heads, 0 where not selected; sums to 1.
    """

    name: str
    n: int
    image: Floats
    coarse: Floats
    chosen: Floats
    fine: Floats


def mean_attention(
    classifier: Classifier,
    predictions: Predictions,
    *,
    most: int = MOST_CELLS,
    on_batch: Callable[[int, int], None] | None = None,
) -> tuple[ClassAttention, ...]:
    """Average images and attention over the cells that were given each class.

    Parameters
    ----------
    classifier : Classifier
        The model that answered.
    predictions : Predictions
        Its answers; k is theirs.
    most : int
        Cells a class, spread evenly over those of the class.
    on_batch : callable, optional
        Called after each batch with the number of cells that are done, and of all; what it raises ends it.

    Returns
    -------
    tuple of ClassAttention
        Classes that no cell was given are left out.
    """
    answered = predictions.probabilities.argmax(axis=1)
    wanted = [
        spread_rows(np.flatnonzero(answered == label), most) for label in range(len(predictions.classes))
    ]
    total, done = sum(map(len, wanted)), 0
    prepare = classifier.prepare
    mean = np.array(prepare.mean, dtype=np.float32)[:, None, None]
    std = np.array(prepare.std, dtype=np.float32)[:, None, None]
    averages = []
    for name, rows in zip(predictions.classes, wanted, strict=True):
        sums: list[Floats] = []
        n = 0
        for batch in prepare.batches(predictions.cells.subset(rows), MOST_CELLS):
            output = classifier.inspect(batch.images, predictions.k)
            coarse = output.coarse.sigmoid().numpy()
            chosen, fine = np.zeros_like(coarse), np.zeros_like(coarse)
            selected = output.selected.numpy()
            np.put_along_axis(chosen.reshape(len(coarse), -1), selected, 1, axis=1)
            weights = output.fine.mean(dim=1).numpy()
            np.put_along_axis(fine.reshape(len(coarse), -1), selected, weights, axis=1)
            parts = [batch.images.sum(axis=0), coarse.sum(axis=0), chosen.sum(axis=0), fine.sum(axis=0)]
            sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else parts
            n += len(batch.indices)
            if on_batch is not None:
                on_batch(done + n, total)
        done += len(rows)
        if n:
            image, coarse, chosen, fine = (one / np.float32(n) for one in sums)
            averages.append(ClassAttention(name, n, image * std + mean, coarse, chosen, fine))
    return tuple(averages)
