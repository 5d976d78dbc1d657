"""Events to write to files."""

from collections.abc import Callable
from pathlib import Path

import faery
import numpy as np
import pytest

from sparseattn.events.event import EVENT, Events

MakeEvents = Callable[..., Events]


@pytest.fixture
def some_events() -> MakeEvents:
    """Make events in the order of time, anywhere on a sensor of 64 x 48 pixels."""

    def make(count: int = 500, seed: int = 0, start: int = 1000) -> Events:
        random = np.random.default_rng(seed)
        events = np.empty(count, EVENT)
        events["t"] = start + np.sort(random.integers(0, 50_000, count))
        events["x"], events["y"] = random.integers(0, 64, count), random.integers(0, 48, count)
        events["p"] = random.integers(0, 2, count)
        return events

    return make


def write_by_faery(path: Path, events: Events, version: str | None = None) -> None:
    """Write events with faery's own encoders."""
    packet = np.empty(len(events), faery.EVENTS_DTYPE)
    for name, letter in zip(("t", "x", "y", "on"), "txyp", strict=True):
        packet[name] = events[letter]
    faery.events_stream_from_array(packet, (64, 48)).to_file(path, version=version, zero_t0=False)


@pytest.fixture(scope="session")
def write_events() -> Callable[..., None]:
    """Write .raw, .dat, .aedat4 and .es files, by faery."""
    return write_by_faery
