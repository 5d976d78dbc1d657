"""Is it looking at the background: how much of the attention lies outside the cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.units import unit_boxes, unit_shares

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

SUSPICIOUS = 0.5
"""Share of the fine attention outside the cell from which on a cell is named."""


@dataclass(frozen=True)
class Outside:
    """Where the attention of n cells lies, by their masks; NaN for a cell without one.

    Attributes
    ----------
    attention
        (n,) float32: share of the fine attention on units outside the cell.
    selected
        (n,) float32: share of the selected pixels outside the cell.
    chance
        (n,) float32: share of the image outside the cell.
    """

    attention: NDArray[np.float32]
    selected: NDArray[np.float32]
    chance: NDArray[np.float32]

    def suspicious(self, most: float = SUSPICIOUS) -> NDArray[np.int64]:
        """Return the rows of cells of which more than ``most`` of the attention lies outside, worst first."""
        rows = np.flatnonzero(self.attention > most)
        order: NDArray[np.int64] = rows[np.argsort(-self.attention[rows], kind="stable")]
        return order

    def warning(self, most: float = SUSPICIOUS) -> str | None:
        """Return one plain sentence where more than one cell in twenty is suspicious, else None."""
        known = int(np.isfinite(self.attention).sum())
        named = len(self.suspicious(most))
        if named <= max(1, known / 20):
            return None
        return (
            f"in {named} of {known} cells more than {100 * most:.0f} % of the attention lies outside the "
            "cell: the model may go by the background (marks, focus, brightness) and not by the cells"
        )


def outside_cell(
    classifier: Classifier, cells: CellSet, masks: list[NDArray[np.bool_] | None] | None = None
) -> Outside:
    """Compare where a model looks with where the cells are.

    Parameters
    ----------
    classifier : Classifier
        The model.
    cells : CellSet
        The cells, at least one.
    masks : list of ndarray or None, optional
        (H, W) bool of each cell, True where the cell is; the cells' own masks where it is not given.

    Raises
    ------
    InputError
        If the model was not made for such cells.
    """
    cells = classifier.admit(cells).cells
    found = np.full((3, len(cells)), np.nan, dtype=np.float32)
    unit = classifier.net.config.cell_size
    for batch in classifier.prepare.batches(cells):
        output = classifier.inspect(batch.images)
        fine = output.fine.mean(dim=1).numpy()
        for row, index in enumerate(batch.indices):
            mask = cells.mask(int(index)) if masks is None else masks[index]
            if mask is None:
                continue
            boxes = unit_boxes(classifier.prepare, mask.shape, cells.pixel_sizes_um[index], unit)
            beyond = 1 - unit_shares(mask, boxes).ravel()
            chosen = output.selected[row].numpy()
            found[:, index] = (fine[row] * beyond[chosen]).sum(), beyond[chosen].mean(), beyond.mean()
    return Outside(*found)
