"""Which cells to label next, from the cells themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.learn.acquire import most_telling, most_typical

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

_BATCH = 128

FEWEST_TAUGHT = 30
"""With fewer cells of a kind, what a model is unsure of says little, and typical cells are asked for."""


def suggest(
    classifier: Classifier,
    cells: CellSet,
    count: int,
    *,
    taught: int,
    k: int | None = None,
    force: bool = False,
    seed: int = 0,
    on_batch: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Return the cells whose labels would teach a model most.

    They are the typical ones of each kind (`sparseattn.learn.acquire.most_typical`) until the model has been
    taught with some of these cells, from then on those of which it is unsure (`most_telling`).

    Parameters
    ----------
    classifier : Classifier
        The model as it is.
    cells : CellSet
        The n cells to choose from, without labels; those that cannot be read are never chosen.
    count : int
        How many.
    taught : int
        How many cells of this source the model was taught with.
    k : int, optional
        Selected pixels; the learned k where it is not given.
    force : bool
        See `Classifier.admit`.
    seed : int
        Of the drawing.
    on_batch : callable, optional
        Called with the number of cells that are done, and of all; what it raises ends the work.

    Returns
    -------
    ndarray
        (count,) int64 rows of ``cells``, in the order in which to label them.

    Raises
    ------
    InputError
        Where the model was not made for such cells.
    """
    cells = classifier.admit(cells, force=force).cells
    rows, probabilities, features = [], [], []
    for batch in classifier.prepare.batches(cells, _BATCH):
        output = classifier.inspect(batch.images, k)
        rows.append(batch.indices)
        probabilities.append(classifier.probabilities(output.logits).numpy())
        features.append(output.feature.numpy())
        if on_batch is not None:
            on_batch(int(batch.indices[-1]) + 1, len(cells))
    if not rows:
        return np.zeros(0, np.int64)
    reads = np.concatenate(features)
    if taught < FEWEST_TAUGHT:
        chosen = most_typical(reads, count, seed=seed)
    else:
        chosen = most_telling(np.concatenate(probabilities), reads, count, seed=seed)
    suggested: NDArray[np.int64] = np.concatenate(rows)[chosen]
    return suggested
