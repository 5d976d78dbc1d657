"""N-MNIST .bin (also N-Caltech101): five bytes an event, x, y, a bit of polarity and 23 of µs, no header."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from sparseattn.events.event import Events, events_of
from sparseattn.events.recording import Recording, sensor_of

SUFFIX = ".bin"

_BYTES = 5
_OVERFLOW_ROW, _OVERFLOW = 240, 1 << 13
"""An event of that row is none: it says that all later times are so many µs later."""

_LARGEST = 64 << 20
"""Bytes; of such recordings one lasts some 0.3 s, and 23 bits of time end after 8."""


def open_nmnist(path: Path) -> Recording:
    """Describe a recording; all of it is read, which is little.

    Raises
    ------
    ValueError, OSError
        With the reason why it is none.
    """
    length = path.stat().st_size
    if not length:
        raise ValueError("it is empty")
    if length % _BYTES:
        raise ValueError("it is truncated or no N-MNIST recording: its length is not a multiple of 5 bytes")
    if length > _LARGEST:
        raise ValueError(f"it is no N-MNIST recording: {length >> 20} MiB are too many for one")
    events = _read(path)
    if (np.diff(events["t"]) < 0).any():
        raise ValueError("it is damaged or no N-MNIST recording: its times are not in order")
    size = sensor_of((int(events["y"].max()) + 1, int(events["x"].max()) + 1))
    return Recording(path, "N-MNIST", size, partial(_packets, path))


def _packets(path: Path) -> Iterator[Events]:
    yield _read(path)


def _read(path: Path) -> Events:
    columns = np.fromfile(path, np.uint8)
    if len(columns) % _BYTES:
        raise ValueError("it has changed since it was opened")
    x, y, high, middle, low = columns.reshape(-1, _BYTES).T.astype(np.int64)
    t = (high & 127) << 16 | middle << 8 | low
    marks = y == _OVERFLOW_ROW
    t += _OVERFLOW * np.cumsum(marks)
    events: Events = events_of(t, x, y, high >> 7)[~marks]
    if not len(events):
        raise ValueError("it holds no events")
    return events
