"""What the net looked at in one cell, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.prepare import Prepare
    from sparseattn.classifier import Classifier

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SelectedUnits:
    """The units of pixels that the net chose, in the order of selection: those of a smaller k come first.

    A unit is a square of ``unit_pixels`` x ``unit_pixels`` pixels of the net's grid; K units were chosen.

    Attributes
    ----------
    positions
        (K, 2) int64: row y and column x, in the net's grid, of the unit's top left pixel.
    boxes
        (K, 4) int64: y0, x0, y1, x1 (half open) of the whole unit in pixels of the original image.
    values
        (K, C) float32: mean over the unit of what the net saw, standardised, a column a channel.
    scores
        (K,) float32: coarse attention in 0..1 (sigmoid of the coarse logits).
    head_weights
        (heads, K) float32: fine attention of the CLS token; each row sums to 1.
    """

    positions: NDArray[np.int64]
    boxes: NDArray[np.int64]
    values: Floats
    scores: Floats
    head_weights: Floats

    @property
    def weights(self) -> Floats:
        """(K,) float32: fine attention averaged over the heads; sums to 1."""
        return np.asarray(self.head_weights.mean(axis=0), dtype=np.float32)

    def __len__(self) -> int:
        """Return K."""
        return len(self.positions)


@dataclass(frozen=True)
class Explanation:
    """One cell, its class, and the pixels and maps that decided.

    Attributes
    ----------
    cell_id, source, label, modality
        Which cell it is, its file (with the page in it), its known class, how it was imaged.
    image
        (C, H, W): the original, in the type and units of the file.
    channels
        Names of the channels of ``image``.
    prepare
        How ``image`` became the net's grid; its ``channels`` are those that the net saw.
    classes, probabilities
        Class names and their (classes,) float32 probabilities.
    in_distribution
        How alike the cell is to the training cells, 0 (unlike any) to 1.
    k
        Pixels of the net's grid that were asked for.
    unit_pixels, window_pixels
        Sides, in pixels of the net's grid, of a selectable unit and of its window: the raw values it brings.
    strict
        Whether the read pixels alone decided; not so for a net with context.
    selected
        The units chosen.
    coarse_grid
        (G, G) float32: coarse attention in 0..1 of every unit.
    pixel_size_um
        Side of a pixel of ``image`` in micrometres in the sample; None where it is not known.
    """

    cell_id: str
    source: str
    label: str | None
    modality: str
    image: NDArray[np.generic]
    channels: tuple[str, ...]
    prepare: Prepare
    classes: tuple[str, ...]
    probabilities: Floats
    in_distribution: float
    k: int
    unit_pixels: int
    window_pixels: int
    strict: bool
    selected: SelectedUnits
    coarse_grid: Floats
    pixel_size_um: float | None = None

    @property
    def predicted(self) -> str:
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of the predicted class."""
        return float(self.probabilities.max())

    @property
    def grid_pixels(self) -> int:
        """Pixels of the net's grid."""
        return self.prepare.size**2

    @property
    def selected_pixels(self) -> int:
        """Pixels of the net's grid that were selected: whole units."""
        return len(self.selected) * self.unit_pixels**2

    @property
    def read_pixels(self) -> int:
        """Pixels of the net's grid that the class was computed from: the selected ones and their windows."""
        return int(self.read_mask.sum())

    @property
    def selected_mask(self) -> NDArray[np.bool_]:
        """(size, size): the selected pixels in the net's grid."""
        return self._mask(margin=0)

    @property
    def read_mask(self) -> NDArray[np.bool_]:
        """(size, size): the selected pixels and their windows in the net's grid, cut off at its border."""
        return self._mask(margin=(self.window_pixels - self.unit_pixels) // 2)

    @property
    def fine_grid(self) -> Floats:
        """(G, G) float32: fine attention averaged over the heads, 0 where nothing was selected; sums to 1."""
        return np.asarray(self.head_grids.mean(axis=0), dtype=np.float32)

    @property
    def head_grids(self) -> Floats:
        """(heads, G, G) float32: fine attention of every head; each sums to 1."""
        heads = self.selected.head_weights
        grids = np.zeros((len(heads), *self.coarse_grid.shape), dtype=np.float32)
        rows, columns = (self.selected.positions // self.unit_pixels).T
        grids[:, rows, columns] = heads
        return grids

    @property
    def grid_lines(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(size + 1,) y and x of the lines of the net's grid on the original image, pixel centres whole."""
        rows, columns = self.prepare.place(self._shape, self.pixel_size_um)
        steps = np.arange(self.prepare.size + 1, dtype=np.float64)
        y = rows.first - 0.5 + (steps - rows.start) * (rows.length / rows.count)
        x = columns.first - 0.5 + (steps - columns.start) * (columns.length / columns.count)
        return y, x

    def on_original(self, grid: NDArray[np.generic]) -> Floats:
        """Return a map of units (G, G) or of pixels (size, size) as (H, W) float32 on the original image."""
        repeat = self.prepare.size // grid.shape[0]
        pixels = np.repeat(np.repeat(grid, repeat, axis=0), repeat, axis=1).astype(np.float32)
        return np.asarray(self.prepare.to_original(pixels, self._shape, self.pixel_size_um), dtype=np.float32)

    @property
    def _shape(self) -> tuple[int, int]:
        height, width = self.image.shape[-2:]
        return height, width

    def _mask(self, margin: int) -> NDArray[np.bool_]:
        mask = np.zeros((self.prepare.size, self.prepare.size), dtype=bool)
        for y, x in self.selected.positions:
            mask[
                max(y - margin, 0) : y + self.unit_pixels + margin,
                max(x - margin, 0) : x + self.unit_pixels + margin,
            ] = True
        return mask


def explain_cell(
    classifier: Classifier, cells: CellSet, index: int, *, k: int | None = None, force: bool = False
) -> Explanation:
    """Explain the classification of one cell.

    Parameters
    ----------
    classifier : Classifier
        The trained net with its classes and preparation.
    cells : CellSet
        Where the cell is.
    index : int
        Of the cell in ``cells``.
    k : int, optional
        Pixels of the net's grid to select, 1..size*size; the learned k where it is not given.
    force : bool
        See `Classifier.admit`.

    Returns
    -------
    Explanation
        The attention does not depend on a target class: one explanation serves all classes.

    Raises
    ------
    InputError
        If the model was not made for these channels or this modality, or k is out of range.
    CellError
        If the cell cannot be read or used.
    """
    from sparseattn.explain.explainer import CellExplainer

    return CellExplainer(classifier, cells, index, force=force).at(k)
