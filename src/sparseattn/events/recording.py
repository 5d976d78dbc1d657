"""``Recording``: a file of events that is read in packets, never as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from sparseattn.events.event import Events
from sparseattn.events.store import EventStore, build_store

LARGEST_SIDE = 4096
"""Of a sensor, in pixels: an event farther out is damage. A packed event has room for four times as much."""

SENSORS = (
    (34, 34),  # N-MNIST
    (64, 64),  # sparseattn simulate
    (128, 128),  # DVS128
    (180, 240),  # DAVIS240, also N-Caltech101
    (240, 304),  # ATIS
    (240, 320),
    (256, 256),
    (260, 346),  # DAVIS346
    (320, 320),  # Prophesee GenX320
    (480, 640),  # Prophesee Gen3, DVXplorer
    (720, 1280),  # Prophesee Gen4, IMX636
    (800, 1280),
)
"""(H, W) of usual sensors: where a file does not say its own, the smallest that holds all events."""


@dataclass(frozen=True)
class Recording:
    """A file of events, of which the header is known.

    Attributes
    ----------
    path
        The file.
    kind
        Its format, as people call it: "EVT3", "N-MNIST".
    size
        (H, W) of the sensor in pixels, where the file says it.
    decode
        Begins to read: gives packets in the order of the file, in units of `sparseattn.events.event.EVENT`.
        Raises ValueError or OSError with the reason where the file is damaged.
    note
        What is odd about the file, in a few words, else None.
    """

    path: Path
    kind: str
    size: tuple[int, int] | None
    decode: Callable[[], Iterator[Events]] = field(compare=False)
    note: str | None = None

    def packets(self) -> Iterator[Events]:
        """Yield packets of events, each checked to lie on the sensor.

        Raises
        ------
        ValueError, OSError
            With the reason why the file cannot be read on.
        """
        height, width = self.size or (LARGEST_SIDE, LARGEST_SIDE)
        for events in self.decode():
            if not len(events):
                continue
            x, y = int(events["x"].max()), int(events["y"].max())
            if x >= width or y >= height:
                raise ValueError(
                    f"it is damaged: an event lies at x {x}, y {y} on a sensor of {width} x {height} pixels"
                )
            yield events

    def store(self) -> EventStore:
        """Return all events in the order of time, on disk; the two stores asked for last are kept.

        Raises
        ------
        ValueError, OSError
            As `packets`; also where the file holds no events, or their times cannot be.
        """
        return _store(self, self.path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _store(recording: Recording, changed: int) -> EventStore:
    store = build_store(recording.packets(), recording.size)
    return store if recording.size is not None else store.on_sensor(sensor_of(store.size))


def sensor_of(reached: tuple[int, int]) -> tuple[int, int]:
    """Return the smallest usual sensor (H, W) that holds pixels up to (H, W); else what is reached."""
    fitting = [size for size in SENSORS if size[0] >= reached[0] and size[1] >= reached[1]]
    return fitting[0] if fitting else reached
