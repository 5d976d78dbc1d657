"""An event camera: a living cell, out of focus so that it can be seen, flows through the field."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sparseattn.events.event import EVENT, events_of
from sparseattn.events.representations import histogram
from sparseattn.simulate.cell_model import Cell
from sparseattn.simulate.columns import OVERSAMPLING, Columns, project
from sparseattn.simulate.opd import MEDIUM_INDEX, path_difference
from sparseattn.simulate.optics import through_lens
from sparseattn.simulate.view import View

FIELD = 24.0  # µm
WAVELENGTH = 0.53  # µm, green light-emitting diode
APERTURE = 0.65
REFRACTORY = 100  # µs
FRAMES = 20  # the light is computed at so many times; events fall between them


def see(cell: Cell, random: np.random.Generator, size: int) -> View:
    """Record a cell that flows through the middle of the field.

    Returns
    -------
    View
        Image (2, size, size) uint16: the on and the off events of each pixel. Labels: at half time.
    """
    turn, travel = random.uniform(0, 2 * np.pi), random.uniform(1.0, 1.8)
    duration = travel / random.uniform(0.7, 2.0) * 1000  # µs, at 0.7 to 2 µm a millisecond
    centre = random.uniform(-3.5, 3.5, 2)
    columns = project(cell, random, size, FIELD, centre=(float(centre[0]), float(centre[1])))

    light = out_of_focus(cell, columns, random)

    # A straight path with a slight bend, through the centre at half time.
    along, bend = np.linspace(-0.5, 0.5, FRAMES), random.normal(0, 0.5)
    path_y = travel * along * np.sin(turn) + bend * along**2 * np.cos(turn)
    path_x = travel * along * np.cos(turn) - bend * along**2 * np.sin(turn)
    contrast = (light - 1).astype(np.float32)
    frames = 1 + np.stack(
        [
            _shift(size, y / columns.step) @ contrast @ _shift(size, x / columns.step).T
            for y, x in zip(path_y, path_x, strict=True)
        ]
    )
    threshold = 0.055 * np.exp(random.uniform(-0.45, 0.45))  # as the camera's biases are set
    thresholds = threshold * np.exp(random.normal(0, 0.12, (2, size, size)))  # no two pixels are alike
    crossings = threshold_crossings(np.log(frames + 0.02), thresholds, duration, random)
    noise = background_activity(random.uniform(2, 12), size, duration, random)
    events = refractory(np.concatenate([crossings, noise]), REFRACTORY)
    return View(image=histogram(events, (size, size)), labels=columns.labels(), events=events)


def out_of_focus(cell: Cell, columns: Columns, random: np.random.Generator) -> NDArray[np.floating]:
    """Return the light (S, S) on the fine grid, 1 where there is no cell; how far out of focus is drawn."""
    wave = np.exp(2j * np.pi / (1000 * WAVELENGTH) * path_difference(cell, columns))
    defocus = float(random.choice([-1, 1])) * random.uniform(0.8, 1.8)
    seen = through_lens(
        wave, columns.step, wavelength=WAVELENGTH, aperture=APERTURE, index=MEDIUM_INDEX, defocus=defocus
    )
    # The diode is a disc of 0.1 aperture: out of focus, each of its points shifts the picture.
    return np.asarray(ndimage.gaussian_filter(np.abs(seen) ** 2, 0.5 * 0.1 * abs(defocus) / columns.step))


def _shift(size: int, by: float) -> NDArray[np.float32]:
    """Return the matrix (size, 2 size) that moves a line by so many fine points and averages over pixels."""
    points = np.arange(size * OVERSAMPLING)
    weights = np.maximum(0, 1 - np.abs(points[:, None] - by - points))
    return np.asarray(weights.reshape(size, OVERSAMPLING, -1).mean(1), np.float32)


def threshold_crossings(
    brightness: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    duration: float,
    random: np.random.Generator,
) -> NDArray[np.void]:
    """Return the events of pixels that watch a changing log intensity.

    A pixel remembers the level of its last event; it fires when the brightness has moved one threshold away
    from it. Between frames the brightness is linear in time: an event is where the line meets the level.

    Parameters
    ----------
    brightness
        (T, H, W) natural logarithm of the intensity, evenly spaced in time.
    thresholds
        (2, H, W) contrast thresholds of the on and the off events, positive.
    duration
        From the first to the last frame, in µs.
    random
        Draws what each pixel remembers at the start.

    Returns
    -------
    (E,) array of dtype `EVENT`, in no order.
    """
    interval = duration / (len(brightness) - 1)
    remembered = brightness[0] + random.uniform(-0.9, 0.9, brightness.shape[1:]) * thresholds.min(0)
    batches = [np.empty(0, EVENT)]
    for frame, (before, after) in enumerate(pairwise(brightness)):
        for polarity, sign, threshold in ((1, 1, thresholds[0]), (0, -1, thresholds[1])):
            fired = np.maximum(np.floor(sign * (after - remembered) / threshold), 0)
            for nth in range(1, int(fired.max()) + 1):
                y, x = np.nonzero(fired >= nth)
                level = remembered[y, x] + sign * nth * threshold[y, x]
                share = (level - before[y, x]) / (after[y, x] - before[y, x])
                time = np.rint((frame + np.clip(share, 0, 1)) * interval)
                batches.append(events_of(time, x, y, np.full(len(x), polarity)))
            remembered = remembered + sign * fired * threshold
    return np.concatenate(batches)


def background_activity(
    rate: float, size: int, duration: float, random: np.random.Generator
) -> NDArray[np.void]:
    """Return events without a cause: Poisson, ``rate`` a pixel and second, over ``duration`` µs."""
    count = random.poisson(rate * size**2 * duration / 1e6)
    x, y = random.integers(0, size, (2, count))
    return events_of(np.rint(random.uniform(0, duration, count)), x, y, random.integers(0, 2, count))


def refractory(events: NDArray[np.void], dead_time: int) -> NDArray[np.void]:
    """Return the events in the order of time, without those within a pixel's dead time (in µs)."""
    events = events[np.lexsort((events["p"], events["t"], events["x"], events["y"]))]
    while len(events) > 1:
        same = (np.diff(events["x"].astype(int)) == 0) & (np.diff(events["y"].astype(int)) == 0)
        close = np.append(False, same & (np.diff(events["t"]) < dead_time))
        # An event goes only if the one before it stays: else it may be far enough from the one before that.
        drop = close & ~np.append(False, close[:-1])
        if not drop.any():
            break
        events = events[~drop]
    return events[np.lexsort((events["x"], events["y"], events["t"]))]
