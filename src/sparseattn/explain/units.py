"""Where the units of the net's grid lie in the original image of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sparseattn.cells.prepare import Prepare


def unit_boxes(
    prepare: Prepare, shape: tuple[int, int], pixel_size_um: float | None, unit: int
) -> NDArray[np.int64]:
    """Return the box of each unit in the original, as ``Prepare.box`` gives it.

    Parameters
    ----------
    prepare : Prepare
        How the cell became the net's grid.
    shape : tuple of int
        (H, W) of the cell.
    pixel_size_um : float or None
        Side of its pixels in the sample.
    unit : int
        Side of a unit in pixels of the net's grid.

    Returns
    -------
    ndarray
        (G * G, 4) int64: y0, x0, y1, x1, half open; zeros in padding.
    """
    rows, columns = prepare.place(shape, pixel_size_um)
    starts = range(0, prepare.size, unit)
    down = np.array([rows.box(start, start + unit) for start in starts])
    across = np.array([columns.box(start, start + unit) for start in starts])
    boxes = np.stack(
        [
            np.repeat(down, len(across), axis=0)[:, 0],
            np.tile(across, (len(down), 1))[:, 0],
            np.repeat(down, len(across), axis=0)[:, 1],
            np.tile(across, (len(down), 1))[:, 1],
        ],
        axis=1,
    )
    boxes[(boxes[:, 0] == boxes[:, 2]) | (boxes[:, 1] == boxes[:, 3])] = 0
    return boxes.astype(np.int64)


def box_shares(mask: NDArray[np.bool_], boxes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return which share of each box of original pixels a mask covers; 0 for the empty box of padding.

    Parameters
    ----------
    mask : ndarray
        (H, W) bool on the original image.
    boxes : ndarray
        (n, 4) int64: y0, x0, y1, x1, half open.

    Returns
    -------
    ndarray
        (n,) float32.
    """
    sums: NDArray[Any] = np.pad(mask.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    y0, x0, y1, x1 = boxes.T
    inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return np.asarray(inside / np.maximum((y1 - y0) * (x1 - x0), 1), dtype=np.float32)


def unit_shares(mask: NDArray[np.bool_], boxes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return which share of each unit's original pixels a mask covers; 0 in padding.

    Parameters
    ----------
    mask : ndarray
        (H, W) bool on the original image.
    boxes : ndarray
        (G * G, 4) of `unit_boxes`.

    Returns
    -------
    ndarray
        (G, G) float32.
    """
    side = round(len(boxes) ** 0.5)
    return box_shares(mask, boxes).reshape(side, side)
