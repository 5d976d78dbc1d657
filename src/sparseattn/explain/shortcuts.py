"""Is it looking at the background: how much of the attention lies outside the cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import CellError
from sparseattn.explain.units import box_shares, unit_boxes, unit_shares

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.explain.explanation import Explanation

_BATCH = 64
"""Cells between two looks at whether to stop."""

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

    @property
    def known(self) -> int:
        """Number of cells of which it is known."""
        return int(np.isfinite(self.attention).sum())

    def suspicious(self, most: float = SUSPICIOUS) -> NDArray[np.int64]:
        """Return the rows of cells of which more than ``most`` of the attention lies outside, worst first."""
        rows = np.flatnonzero(self.attention > most)
        order: NDArray[np.int64] = rows[np.argsort(-self.attention[rows], kind="stable")]
        return order

    def warning(self, most: float = SUSPICIOUS) -> str | None:
        """Return one plain sentence where more than one cell in twenty is suspicious, else None."""
        known, named = self.known, len(self.suspicious(most))
        if named <= max(1, known / 20):
            return None
        return (
            f"in {named} of {known} cells more than {100 * most:.0f} % of the attention lies outside the "
            "cell: the model may go by the background (marks, focus, brightness) and not by the cells"
        )


def own_mask(cells: CellSet, index: int) -> NDArray[np.bool_] | None:
    """Return which pixels are a cell's own: its mask, else what `find_own_pixels` finds.

    Returns
    -------
    ndarray or None
        (H, W) bool; None where the cell cannot be read, or nothing is found in it.
    """
    from sparseattn.cells.own_pixels import find_own_pixels

    mask = cells.mask(index)
    if mask is None:
        try:
            mask = find_own_pixels(cells.read(index))
        except CellError:
            return None
    return mask if mask.any() else None


def attention_outside(explanation: Explanation, mask: NDArray[np.bool_]) -> float:
    """Return the share of one cell's fine attention outside it, 0 to 1.

    Parameters
    ----------
    explanation : Explanation
        Of the cell, at any k.
    mask : ndarray
        (H, W) bool, True where the cell is.
    """
    beyond = 1 - box_shares(mask, explanation.selected.boxes)
    return float((explanation.selected.weights * beyond).sum().clip(0, 1))


def outside_cell(
    classifier: Classifier,
    cells: CellSet,
    masks: list[NDArray[np.bool_] | None] | None = None,
    *,
    find: bool = False,
    force: bool = False,
    on_cells: Callable[[int, int], None] | None = None,
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
    find : bool
        Guess the masks of cells that have none; see `own_mask`.
    force : bool
        See `Classifier.admit`.
    on_cells : callable, optional
        Called after each batch with the number of cells that are done, and of all; it may raise to stop.

    Raises
    ------
    InputError
        If the model was not made for such cells.
    """
    cells = classifier.admit(cells, force=force).cells
    mask_of = own_mask if find else type(cells).mask
    found = np.full((3, len(cells)), np.nan, dtype=np.float32)
    unit = classifier.net.config.cell_size
    for batch in classifier.prepare.batches(cells, _BATCH):
        output = classifier.inspect(batch.images)
        fine = output.fine.mean(dim=1).numpy()
        for row, index in enumerate(batch.indices):
            mask = mask_of(cells, int(index)) if masks is None else masks[index]
            if mask is None:
                continue
            boxes = unit_boxes(classifier.prepare, mask.shape, cells.pixel_sizes_um[index], unit)
            beyond = 1 - unit_shares(mask, boxes).ravel()
            chosen = output.selected[row].numpy()
            attention = (fine[row] * beyond[chosen]).sum().clip(0, 1)
            found[:, index] = attention, beyond[chosen].mean(), beyond.mean()
        if on_cells is not None:
            on_cells(int(batch.indices[-1]) + 1, len(cells))
    return Outside(*found)
