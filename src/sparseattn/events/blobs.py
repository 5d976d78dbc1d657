"""Where cells are in a short slice of events: round heaps of events, about as wide as a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparseattn.events.event import Events

_BLOCKS_ACROSS = 6
"""Blocks of pixels along the diameter of a cell: what cells are looked for in."""

_DEVIATIONS = 6.0
"""How far a heap rises above the noise."""

_LEAST_EVENTS = 20
_MOST_CELLS = 200
_SHIFTS = 4
_APART = 0.75
"""Diameters within which two heaps are one cell: its leading and its trailing edge."""


@dataclass(frozen=True)
class Blobs:
    """The n cells of a slice.

    Attributes
    ----------
    centre
        (n, 2) y, x in pixels.
    events
        (n,) events within the cell's width.
    """

    centre: npt.NDArray[np.float64]
    events: npt.NDArray[np.float64]


class BlobFinder:
    """Finds cells of one diameter on a sensor of which the noise is known.

    Parameters
    ----------
    size
        (H, W) of the sensor.
    diameter
        Of a cell in pixels.
    """

    def __init__(self, size: tuple[int, int], diameter: float) -> None:
        self._diameter = diameter
        self._side = max(round(diameter / _BLOCKS_ACROSS), 1)
        self._shape = tuple(-(-length // self._side) for length in size)
        self._width = max(round(1.1 * diameter / self._side), 1)
        self._noise: npt.NDArray[np.float64] = np.zeros(self._shape)

    def counts(self, events: Events) -> npt.NDArray[np.float64]:
        """Return how many events each block of pixels has."""
        rows, columns = self._shape
        place = (events["y"] // self._side).astype(np.int64) * columns + events["x"] // self._side
        return np.bincount(place, minlength=rows * columns).reshape(rows, columns).astype(np.float64)

    def learn_noise(self, slices: list[npt.NDArray[np.float64]]) -> None:
        """Take the median of many slices' counts as what each block has without a cell, glaring pixels too.

        Where most slices have no event the median is 0: there the mean of the lower nine tenths is taken.
        """
        ordered = np.sort(np.stack(slices), axis=0)
        lower = ordered[: max(len(ordered) * 9 // 10, 1)]
        self._noise = np.minimum(ordered[len(ordered) // 2] + 1, lower.mean(axis=0))

    def find(self, events: Events) -> Blobs:
        """Return the cells of a slice."""
        from scipy.ndimage import uniform_filter  # takes a second to load

        if len(events) < _LEAST_EVENTS:
            return Blobs(np.empty((0, 2)), np.empty(0))
        counts = self.counts(events)
        area = self._width**2
        noise = uniform_filter(self._noise, self._width, mode="constant") * area
        limit = np.maximum(noise + _DEVIATIONS * np.sqrt(noise + 1), _LEAST_EVENTS)
        above = np.maximum(counts - self._noise, 0)
        centres: list[tuple[float, float]] = []
        totals: list[float] = []
        while len(centres) < _MOST_CELLS:
            excess = uniform_filter(counts, self._width, mode="constant") * area - limit
            top_y, top_x = (int(place) for place in np.unravel_index(int(excess.argmax()), excess.shape))
            if excess[top_y, top_x] <= 0:
                break
            y, x, total = self._settled(above, top_y, top_x)
            if total >= _LEAST_EVENTS:
                centres.append(((y + 0.5) * self._side - 0.5, (x + 0.5) * self._side - 0.5))
                totals.append(total)
            for place_y, place_x in ((y, x), (top_y, top_x)):
                near = self._within(place_y, place_x, _APART * self._diameter)
                counts[near] = above[near] = 0
        return Blobs(np.array(centres).reshape(-1, 2), np.array(totals))

    def _settled(self, counts: npt.NDArray[np.float64], y: float, x: float) -> tuple[float, float, float]:
        """Shift a disc as wide as a cell to the mean of the events in it, until it stays."""
        total = 0.0
        for _ in range(_SHIFTS):
            near = self._within(y, x, 0.6 * self._diameter)
            weights = counts[near]
            total = float(weights.sum())
            if not total:
                break
            moved = float((near[0] * weights).sum()) / total, float((near[1] * weights).sum()) / total
            stays = abs(moved[0] - y) + abs(moved[1] - x) < 0.1
            y, x = moved
            if stays:
                break
        return y, x, total

    def _within(self, y: float, x: float, radius: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the rows and columns of the blocks whose centres are so many pixels near."""
        reach = radius / self._side
        low_y, high_y = max(int(y - reach), 0), min(int(y + reach) + 2, self._shape[0])
        low_x, high_x = max(int(x - reach), 0), min(int(x + reach) + 2, self._shape[1])
        rows, columns = np.mgrid[low_y:high_y, low_x:high_x]
        inside = (rows - y) ** 2 + (columns - x) ** 2 <= reach**2
        return rows[inside], columns[inside]
