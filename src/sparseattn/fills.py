"""What stands in for pixels that are taken away: what is chosen decides what a removal test says."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

Fill = Literal["mean", "blur", "background"]
FILLS: tuple[Fill, ...] = get_args(Fill)

Images = NDArray[np.float32]

_BLUR = 1 / 8  # of the side of the image: what is left is where the cell is, not what it is
_FRAME = 1 / 16  # of the side of the image: about there is no cell


def fill_images(images: Images, fill: str, *, seed: int = 0) -> Images:
    """Return images to take pixels from where those of the cells are removed.

    Parameters
    ----------
    images : ndarray
        (N, C, S, S) float32, standardised.
    fill : str
        ``mean``: the mean of the training cells, which is 0. ``blur``: the cell itself, blurred by an eighth
        of its side. ``background``: pixels drawn at random from a narrow frame at the border of the same
        image, all channels of a pixel together.
    seed : int
        Of the drawing.

    Returns
    -------
    ndarray
        (N, C, S, S) float32.

    Raises
    ------
    InputError
        For another name.
    """
    if fill == "mean":
        return np.zeros_like(images)
    if fill == "blur":
        from scipy.ndimage import gaussian_filter

        reach = images.shape[-1] * _BLUR
        blurred: Images = gaussian_filter(images, (0, 0, reach, reach), mode="nearest")
        return blurred
    if fill == "background":
        pixels = frame_pixels(images)
        drawn = np.random.default_rng(seed).integers(
            pixels.shape[2], size=(len(images), 1, images.shape[2] * images.shape[3])
        )
        return np.take_along_axis(pixels, drawn, axis=2).reshape(images.shape)
    raise InputError(f"there is no fill-in {fill!r}; choose from {', '.join(FILLS)}")


def frame_pixels(images: Images) -> Images:
    """Return the pixels of a narrow frame at the border: (N, C, pixels)."""
    size = images.shape[-1]
    width = max(1, round(size * _FRAME))
    frame = np.ones((size, size), dtype=bool)
    frame[width:-width, width:-width] = False
    return images[:, :, frame]
