"""The event camera's pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.events.event import EVENT
from sparseattn.simulate import simulate_cell
from sparseattn.simulate.events import REFRACTORY, background_activity, refractory, threshold_crossings


@settings(deadline=None)
@given(
    rise=st.floats(0.5, 3), threshold=st.floats(0.05, 0.4), frames=st.integers(2, 30), falling=st.booleans()
)
def test_a_steady_change_fires_at_even_times(
    rise: float, threshold: float, frames: int, falling: bool
) -> None:
    duration = 100_000.0
    ramp = np.linspace(0, -rise if falling else rise, frames)[:, None, None]
    events = threshold_crossings(ramp, np.full((2, 1, 1), threshold), duration, np.random.default_rng(0))
    assert abs(len(events) - rise / threshold) <= 2
    assert (events["p"] == (0 if falling else 1)).all()
    times = np.sort(events["t"])
    assert times.min() >= 0 and times.max() <= duration
    # The first may come from the level that was remembered before the recording began.
    assert np.diff(times)[1:] == pytest.approx(duration * threshold / rise, abs=1.01)


def test_light_that_stays_fires_nothing() -> None:
    still = np.ones((5, 4, 4))
    assert len(threshold_crossings(still, np.full((2, 4, 4), 0.1), 1000, np.random.default_rng(0))) == 0


event_lists = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=60
)


@given(rows=event_lists, dead_time=st.integers(1, 300))
def test_refractory_is_what_each_pixel_would_do_one_event_after_the_other(
    rows: list[tuple[int, int, int, int]], dead_time: int
) -> None:
    expected, last = [], {}
    for t, x, y, p in sorted(rows, key=lambda row: (row[0], row[3])):
        if t - last.get((x, y), -dead_time) >= dead_time:
            last[x, y] = t
            expected.append((t, x, y, p))
    kept = refractory(np.array(rows, EVENT), dead_time)
    assert sorted(kept.tolist()) == sorted(expected)
    assert (np.diff(kept["t"]) >= 0).all()


def test_background_activity_has_its_rate() -> None:
    events = background_activity(10, 64, 1e6, np.random.default_rng(0))
    assert len(events) == pytest.approx(10 * 64**2, rel=0.02)
    assert events["p"].mean() == pytest.approx(0.5, abs=0.01)


def test_the_picture_counts_the_events() -> None:
    view = simulate_cell("events", "neutrophil", 1, 0)
    events = view.events
    assert events.dtype == EVENT and len(events) > 200
    assert (np.diff(events["t"]) >= 0).all()
    for polarity, counts in ((1, view.image[0]), (0, view.image[1])):
        chosen = events[events["p"] == polarity]
        assert np.array_equal(counts, np.histogram2d(chosen["y"], chosen["x"], 64, [[0, 64]] * 2)[0])
    by_pixel = events[np.lexsort((events["t"], events["x"], events["y"]))]
    same = (np.diff(by_pixel["x"].astype(int)) == 0) & (np.diff(by_pixel["y"].astype(int)) == 0)
    assert np.diff(by_pixel["t"])[same].min() >= REFRACTORY
