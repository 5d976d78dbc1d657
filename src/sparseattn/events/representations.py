"""Events as images: two-polarity histogram, time surface, voxel grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.events.event import Events
from sparseattn.events.settings import EventSettings

Shape = tuple[int, int]


def histogram(events: Events, shape: Shape) -> npt.NDArray[np.uint16]:
    """Return (2, H, W) counts, on events first; more than 65535 count as so many."""
    places = _places(events, shape) + (1 - events["p"].astype(np.int64)) * (shape[0] * shape[1])
    counts = np.bincount(places, minlength=2 * shape[0] * shape[1])
    return np.minimum(counts, 65535).astype(np.uint16).reshape(2, *shape)


def time_surface(events: Events, shape: Shape, start: int, stop: int) -> npt.NDArray[np.float32]:
    """Return (2, H, W): exp(-age / decay) of the last on and off event at `stop`; 0 where there was none.

    Parameters
    ----------
    events
        In the order of time.
    shape
        (H, W) in pixels.
    start, stop
        Of the window in µs; a third of it is the decay.
    """
    decay = max(stop - start, 1) / 3
    surface = np.zeros((2, *shape), np.float32)
    # of equal indices numpy keeps the last: the latest event of the pixel
    surface[1 - events["p"].astype(np.int64), events["y"], events["x"]] = np.exp((events["t"] - stop) / decay)
    return surface


def voxel_grid(events: Events, shape: Shape, start: int, stop: int, bins: int) -> npt.NDArray[np.float32]:
    """Return (bins, H, W): polarity (-1, 1) shared between the two nearest moments (Zhu et al. 2019).

    Parameters
    ----------
    events, shape, start, stop
        As for `time_surface`.
    bins
        Moments, evenly from start to stop.
    """
    moment = (bins - 1) * (events["t"] - start) / max(stop - start, 1)
    before = np.clip(np.floor(moment).astype(np.int64), 0, bins - 2)
    late = np.clip(moment - before, 0, 1)
    sign = 2.0 * events["p"] - 1
    area = shape[0] * shape[1]
    places = _places(events, shape) + before * area
    grid = np.bincount(places, sign * (1 - late), bins * area)
    grid += np.bincount(places + area, sign * late, bins * area)
    return grid.astype(np.float32).reshape(bins, *shape)


def image_of(events: Events, shape: Shape, settings: EventSettings) -> npt.NDArray[Any]:
    """Return (C, H, W) of the events of one cell, as the settings say.

    Parameters
    ----------
    events
        In the order of time, on the pixels of the image.
    shape
        (H, W) of the image.
    settings
        Representation and window.
    """
    events, start, stop = window_of(events, settings)
    if settings.representation == "histogram":
        return histogram(events, shape)
    if settings.representation == "time_surface":
        return time_surface(events, shape, start, stop)
    return voxel_grid(events, shape, start, stop, settings.bins)


def window_of(events: Events, settings: EventSettings) -> tuple[Events, int, int]:
    """Return the events that count, and the window's start and stop in µs."""
    if not len(events):
        return events, 0, 1
    first, last = int(events["t"][0]), int(events["t"][-1])
    if settings.window_us is not None:
        start = (first + last - settings.window_us) // 2
        stop = start + settings.window_us
        low, high = np.searchsorted(events["t"], [start, stop])
        return events[low:high], start, stop
    if settings.window_events is not None:
        middle = int(np.searchsorted(events["t"], (first + last) // 2))
        low = min(max(middle - settings.window_events // 2, 0), max(len(events) - settings.window_events, 0))
        events = events[low : low + settings.window_events]
    return events, int(events["t"][0]), int(events["t"][-1])


def _places(events: Events, shape: Shape) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = events["y"].astype(np.int64) * shape[1] + events["x"]
    return places
