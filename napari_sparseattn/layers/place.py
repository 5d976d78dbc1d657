"""Where a cell's pixels lie in the world of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.workspace import Placement

if TYPE_CHECKING:
    from napari.layers import Image, Layer

Matrix = NDArray[np.float64]
"""(3, 3): y, x, 1 in pixels -> y, x, 1 in the world."""


def cell_to_world(source: Image | None, placement: Placement) -> Matrix:
    """Return the matrix from a cell's pixels to the last two axes of the world."""
    if source is None:
        return np.eye(3)
    leading = (*placement.leading, *(0,) * source.ndim)[: source.ndim - 2]
    top, left = placement.offset
    corner = _world(source, (*leading, top, left))
    down = _world(source, (*leading, top + 1, left)) - corner
    right = _world(source, (*leading, top, left + 1)) - corner
    matrix = np.eye(3)
    matrix[:2, 0], matrix[:2, 1], matrix[:2, 2] = down, right, corner
    # Differences of large numbers: a scale of 0.2 is to come out as 0.2, and no shear as none.
    scale = np.abs(matrix[:2, :2]).max()
    matrix[:2, :2][np.abs(matrix[:2, :2]) < 1e-9 * scale] = 0
    if not matrix[0, 1] and not matrix[1, 0] and _is_plain(source):
        matrix[[0, 1], [0, 1]] = source.scale[-2:]
    return matrix


def pixel_size_um(layer: Image) -> float | None:
    """Return the side of a pixel of an image in micrometres, where its scale has such a unit."""
    try:
        size = float((layer.scale[-1] * layer.units[-1]).to("um").magnitude)
    except Exception:  # a unit that is no length: pixels
        return None
    return size if size > 0 else None


def put(layer: Layer, matrix: Matrix) -> None:
    """Place a two-dimensional layer by a matrix: by scale and translate where they suffice."""
    if matrix[0, 1] or matrix[1, 0]:
        _set(layer, "affine", matrix)
        return
    _set(layer, "scale", np.diag(matrix)[:2])
    _set(layer, "translate", matrix[:2, 2])


def placed(matrix: Matrix) -> dict[str, Matrix]:
    """Return the keywords that make a new layer lie where `put` would place it."""
    if matrix[0, 1] or matrix[1, 0]:
        return {"affine": matrix}
    return {"scale": np.diag(matrix)[:2], "translate": matrix[:2, 2]}


def scaled(matrix: Matrix, scale: tuple[float, float], translate: tuple[float, float]) -> Matrix:
    """Return the matrix for data of which one step is `scale` pixels and 0 lies at `translate`."""
    inner = np.diag([*scale, 1.0])
    inner[:2, 2] = translate
    return matrix @ inner


def _world(source: Image, position: tuple[float, ...]) -> Matrix:
    return np.asarray(source.data_to_world(position), dtype=np.float64)[-2:]


def _is_plain(source: Image) -> bool:
    return bool(np.allclose(source.affine.affine_matrix, np.eye(source.ndim + 1)))


def _set(layer: Layer, name: str, value: Matrix) -> None:
    present = np.asarray(getattr(layer, name))
    if present.shape != value.shape or not np.array_equal(present, value):
        setattr(layer, name, value)
