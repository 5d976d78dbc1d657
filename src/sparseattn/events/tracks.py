"""Heaps of events followed from slice to slice: a track is a cell on its way."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sparseattn.events.blobs import Blobs

_GAP = 4
"""Slices that a cell may be missed in."""

_REACH = 0.7
"""Diameters that a cell may be away from where it was expected; one that is new may come from anywhere."""

_FAR = 1e9


@dataclass
class Track:
    """A cell in the slices that it was seen in.

    Attributes
    ----------
    times
        Middle of each slice, in µs.
    places
        y, x in pixels at each time.
    events
        Within the cell's width at each time.
    """

    times: list[float] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    events: list[float] = field(default_factory=list)

    def add(self, time: float, place: npt.NDArray[np.float64], events: float) -> None:
        """Add what was seen in one more slice."""
        self.times.append(time)
        self.places.append((float(place[0]), float(place[1])))
        self.events.append(events)

    def expected(self, time: float) -> tuple[float, float]:
        """Return y, x where the cell is if it goes on as in its last six slices."""
        times, places = np.array(self.times[-6:]), np.array(self.places[-6:])
        if len(times) < 3:
            return self.places[-1]
        slope = _slope(times, places)
        y, x = places.mean(axis=0) + slope * (time - times.mean())
        return float(y), float(x)


class Tracker:
    """Follows cells; give it the slices in the order of time.

    Parameters
    ----------
    diameter
        Of a cell in pixels.
    slice_us
        From slice to slice, in µs.
    """

    def __init__(self, diameter: float, slice_us: int) -> None:
        self._diameter, self._slice = diameter, slice_us
        self._under_way: list[Track] = []

    def step(self, time: float, blobs: Blobs) -> list[Track]:
        """Take the cells of a slice; return the tracks that have ended."""
        from scipy.optimize import linear_sum_assignment  # takes a second to load

        taken: set[int] = set()
        if self._under_way and len(blobs.centre):
            expected = np.array([track.expected(time) for track in self._under_way])
            distance = np.linalg.norm(expected[:, None] - blobs.centre[None], axis=2)
            # what was seen once may go anywhere, at up to a diameter a slice
            reach = [self._diameter * (_REACH if len(track.times) > 2 else 1.0) for track in self._under_way]
            cost = np.where(distance <= np.array(reach)[:, None], distance, _FAR)
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < _FAR:
                    self._under_way[row].add(time, blobs.centre[column], float(blobs.events[column]))
                    taken.add(int(column))
        ended = [track for track in self._under_way if time - track.times[-1] > _GAP * self._slice]
        self._under_way = [track for track in self._under_way if time - track.times[-1] <= _GAP * self._slice]
        for number in range(len(blobs.centre)):
            if number not in taken:
                track = Track()
                track.add(time, blobs.centre[number], float(blobs.events[number]))
                self._under_way.append(track)
        return ended

    def end(self) -> list[Track]:
        """Return the tracks that are still under way when the recording ends."""
        ended, self._under_way = self._under_way, []
        return ended


def _slope(times: npt.NDArray[np.float64], places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (2,) pixels a µs of the straight line through places (n, 2)."""
    centred = times - times.mean()
    slope: npt.NDArray[np.float64] = (centred[:, None] * (places - places.mean(axis=0))).sum(axis=0)
    return slope / max(float((centred**2).sum()), 1e-9)
