"""Which pixels of an image of one cell are the cell's own, where nobody has said so."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.measure import distance_from_ground
from sparseattn.cells.threshold import otsu

_LARGEST_SIDE = 160
"""In larger images every second, third ... pixel is looked at: the outline hardly changes, and it is fast."""
_SMOOTHING = 1.0  # pixels
_BRIDGE = 0.02
"""What joins the cell to a neighbour is cut where it is thinner than twice this share of the image's side."""

Mask = npt.NDArray[np.bool_]


def find_own_pixels(image: npt.NDArray[Any]) -> Mask:
    """Return a guess at the outline of the cell in the middle of an image.

    What differs most from the ground, the median of the image's border, is a core. Around it, no farther than
    its own radius, what differs at all is the cell, cut off at thin bridges and without holes.

    Overlap with true masks (mean intersection over union): 0.93 of 247 stained blood cells outlined by hand;
    of simulated cells 0.83 (stained), 0.95 (phase) and 0.61 (events, where it takes a rim with it). Where
    red cells lie close around a white one its pale rim is missed, and a neighbour that it touches broadly
    counts in part.

    Parameters
    ----------
    image
        (C, H, W), any real type.

    Returns
    -------
    ndarray
        (H, W) bool; nothing where the image is flat.
    """
    from scipy.ndimage import binary_fill_holes, gaussian_filter

    step = -(-max(image.shape[1:]) // _LARGEST_SIDE)
    distance = gaussian_filter(distance_from_ground(image[:, ::step, ::step]), _SMOOTHING)
    if not distance.max() > distance.min():
        return np.zeros(image.shape[1:], dtype=bool)
    threshold = otsu(distance)
    core = _middle_piece(distance > threshold)
    pale = distance[distance <= threshold]
    faintest = otsu(pale) if pale.max() > pale.min() else threshold
    piece = _without_bridges((distance > faintest) & _within(core, float(np.sqrt(core.sum() / np.pi))))
    own = binary_fill_holes(piece) if piece.any() else core
    whole = np.repeat(np.repeat(own, step, axis=0), step, axis=1)
    return np.asarray(whole[: image.shape[1], : image.shape[2]], dtype=bool)


def _middle_piece(inside: Mask) -> Mask:
    """Return the connected piece that comes nearest to the middle."""
    from scipy.ndimage import label

    pieces, count = label(inside)
    if count == 0:
        return inside
    rows, columns = (np.arange(length) - (length - 1) / 2 for length in inside.shape)
    from_middle = np.where(inside, np.hypot(rows[:, None], columns), np.inf)
    return np.asarray(pieces == pieces.flat[from_middle.argmin()])


def _within(mask: Mask, reach: float) -> Mask:
    """Return the pixels no farther from a mask than ``reach``, at least 2."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask) <= max(reach, 2.0))


def _without_bridges(inside: Mask) -> Mask:
    """Return the piece in the middle once thin bridges between pieces are cut."""
    from scipy.ndimage import distance_transform_edt

    reach = max(1, round(min(inside.shape) * _BRIDGE))
    piece = _middle_piece(distance_transform_edt(inside) > reach)
    return np.asarray(distance_transform_edt(~piece) <= reach) if piece.any() else piece
