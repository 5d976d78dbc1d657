"""What one event is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

EVENT = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.uint8)])
"""t in µs; x and y in pixels from the upper left; p 1 for on (brighter), 0 for off (darker)."""

Events = npt.NDArray[np.void]
"""(E,) of dtype `EVENT`."""


def events_of(t: npt.ArrayLike, x: npt.ArrayLike, y: npt.ArrayLike, p: npt.ArrayLike) -> Events:
    """Return (E,) events from their four columns, each (E,)."""
    t = np.asarray(t)
    events = np.empty(len(t), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p
    return events
