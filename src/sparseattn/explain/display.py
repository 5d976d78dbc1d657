"""A cell of any channels and number type as a picture for the eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RGB = ("red", "green", "blue")
# Okabe and Ito's palette: told apart with any common colour vision, and from the grey of a first channel.
COMPOSITE_COLOURS = ((0.90, 0.62, 0.0), (0.34, 0.71, 0.91), (0.80, 0.47, 0.65))  # orange, sky blue, pink
GREY = (0.35, 0.35, 0.35)  # of a channel shown in grey, in the legend
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
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


Limits = tuple[tuple[float, float], ...]
"""For each channel the values, in the file's units, that are shown as black and as white."""


def channel_limits(image: NDArray[Any], channels: tuple[str, ...], modality: str) -> Limits:
    """Return what `picture` takes for black and white of a cell where it is not told: see there.

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
    tuple of (float, float)
        One a channel; the same for red, green and blue, so that the hue stays.
    """
    if channels[:3] == RGB:
        return (_percentiles(image[:3], 0.5),) * len(channels)
    coloured = _coloured_from(channels, modality)
    # What is coloured is bright on a dark ground: the darker half is ground, whose noise is not to shine.
    return tuple(
        _percentiles(channel, 50 if number >= coloured else 0.5) for number, channel in enumerate(image)
    )


def _coloured_from(channels: tuple[str, ...], modality: str) -> int:
    """Return the first channel that is shown in a colour: all from there on are."""
    if len(channels) == 1 or len(channels) > MOST_COMPOSITE_CHANNELS:
        return len(channels)
    return 0 if modality in ("fluorescence", "events") else 1


def picture(
    image: NDArray[Any], channels: tuple[str, ...], modality: str, limits: Limits | None = None
) -> Picture:
    """Make a cell visible.

    RGB is shown as it is. One channel is shown in grey between its 0.5 and 99.5 percentiles. Of two or three
    channels the first is shown in grey and the others over it in colour, from their medians up; where all are
    fluorescence or events, each has a colour. Of more channels the first is shown.

    Parameters
    ----------
    image : ndarray
        (C, H, W), any number type.
    channels : tuple of str
        Their names.
    modality : str
        How the cell was imaged.
    limits : tuple of (float, float), optional
        One a channel, as `channel_limits` gives them: the same for several cells makes their brightness
        comparable. RGB of type uint8, or of numbers from 0 to 1, is shown as it is in any case.

    Returns
    -------
    Picture
    """
    if channels[:3] == RGB:
        colour = _rgb(image[:3], None if limits is None else limits[0])
        return Picture(colour, colour @ np.array(LUMINANCE, dtype=np.float32), None, ())
    greys = _coloured_from(channels, modality)
    first_limits = _percentiles(image[0], 0.5) if limits is None or not greys else limits[0]
    first = _scaled(image[0], first_limits)
    in_grey = np.repeat(first[..., None], 3, axis=2)
    if greys == len(channels):
        return Picture(in_grey, first, first_limits, ((channels[0], GREY),))
    limits = limits or channel_limits(image, channels, modality)
    legend = ((channels[0], GREY),) * greys + tuple(zip(channels[greys:], COMPOSITE_COLOURS, strict=False))
    mixed = 0.6 * greys * in_grey  # a bright first channel would swallow colours added to it
    for channel, between, (_, tint) in zip(image[greys:], limits[greys:], legend[greys:], strict=True):
        layer = _scaled(channel, between)
        mixed = mixed + layer[..., None] * np.array(tint, dtype=np.float32)
    return Picture(mixed.clip(0, 1), first, None, legend)


def _rgb(image: NDArray[Any], limits: tuple[float, float] | None) -> Floats:
    colour = np.moveaxis(image, 0, -1).astype(np.float32)
    if image.dtype == np.uint8:
        return colour / np.float32(255)
    if image.dtype.kind == "f" and colour.min() >= 0 and colour.max() <= 1:
        return colour
    # one range for the three, so that the hue stays
    return _scaled(colour, limits or _percentiles(colour, 0.5))


def _percentiles(values: NDArray[Any], low: float) -> tuple[float, float]:
    black, white = (float(limit) for limit in np.percentile(values.astype(np.float32), [low, 99.5]))
    return (black, white) if black < white else (float(values.min()), float(values.max()))


def _scaled(values: NDArray[Any], limits: tuple[float, float]) -> Floats:
    black, white = limits
    scaled: Floats = ((values.astype(np.float32) - black) / (white - black or 1.0)).clip(0, 1)
    return scaled
