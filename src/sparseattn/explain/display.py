"""A cell of any channels and number type as a picture for the eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RGB = ("red", "green", "blue")
# Okabe and Ito's palette: told apart with any common colour vision, and from the grey of a first channel.
COMPOSITE_COLOURS = {"orange": (0.90, 0.62, 0.0), "sky blue": (0.34, 0.71, 0.91), "pink": (0.80, 0.47, 0.65)}
MOST_COMPOSITE_CHANNELS = 3


@dataclass(frozen=True)
class Picture:
    """A cell made visible.

    Attributes
    ----------
    colour
        (H, W, 3) float32 in 0..1.
    grey
        (H, W) float32 in 0..1: what maps are laid over.
    limits
        Values, in the file's units, shown as black and white where one channel is shown; else None.
    legend
        Channel name and RGB colour of every channel shown; empty for an RGB image.
    """

    colour: Floats
    grey: Floats
    limits: tuple[float, float] | None
    legend: tuple[tuple[str, tuple[float, float, float]], ...]


def picture(image: NDArray[np.generic], channels: tuple[str, ...], modality: str) -> Picture:
    """Make a cell visible.

    RGB is shown as it is. One channel is shown in grey between its 0.5 and 99.5 percentiles. Of two or
    three channels the first is shown in grey with the others laid over it in colour; where all are fluorescence,
    each has a colour. Of more channels the first is shown.

    Parameters
    ----------
    image : ndarray
        (C, H, W), any number type.
    channels : tuple of str
        Their names.
    modality : str
        How the cell was imaged.

    Returns
    -------
    Picture
    """
    if channels[:3] == RGB:
        colour = _rgb(image[:3])
        return Picture(colour, np.asarray(colour @ np.float32([0.299, 0.587, 0.114])), None, ())
    scaled = [_between_percentiles(channel) for channel in image]
    first, limits = scaled[0]
    if len(channels) == 1 or len(channels) > MOST_COMPOSITE_CHANNELS:
        return Picture(
            np.repeat(first[..., None], 3, axis=2), first, limits, ((channels[0], (0.35, 0.35, 0.35)),)
        )
    greys = 0 if modality == "fluorescence" else 1
    names, colours = channels[greys:], list(COMPOSITE_COLOURS.values())[: len(channels) - greys]
    # A bright first channel would swallow colours added to it.
    mixed = 0.6 * greys * np.repeat(first[..., None], 3, axis=2)
    for (layer, _), tint in zip(scaled[greys:], colours, strict=True):
        mixed = mixed + layer[..., None] * np.float32(tint)
    legend = (((channels[0], (0.35, 0.35, 0.35)),) if greys else ()) + tuple(zip(names, colours, strict=True))
    return Picture(np.clip(mixed, 0, 1).astype(np.float32), first, None, legend)


def _rgb(image: NDArray[np.generic]) -> Floats:
    colour = np.moveaxis(image, 0, -1).astype(np.float32)
    if image.dtype == np.uint8:
        return colour / 255
    if np.issubdtype(image.dtype, np.floating) and colour.min() >= 0 and colour.max() <= 1:
        return colour
    return _between_percentiles(colour)[0]  # one range for the three, so that the hue stays


def _between_percentiles(values: NDArray[np.generic]) -> tuple[Floats, tuple[float, float]]:
    values = values.astype(np.float32)
    low, high = (float(limit) for limit in np.percentile(values, [0.5, 99.5]))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    spread = high - low or 1.0
    return np.clip((values - low) / spread, 0, 1).astype(np.float32), (low, high)
