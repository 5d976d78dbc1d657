"""Cells that pass through the field of a recording: found in space and time, each with its path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.events.blobs import BlobFinder
from sparseattn.events.event import EVENT, Events
from sparseattn.events.representations import image_of
from sparseattn.events.settings import EventSettings
from sparseattn.events.store import EventStore
from sparseattn.events.tracks import Track, Tracker

_LEAST_SLICES = 4
_LEAST_TRAVEL = 0.8
"""Diameters that a cell moves at least: what stays is dirt."""

_NOISE_SLICES = 200
_LARGEST_SLICE = 1 << 22
"""Events of one slice that are looked at; a burst of more is a flash of light, not cells."""


@dataclass(frozen=True)
class Passage:
    """A cell on its way through the field.

    Attributes
    ----------
    times
        (n,) µs, middles of the slices that it was seen in.
    places
        (n, 2) float64 y, x in pixels at these times.
    start, stop
        µs, half open: its first and last slice.
    events
        How many events lay within its width.
    speed
        Pixels a millisecond, of the straight line that fits its places best; where it is cut off by the edge
        of the field it seems slower, so that these count only where there are few others.
    """

    times: npt.NDArray[np.float64]
    places: npt.NDArray[np.float64]
    start: int
    stop: int
    events: int
    speed: float

    @property
    def middle_us(self) -> float:
        """Half way in time, in µs."""
        return (self.start + self.stop) / 2

    @property
    def length(self) -> float:
        """Pixels from its first to its last place."""
        return float(np.linalg.norm(self.places[-1] - self.places[0]))

    def place(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return (m, 2) y, x at the times given in µs."""
        return np.stack([np.interp(times, self.times, self.places[:, axis]) for axis in (0, 1)], axis=1)


@dataclass(frozen=True, eq=False)
class Passages:
    """All passages of a recording, in the order of their middles.

    Attributes
    ----------
    store
        The events of the recording.
    settings
        How they were found, and are to be shown.
    passages
        What was found.
    """

    store: EventStore
    settings: EventSettings
    passages: tuple[Passage, ...]

    def __len__(self) -> int:
        """Return how many passages there are."""
        return len(self.passages)

    def events(self, number: int) -> Events:
        """Return the events of a passage in the order of time, in the square that moves with the cell."""
        passage, side = self.passages[number], self.settings.side
        low, high = passage.places.min(axis=0) - side, passage.places.max(axis=0) + side
        parts = [np.empty(0, EVENT)]
        for events in self.store.blocks(passage.start, passage.stop):
            near = (events["y"] >= low[0]) & (events["y"] <= high[0])
            near &= (events["x"] >= low[1]) & (events["x"] <= high[1])
            events = events[near]
            corner = np.rint(passage.place(events["t"]) - (side - 1) / 2).astype(np.int64)
            y, x = events["y"] - corner[:, 0], events["x"] - corner[:, 1]
            inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
            own = events[inside]
            own["y"], own["x"] = y[inside], x[inside]
            parts.append(own)
        return np.concatenate(parts)

    def image(self, number: int) -> npt.NDArray[Any]:
        """Return (C, side, side) of a passage, as the settings say."""
        return image_of(self.events(number), (self.settings.side, self.settings.side), self.settings)

    def name(self, number: int) -> str:
        """Return 16 hex digits that tell a passage from all others, whatever it is shown as."""
        passage = self.passages[number]
        y, x = passage.places[len(passage.places) // 2].round().astype(int).tolist()
        text = f"{_fingerprint(self.store)} {passage.start} {passage.stop} {y} {x}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=16)
def _fingerprint(store: EventStore) -> str:
    return store.fingerprint()


def find_passages(
    store: EventStore,
    settings: EventSettings | None = None,
    *,
    on_slice: Callable[[int, int], None] | None = None,
) -> Passages:
    """Find the cells that pass through the field.

    In each slice of time heaps of events about as wide as a cell are looked for, above the noise of their
    place; heaps are followed from slice to slice. A cell that is seen in four slices and moves is a passage.

    Parameters
    ----------
    store
        The events.
    settings
        Diameter and slice are used; as they are by default where not given.
    on_slice
        Called after each slice with the number of slices that are done, and of all; may raise to stop.
    """
    settings = settings or EventSettings()
    finder = BlobFinder(store.size, settings.diameter)
    count = store.duration // settings.slice_us + 1
    sampled = np.unique(np.linspace(0, count - 1, min(count, _NOISE_SLICES)).astype(np.int64))
    finder.learn_noise([finder.counts(_slice(store, settings, int(number))) for number in sampled])
    tracker = Tracker(settings.diameter, settings.slice_us)
    tracks: list[Track] = []
    row = 0
    while row < store.count:  # slices without events are passed over
        number = (int(store.rows(row, row + 1)["t"][0]) - store.start) // settings.slice_us
        start = store.start + number * settings.slice_us
        blobs = finder.find(_slice(store, settings, number))
        tracks += tracker.step(start + settings.slice_us / 2, blobs)
        row = store.find(start + settings.slice_us)
        if on_slice is not None:
            on_slice(number + 1, count)
    tracks += tracker.end()
    found = [_passage(track, settings, store.size) for track in _joined(tracks, settings)]
    passages = sorted((p for p in found if p is not None), key=lambda p: (p.middle_us, p.start))
    return Passages(store, settings, tuple(passages))


def _slice(store: EventStore, settings: EventSettings, number: int) -> Events:
    start = store.start + number * settings.slice_us
    first, last = store.find(start), store.find(start + settings.slice_us)
    return store.rows(first, min(last, first + _LARGEST_SLICE))


def _joined(tracks: Iterable[Track], settings: EventSettings) -> Sequence[Track]:
    """Join a track that ends within the field with the one that goes on where it would be."""
    ordered = sorted(tracks, key=lambda track: track.times[0])
    joined: list[Track] = []
    for track in ordered:
        before = next((old for old in reversed(joined) if _goes_on(old, track, settings)), None)
        if before is None:
            joined.append(track)
        else:
            before.times += track.times
            before.places += track.places
            before.events += track.events
    return joined


def _goes_on(before: Track, after: Track, settings: EventSettings) -> bool:
    pause = after.times[0] - before.times[-1]
    if not 0 < pause <= 12 * settings.slice_us or len(before.times) < _LEAST_SLICES:
        return False
    y, x = before.expected(after.times[0])
    first_y, first_x = after.places[0]
    return (first_y - y) ** 2 + (first_x - x) ** 2 <= settings.diameter**2


def _passage(track: Track, settings: EventSettings, size: tuple[int, int]) -> Passage | None:
    """Return what the track shows; None where it is too short, or stays where it is."""
    times, places = np.array(track.times), np.array(track.places)
    if len(times) < _LEAST_SLICES:
        return None
    if np.linalg.norm(places.max(axis=0) - places.min(axis=0)) < _LEAST_TRAVEL * settings.diameter:
        return None
    half = settings.slice_us / 2
    return Passage(
        times=times,
        places=places,
        start=int(times[0] - half),
        stop=int(times[-1] + half),
        events=round(sum(track.events)),
        speed=_speed(times, places, settings.diameter / 2, size),
    )


def _speed(
    times: npt.NDArray[np.float64], places: npt.NDArray[np.float64], edge: float, size: tuple[int, int]
) -> float:
    whole = ((places >= edge) & (places <= np.array(size) - 1 - edge)).all(axis=1)
    if whole.sum() >= _LEAST_SLICES:
        times, places = times[whole], places[whole]
    centred = times - times.mean()
    slope = (centred[:, None] * places).sum(axis=0) / max(float((centred**2).sum()), 1e-9)
    return float(np.linalg.norm(slope)) * 1000
