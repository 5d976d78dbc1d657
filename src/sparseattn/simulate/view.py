"""What an instrument returns of one cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """One cell, seen.

    Attributes
    ----------
    image
        opd: (H, W) float32 in nm; events: (2, H, W) uint16 counts of on and off events; stained: (H, W, 3)
        uint8 RGB.
    labels
        (H, W) uint8: 0 background, 1 cytoplasm, 2 nucleus, 3 granule.
    events
        (E,) of dtype `sparseattn.events.event.EVENT`, in the order of time; None where the instrument has
        none.
    """

    image: NDArray[np.generic]
    labels: NDArray[np.uint8]
    events: NDArray[np.void] | None = None
