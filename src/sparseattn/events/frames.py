"""A recording as frames of event counts, for people to look at: each is counted when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparseattn.events.representations import histogram
from sparseattn.events.store import EventStore

USUAL_FRAMES = 500
SHORTEST_US = 100


@dataclass(frozen=True, eq=False)
class EventFrames:
    """Frames of one length, from the first event to the last.

    Attributes
    ----------
    store
        The events.
    frame_us
        µs that a frame lasts.
    """

    store: EventStore
    frame_us: int

    @classmethod
    def of(cls, store: EventStore, frame_us: int | None = None) -> EventFrames:
        """Return frames of so many µs; of a round time that makes some hundred frames where None."""
        if frame_us is None:
            least = max(store.duration / USUAL_FRAMES, SHORTEST_US)
            power = 10 ** int(np.floor(np.log10(least)))
            frame_us = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
        return cls(store, frame_us)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, 2, H, W): frames, on and off, rows, columns."""
        return self.store.duration // self.frame_us + 1, 2, *self.store.size

    def frame(self, number: int) -> npt.NDArray[np.uint16]:
        """Return the counts (2, H, W) of one frame, on events first."""
        start = self.store.start + number * self.frame_us
        return histogram(self.store.between(start, start + self.frame_us), self.store.size)
