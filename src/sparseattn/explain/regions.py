"""An explanation as regions of the picture: the selected pixels, and where each map is high."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.outlines import Polygon, mask_polygons

if TYPE_CHECKING:
    from sparseattn.explain.explanation import Explanation

HELD = 0.5
"""A map's region is the smallest that holds so much of the map."""

SELECTED, COARSE, FINE = "selected pixels", "coarse attention", "fine attention"
COLOURS = {SELECTED: (213, 94, 0), COARSE: (230, 159, 0), FINE: (204, 121, 167)}  # Okabe and Ito's palette
CELL_COLOUR = (0, 114, 178)


@dataclass(frozen=True)
class Region:
    """A region of a picture.

    Attributes
    ----------
    name
        What it is, and of which cell.
    classification
        Class, or class and what of it: "neutrophil: selected pixels".
    polygons
        Each an outer line and its holes, (n, 2) x, y on the edges of pixels: (0, 0) is the top left corner of
        the picture.
    score
        Probability of the class that the cell was given, 0 to 1.
    colour
        Red, green and blue, 0 to 255.
    measurements
        Further numbers, by name.
    plane
        Of a field of several planes, from 0.
    """

    name: str
    classification: str
    polygons: tuple[Polygon, ...]
    score: float
    colour: tuple[int, int, int]
    measurements: dict[str, float] = field(default_factory=dict)
    plane: int = 0

    def moved(self, y: int, x: int, plane: int = 0) -> Region:
        """Return the same in a larger picture, where this one's first pixel is pixel (y, x)."""
        corner = np.array([x, y])
        moved = tuple(tuple(line + corner for line in polygon) for polygon in self.polygons)
        return replace(self, polygons=moved, plane=plane)


def explanation_regions(explanation: Explanation, held: float = HELD) -> tuple[Region, ...]:
    """Return the selected pixels and the thresholded maps as regions of the original picture.

    Parameters
    ----------
    explanation : Explanation
        Of one cell.
    held : float
        Share of each map, above its lowest value, that its region holds: the highest pixels first.

    Returns
    -------
    tuple of Region
        Selected pixels, coarse attention, fine attention. The lines lie on the edges of the pixels, so that
        a region covers whole pixels of the original.
    """
    chosen = np.zeros(explanation.image.shape[-2:], dtype=bool)
    for y0, x0, y1, x1 in explanation.selected.boxes.tolist():
        chosen[y0:y1, x0:x1] = True
    fine = explanation.on_original(explanation.fine_grid)
    masks = {
        SELECTED: chosen,
        COARSE: highest(explanation.on_original(explanation.coarse_grid), held),
        FINE: highest(fine, held) & chosen,
    }
    return tuple(
        Region(
            name=f"{explanation.cell_id} {what}",
            classification=f"{explanation.predicted}: {what}",
            polygons=mask_polygons(mask),
            score=explanation.confidence,
            colour=COLOURS[what],
            measurements={
                "pixels": float(mask.sum()),
                "share of the fine attention": _share(fine, mask),
                "in distribution": explanation.in_distribution,
            },
        )
        for what, mask in masks.items()
    )


def cell_region(explanation: Explanation, outline: NDArray[np.bool_]) -> Region:
    """Return the cell itself as a region of its picture.

    Parameters
    ----------
    outline : ndarray
        (H, W) bool: where it is.
    """
    return Region(
        name=explanation.cell_id,
        classification=explanation.predicted,
        polygons=mask_polygons(outline),
        score=explanation.confidence,
        colour=CELL_COLOUR,
        measurements={"pixels": float(outline.sum()), "in distribution": explanation.in_distribution},
    )


def highest(values: NDArray[np.float32], held: float) -> NDArray[np.bool_]:
    """Return where a map (H, W) is highest: the fewest pixels that hold a share of it above its lowest value.

    NaN is nowhere. A map that is the same everywhere is high nowhere.
    """
    above = np.nan_to_num(values - np.nanmin(values), nan=0.0).astype(np.float64)
    order = np.argsort(-above, axis=None, kind="stable")
    sums = above.ravel()[order].cumsum()
    if sums[-1] <= 0:
        return np.zeros(values.shape, dtype=bool)
    last = order[min(int(np.searchsorted(sums, held * sums[-1])), len(order) - 1)]
    found: NDArray[np.bool_] = (above >= above.ravel()[last]) & (above > 0)  # ties come in together
    return found


def _share(fine: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    total = float(np.nansum(fine))
    return float(np.nansum(fine[mask])) / total if total > 0 else 0.0
