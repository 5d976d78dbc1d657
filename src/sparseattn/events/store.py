"""All events of a recording in the order of time, in a temporary file: any time of it can be looked at.

An event is one number of 64 bits, time first, so that numbers sort as times do: 35 bits of µs since the first
event, 14 of y, 14 of x, 1 of polarity.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import IO

import numpy as np
import numpy.typing as npt

from sparseattn.events.event import EVENT, Events

BLOCK = 1 << 18
"""Events that are read at once (2 MiB)."""

LONGEST = 1 << 35
"""µs that a recording may span: 9.5 hours."""

_SORTED_TOGETHER = 1 << 22
"""Events that are put in order together: those of a packet may come before those of the packet before."""

_IN_DISORDER = 1 << 26
"""Events that may be put in order in memory where that was not enough."""

_Y, _X, _T = 15, 1, 29
_MASK = (1 << 14) - 1

Packed = npt.NDArray[np.uint64]


class _File:
    """Numbers in a temporary file that goes with this object; read from any thread."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed as below
        weakref.finalize(self, self._file.close)
        self._lock = Lock()

    def append(self, numbers: Packed) -> None:
        if shutil.disk_usage(tempfile.gettempdir()).free < 2 * numbers.nbytes:
            raise OSError(f"there is no room for its events in {tempfile.gettempdir()}; set TMPDIR")
        view = memoryview(numbers.data).cast("B")
        while len(view):
            view = view[self._file.write(view) :]

    def read(self, start: int, stop: int) -> Packed:
        numbers = np.empty(max(stop - start, 0), np.uint64)
        with self._lock:
            self._file.seek(8 * start)
            view = memoryview(numbers.data).cast("B")
            while len(view):
                got = self._file.readinto(view)  # type: ignore[attr-defined]
                if not got:
                    raise OSError("the temporary file of its events has become shorter")
                view = view[got:]
        return numbers

    def rewrite(self, numbers: Packed) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.append(numbers)


@dataclass(frozen=True, eq=False)
class EventStore:
    """Events in the order of time; those asked for are read from disk.

    Attributes
    ----------
    size
        (H, W) of the sensor in pixels.
    count
        How many events there are.
    start, stop
        Of the first and the last event, in µs.
    """

    size: tuple[int, int]
    count: int
    start: int
    stop: int
    _file: _File
    _index: Packed  # the first number of each block

    def on_sensor(self, size: tuple[int, int]) -> EventStore:
        """Return the same events on a sensor of another size (H, W)."""
        return replace(self, size=size)

    @property
    def duration(self) -> int:
        """From the first to the last event, in µs."""
        return self.stop - self.start

    def find(self, t: int) -> int:
        """Return how many events come before a time in µs."""
        if t > self.stop:
            return self.count
        wanted = np.uint64(max(t - self.start, 0) << _T)
        block = max(int(np.searchsorted(self._index, wanted)) - 1, 0)
        first = block * BLOCK
        last = min(first + BLOCK, self.count)
        return first + int(np.searchsorted(self._file.read(first, last), wanted))

    def rows(self, start: int, stop: int) -> Events:
        """Return the events of rows start .. stop, half open."""
        return _unpacked(self._file.read(max(start, 0), min(stop, self.count)), self.start)

    def between(self, start: int, stop: int) -> Events:
        """Return the events of times start .. stop in µs, half open."""
        return self.rows(self.find(start), self.find(stop))

    def blocks(self, start: int | None = None, stop: int | None = None) -> Iterator[Events]:
        """Yield the events of times start .. stop in µs, half open, or all, `BLOCK` at a time."""
        first = 0 if start is None else self.find(start)
        last = self.count if stop is None else self.find(stop)
        for row in range(first, last, BLOCK):
            yield self.rows(row, min(row + BLOCK, last))

    def fingerprint(self) -> str:
        """Return 16 hex digits of the count, the times, and the first and last events."""
        digest = hashlib.blake2b(f"{self.count} {self.start} {self.stop}".encode(), digest_size=8)
        for first in (0, max(self.count - BLOCK, 0)):
            numbers = self._file.read(first, min(first + BLOCK, self.count))
            digest.update(numbers.astype("<u8").data)
        return digest.hexdigest()


def build_store(packets: Iterable[Events], size: tuple[int, int] | None) -> EventStore:
    """Put the events of packets in the order of time.

    Parameters
    ----------
    packets
        In about the order of time.
    size
        (H, W) of the sensor; None: as far as events reach.

    Raises
    ------
    ValueError, OSError
        What the packets raise; where there is no event, where the times span more than `LONGEST`, or where
        they are so much out of order that they would have to be sorted in memory.
    """
    ordered = _Ordered()
    reached = (0, 0)
    for events in packets:
        reached = (max(reached[0], int(events["y"].max())), max(reached[1], int(events["x"].max())))
        ordered.add(events)
    return ordered.store(size or (reached[0] + 1, reached[1] + 1))


class _Ordered:
    """Takes packets that are in about the order of time, and writes them in that order."""

    def __init__(self) -> None:
        self._file = _File()
        self._index: list[Packed] = []
        self._written = 0
        self._last = np.uint64(0)
        self._in_order = True
        self._waiting: list[Packed] = []
        self._waiting_count = 0
        self._origin: int | None = None
        self._latest = 0

    def add(self, events: Events) -> None:
        first, last = int(events["t"].min()), int(events["t"].max())
        if self._origin is None:
            self._origin = self._latest = first
        early = self._origin - first
        if early > 0 and self._written:
            raise ValueError(_DISORDER)
        self._latest = max(self._latest, last)
        if self._latest - min(self._origin, first) >= LONGEST:
            raise ValueError("it is damaged: its times span more than 9.5 hours")
        if early > 0:
            self._waiting = [numbers + (np.uint64(early) << np.uint64(_T)) for numbers in self._waiting]
            self._origin = first
        self._waiting.append(_packed(events, self._origin))
        self._waiting_count += len(events)
        if self._waiting_count >= _SORTED_TOGETHER:
            numbers = self._sorted()
            half = len(numbers) // 2
            self._write(numbers[:half])
            self._waiting, self._waiting_count = [numbers[half:].copy()], len(numbers) - half

    def store(self, size: tuple[int, int]) -> EventStore:
        if self._origin is None:
            raise ValueError("it holds no events")
        self._write(self._sorted())
        index = np.concatenate(self._index)
        if not self._in_order:
            if self._written > _IN_DISORDER:
                raise ValueError(_DISORDER)
            numbers = self._file.read(0, self._written)
            numbers.sort()
            self._file.rewrite(numbers)
            index, self._last = numbers[::BLOCK].copy(), numbers[-1]
        stop = self._origin + int(self._last >> np.uint64(_T))
        return EventStore(size, self._written, self._origin, stop, self._file, index)

    def _sorted(self) -> Packed:
        numbers = np.concatenate(self._waiting) if self._waiting else np.empty(0, np.uint64)
        numbers.sort(kind="stable")  # nearly in order, which this kind makes use of
        return numbers

    def _write(self, numbers: Packed) -> None:
        if not len(numbers):
            return
        self._in_order = self._in_order and bool(numbers[0] >= self._last)
        self._last = numbers[-1]
        self._index.append(numbers[(-self._written) % BLOCK :: BLOCK].copy())  # a view would keep them all
        self._file.append(numbers)
        self._written += len(numbers)


_DISORDER = "its events are far from the order of time; sort them first"


def _packed(events: Events, origin: int) -> Packed:
    numbers = (events["t"] - origin).astype(np.uint64) << np.uint64(_T)
    numbers |= events["y"].astype(np.uint64) << np.uint64(_Y)
    numbers |= events["x"].astype(np.uint64) << np.uint64(_X)
    numbers |= events["p"].astype(np.uint64) & np.uint64(1)
    return numbers


def _unpacked(numbers: Packed, origin: int) -> Events:
    events: Events = np.empty(len(numbers), EVENT)
    events["t"] = (numbers >> np.uint64(_T)).astype(np.int64) + origin
    events["y"] = (numbers >> np.uint64(_Y)) & np.uint64(_MASK)
    events["x"] = (numbers >> np.uint64(_X)) & np.uint64(_MASK)
    events["p"] = numbers & np.uint64(1)
    return events
