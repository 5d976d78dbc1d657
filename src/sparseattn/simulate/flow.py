"""An event camera above a channel: one cell after the other flows through the field, on known paths.

Each cell is seen as by `sparseattn.simulate.events`, on a strip of the sensor as high as its picture; where
strips overlap their events are put together, as if each cell were alone. Cells keep some way apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparseattn.events.event import Events
from sparseattn.simulate.cell_model import CELL_TYPES, grow
from sparseattn.simulate.columns import OVERSAMPLING, project
from sparseattn.simulate.events import (
    FIELD,
    REFRACTORY,
    background_activity,
    out_of_focus,
    refractory,
    threshold_crossings,
)

PICTURE = 64
"""Pixels along each side of what is computed of a cell, `FIELD` µm wide."""

_STEP = 0.6
"""Pixels that a cell moves from frame to frame: the light is computed there, events fall between."""

_TRIES = 200


@dataclass(frozen=True)
class KnownPassage:
    """A simulated cell on its way.

    Attributes
    ----------
    class_name
        Its type.
    start, stop
        µs at which its centre enters and leaves the field.
    first, last
        (y, x) in pixels of its centre at these times; straight and even in between.
    """

    class_name: str
    start: float
    stop: float
    first: tuple[float, float]
    last: tuple[float, float]

    def place(self, time: float) -> tuple[float, float]:
        """Return (y, x) of the centre at a time in µs; beyond the field before and after."""
        share = (time - self.start) / (self.stop - self.start)
        y, x = (a + share * (b - a) for a, b in zip(self.first, self.last, strict=True))
        return y, x


def simulate_flow(
    cells: int,
    random: np.random.Generator,
    *,
    shape: tuple[int, int] = (120, 320),
    duration: float = 1_000_000,
    apart: float = 36.0,
    glaring: int = 3,
) -> tuple[Events, list[KnownPassage]]:
    """Simulate a recording of cells that flow along x.

    Parameters
    ----------
    cells
        How many.
    random
        Source of all variation.
    shape
        (H, W) of the sensor in pixels of 0.375 µm; at least 64 high.
    duration
        µs.
    apart
        Pixels that two cells keep from each other; cells that find no room are left out.
    glaring
        Pixels that fire all the time.

    Returns
    -------
    events : (E,) of dtype `sparseattn.events.event.EVENT`
        In the order of time.
    passages : list of KnownPassage
        In the order of their starts.
    """
    passages = _plan(cells, random, shape, duration, apart)
    threshold = 0.055 * np.exp(random.uniform(-0.3, 0.3))
    thresholds = threshold * np.exp(random.normal(0, 0.12, (2, *shape)))
    parts = [_see(passage, random, shape, duration, thresholds) for passage in passages]
    side = max(shape)
    noise = background_activity(random.uniform(2, 12), side, duration, random)
    parts.append(noise[(noise["y"] < shape[0]) & (noise["x"] < shape[1])])
    for _ in range(glaring):
        hot = background_activity(random.uniform(500, 3000), 1, duration, random)
        hot["y"], hot["x"] = random.integers(0, shape[0]), random.integers(0, shape[1])
        parts.append(hot)
    events = np.concatenate(parts)
    return refractory(events, REFRACTORY), passages


def _plan(
    cells: int, random: np.random.Generator, shape: tuple[int, int], duration: float, apart: float
) -> list[KnownPassage]:
    """Draw passages that keep their distance at all times; some cells are a little quicker than others."""
    height, width = shape
    usual = random.uniform(1.0, 3.0) / 1000  # pixels a µs
    planned: list[KnownPassage] = []
    for _ in range(cells):
        for _ in range(_TRIES):
            speed = usual * random.uniform(0.85, 1.15)
            time = width / speed
            start = random.uniform(0.01 * duration, max(0.99 * duration - time, 0.02 * duration))
            y = random.uniform(PICTURE / 4, height - 1 - PICTURE / 4)
            drift = random.normal(0, 3)
            last_y = float(np.clip(y + drift, PICTURE / 4, height - 1 - PICTURE / 4))
            kind = CELL_TYPES[random.integers(len(CELL_TYPES))].name
            one = KnownPassage(kind, start, start + time, (y, 0.0), (last_y, width - 1.0))
            if all(_keep_apart(one, other, apart) for other in planned):
                planned.append(one)
                break
    return sorted(planned, key=lambda passage: passage.start)


def _keep_apart(one: KnownPassage, other: KnownPassage, apart: float) -> bool:
    margin = 0.15 * (one.stop - one.start)
    start, stop = max(one.start, other.start) - margin, min(one.stop, other.stop) + margin
    return all(
        np.hypot(*np.subtract(one.place(time), other.place(time))) >= apart
        for time in (np.linspace(start, stop, 8) if start < stop else ())
    )


def _see(
    passage: KnownPassage,
    random: np.random.Generator,
    shape: tuple[int, int],
    duration: float,
    thresholds: NDArray[np.floating],
) -> Events:
    """Return the events of one cell, from where its picture enters the field to where it has left."""
    height, width = shape
    cell_type = next(kind for kind in CELL_TYPES if kind.name == passage.class_name)
    cell = grow(cell_type, random)
    columns = project(cell, random, PICTURE, FIELD)
    contrast = (out_of_focus(cell, columns, random) - 1).astype(np.float32)
    speed = (width - 1) / (passage.stop - passage.start)
    begin = max(passage.start - PICTURE / 2 / speed, 0)
    end = min(passage.stop + PICTURE / 2 / speed, duration)
    frames = max(round((end - begin) * speed / _STEP), 2)
    times = np.linspace(begin, end, frames)
    rows = sorted((passage.first[0], passage.last[0]))
    top = max(int(rows[0] - PICTURE / 2), 0)
    bottom = min(int(rows[1] + PICTURE / 2) + 2, height)
    light = np.stack([_placed(contrast, passage.place(time), (top, bottom), width) for time in times])
    events = threshold_crossings(
        np.log(1 + light + 0.02), thresholds[:, top:bottom], float(end - begin), random
    )
    events["y"] += top
    events["t"] += round(begin)
    return events


def _placed(
    contrast: NDArray[np.float32], centre: tuple[float, float], rows: tuple[int, int], width: int
) -> NDArray[np.float32]:
    """Return a strip (rows, width) of the sensor with the picture, centred at (y, x); 0 elsewhere."""
    down = _spread(contrast.shape[0], centre[0] - rows[0], rows[1] - rows[0])
    across = _spread(contrast.shape[1], centre[1], width)
    return np.asarray(down @ contrast @ across.T, np.float32)


def _spread(points: int, centre: float, pixels: int) -> NDArray[np.float32]:
    """Return the matrix (pixels, points) that lays a line of fine points on pixels around `centre`."""
    # where each fine point falls, in pixels; it is shared between the two nearest
    place = (np.arange(points) - (points - 1) / 2) / OVERSAMPLING + centre
    below = np.floor(place).astype(int)
    share = place - below
    matrix = np.zeros((pixels, points), np.float32)
    for pixel, weight in ((below, 1 - share), (below + 1, share)):
        inside = (pixel >= 0) & (pixel < pixels)
        matrix[pixel[inside], np.flatnonzero(inside)] += weight[inside] / OVERSAMPLING
    return matrix
