"""All events in the order of time, on disk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.events import EVENT, EventFrames
from sparseattn.events.event import events_of
from sparseattn.events.store import LONGEST, build_store

packets = st.lists(
    st.lists(
        st.tuples(st.integers(-50, 5000), st.integers(0, 63), st.integers(0, 47), st.integers(0, 1)),
        min_size=1,
        max_size=30,
    ),
    min_size=1,
    max_size=5,
)


@given(rows=packets, low=st.integers(-100, 5100), length=st.integers(0, 3000))
def test_events_come_back_in_the_order_of_time(rows, low, length) -> None:
    parts = [np.array(part, EVENT) for part in rows]
    store = build_store(parts, (48, 64))
    together = np.sort(np.concatenate(parts), order=["t", "y", "x", "p"])
    assert store.count == len(together)
    assert (store.start, store.stop) == (together["t"][0], together["t"][-1])
    assert np.array_equal(np.concatenate(list(store.blocks())), together)
    chosen = together[(together["t"] >= low) & (together["t"] < low + length)]
    assert np.array_equal(store.between(low, low + length), chosen)


def test_a_long_recording_is_read_in_parts(some_events) -> None:
    """Nine million events: more than are sorted together, in several blocks."""
    random = np.random.default_rng(0)
    t = np.arange(9_000_000) // 3
    parts = []
    for start in range(0, len(t), 50_000):
        part = t[start : start + 50_000] + random.integers(0, 40, 50_000)
        parts.append(events_of(part, part % 64, part % 48, part % 2))
    store = build_store(parts, None)
    assert store.size == (48, 64) and store.count == len(t)
    times = np.concatenate([events["t"] for events in store.blocks()])
    assert (np.diff(times) >= 0).all()
    for at in (0, 17, 1_234_567, 2_999_999):
        assert store.find(at) == np.searchsorted(times, at)


def test_packets_out_of_order_are_sorted() -> None:
    count = 3_000_000
    late = events_of(np.arange(count) + 10_000_000, np.zeros(count), np.zeros(count), np.ones(count))
    early = events_of(np.arange(count), np.zeros(count), np.zeros(count), np.ones(count))
    first = events_of([0], [0], [0], [1])
    store = build_store([first, late, late, early], (1, 1))
    times = np.concatenate([events["t"] for events in store.blocks()])
    assert (np.diff(times) >= 0).all() and store.count == 3 * count + 1
    assert store.find(10_000_000) == np.searchsorted(times, 10_000_000)


def test_what_cannot_be_a_recording() -> None:
    with pytest.raises(ValueError, match="holds no events"):
        build_store([], None)
    with pytest.raises(ValueError, match=r"more than 9\.5 hours"):
        build_store([events_of([0, LONGEST], [0, 0], [0, 0], [1, 1])], None)


def test_frames_hold_every_event_once(some_events) -> None:
    events = some_events()
    frames = EventFrames.of(build_store([events], (48, 64)))
    assert 250 <= frames.shape[0] <= 501 and frames.shape[1:] == (2, 48, 64)
    total = sum(frames.frame(number).astype(int) for number in range(frames.shape[0]))
    on = np.zeros((48, 64), int)
    np.add.at(on, (events["y"][events["p"] == 1], events["x"][events["p"] == 1]), 1)
    assert np.array_equal(total[0], on) and total.sum() == len(events)
