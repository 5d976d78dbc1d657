"""One cell as a small picture, from pixels of any type; knows no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells.measure_phase import is_path_difference
from sparseattn.errors import CellError
from sparseattn.explain.display import Limits, channel_limits, picture

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

Picture = NDArray[np.uint8]

_SIDE = 160
_FADED = 0.3
"""How much is left of the contrast of pixels that were not selected."""


_LOOKED_AT = 64
"""Cells from which the contrast of all is taken."""
_WHITE = 95
"""So many of a hundred cells are nowhere brighter than white."""


def shared_limits(cells: CellSet) -> Limits | None:
    """Return a contrast for all cells, so that a brighter cell looks brighter; None where none can be read.

    Black is that of the middle one of some cells from all over the set, white that of the brighter ones.
    """
    found = []
    for index in np.unique(np.linspace(0, len(cells) - 1, _LOOKED_AT).astype(int)).tolist():
        try:
            image = cells.read(index)
        except CellError:
            continue
        found.append(channel_limits(_smaller(image, _factor(image)), cells.channels, cells.modality))
    if not found:
        return None
    black, white = np.moveaxis(np.array(found, dtype=np.float64), -1, 0)
    pairs = zip(np.median(black, axis=0).tolist(), np.percentile(white, _WHITE, axis=0).tolist(), strict=True)
    return tuple(pairs)


def thumbnail(cells: CellSet, index: int, limits: Limits | None = None) -> Picture:
    """Return (h, w, 3): the cell made smaller by a whole factor, with its own contrast unless one is given.

    Raises
    ------
    CellError
        Where the cell cannot be read.
    """
    image = cells.read(index)
    return _to_bytes(_coloured(_smaller(image, _factor(image)), cells, limits))


def thumbnail_of_selected(
    cells: CellSet,
    model_cells: CellSet,
    classifier: Classifier,
    k: int,
    index: int,
    limits: Limits | None = None,
    *,
    force: bool = False,
) -> Picture:
    """Return the thumbnail with all but the selected pixels faded.

    Raises
    ------
    InputError
        Where the cell cannot be read, or the model is not made for it.
    """
    import torch

    from sparseattn.explain import explain_cell

    torch.set_num_threads(1)  # of this thread; see classify_job.py
    boxes = explain_cell(classifier, model_cells, index, k=k, force=force).selected.boxes
    image = cells.read(index)
    mask = np.zeros((1, *image.shape[1:]), np.float32)
    for y0, x0, y1, x1 in boxes:
        mask[0, y0:y1, x0:x1] = 1
    factor = _factor(image)
    colour = _coloured(_smaller(image, factor), cells, limits)
    chosen = _smaller(mask, factor)[0][..., None]
    middle = np.float32(0.5)
    return _to_bytes(colour * chosen + (middle + _FADED * (colour - middle)) * (1 - chosen))


def _coloured(image: NDArray[Any], cells: CellSet, limits: Limits | None) -> NDArray[np.float32]:
    """Return (h, w, 3) in 0..1; path differences in the colours that they have on the canvas."""
    shown = picture(image, cells.channels, cells.modality, limits)
    if not is_path_difference(cells):
        return shown.colour
    from matplotlib import colormaps

    return colormaps["viridis"](shown.grey)[..., :3].astype(np.float32)


def _factor(image: NDArray[Any]) -> int:
    return max(1, round(max(image.shape[1:]) / _SIDE))


def _smaller(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return means over squares of pixels, in the image's own type: what it means stays."""
    if factor == 1:
        return image
    channels, height, width = image.shape
    height, width = max(height // factor, 1), max(width // factor, 1)
    tiles = image[:, : height * factor, : width * factor]
    if tiles.shape[1] < height * factor or tiles.shape[2] < width * factor:  # thinner than one square
        return image[:, ::factor, ::factor]
    means = tiles.reshape(channels, height, factor, width, factor).mean(axis=(2, 4), dtype=np.float32)
    return means.astype(image.dtype)


def _to_bytes(colour: NDArray[np.float32]) -> Picture:
    return np.ascontiguousarray((colour * 255 + 0.5).astype(np.uint8))
