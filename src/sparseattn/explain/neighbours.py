"""Have I seen such a cell: the labelled cells that the net finds most alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

_BATCH = 64
"""Cells between two looks at whether to stop."""


@dataclass(frozen=True)
class FeatureTable:
    """What the net reads off each of n cells: the feature that its last layer decides by.

    Attributes
    ----------
    features
        (n, D) float32.
    rows
        (n,) int64 rows of the cells that they came from.
    """

    features: NDArray[np.float32]
    rows: NDArray[np.int64]

    def nearest(
        self, features: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of the nearest cells of each of m features, the nearest first, and how alike.

        Parameters
        ----------
        features : ndarray
            (m, D).
        count : int
            How many of each; fewer where there are not so many.

        Returns
        -------
        rows, likeness : ndarray
            (m, count) int64 and float32: cosine of the angle between the features, 1 for the same cell.
        """
        likeness = _unit(features) @ _unit(self.features).T
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        return self.rows[order], np.take_along_axis(likeness, order, axis=1).astype(np.float32)


def feature_table(
    classifier: Classifier,
    cells: CellSet,
    *,
    force: bool = False,
    on_cells: Callable[[int, int], None] | None = None,
) -> FeatureTable:
    """Return the net's features of cells, at the learned k; those that cannot be read are left out.

    Parameters
    ----------
    classifier : Classifier
        The model.
    cells : CellSet
        A batch of their pixels is in memory at once.
    force : bool
        See `Classifier.admit`.
    on_cells : callable, optional
        Called after each batch with the number of cells that are done, and of all; it may raise to stop.

    Raises
    ------
    InputError
        If the model was not made for such cells, or none can be read.
    """
    cells = classifier.admit(cells, force=force).cells
    features, rows = [], []
    for batch in classifier.prepare.batches(cells, _BATCH):
        features.append(classifier.inspect(batch.images).feature.float().numpy())
        rows.append(batch.indices)
        if on_cells is not None:
            on_cells(int(batch.indices[-1]) + 1, len(cells))
    if not rows:
        raise InputError(f"none of the {len(cells)} cells can be read")
    return FeatureTable(np.concatenate(features), np.concatenate(rows))


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12), dtype=np.float32)
