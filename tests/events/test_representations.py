"""From the events of a cell to an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.errors import InputError
from sparseattn.events import EventSettings
from sparseattn.events.event import events_of
from sparseattn.events.representations import histogram, image_of, time_surface, voxel_grid, window_of


def test_histogram_counts_on_before_off() -> None:
    events = events_of([0, 1, 2, 3], [1, 1, 1, 0], [2, 2, 2, 0], [1, 1, 0, 0])
    counts = histogram(events, (3, 2))
    assert counts.dtype == np.uint16 and counts.shape == (2, 3, 2)
    assert counts[0, 2, 1] == 2 and counts[1, 2, 1] == 1 and counts[1, 0, 0] == 1 and counts.sum() == 4


def test_histogram_ends_at_what_its_type_holds() -> None:
    events = events_of(np.zeros(70_000), np.zeros(70_000), np.zeros(70_000), np.ones(70_000))
    assert histogram(events, (1, 1))[0, 0, 0] == 65_535


def test_time_surface_shows_the_last_event_of_each_pixel() -> None:
    events = events_of([0, 100, 300], [0, 0, 1], [0, 0, 0], [1, 1, 0])
    surface = time_surface(events, (1, 3), 0, 300)
    assert surface[0, 0] == pytest.approx([np.exp(-2), 0, 0])
    assert surface[1, 0] == pytest.approx([0, 1, 0])


@given(seed=st.integers(0, 1000), bins=st.integers(2, 16))
def test_voxel_grid_shares_each_polarity_between_two_moments(seed: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    t = np.sort(random.integers(0, 1000, 50))
    events = events_of(t, random.integers(0, 4, 50), random.integers(0, 3, 50), random.integers(0, 2, 50))
    grid = voxel_grid(events, (3, 4), int(t[0]), int(t[-1]), bins)
    assert grid.shape == (bins, 3, 4)
    expected = np.zeros((3, 4))
    np.add.at(expected, (events["y"], events["x"]), 2.0 * events["p"] - 1)
    assert grid.sum(axis=0) == pytest.approx(expected, abs=1e-4)
    # an event on a moment is that moment's alone
    alone = voxel_grid(events_of([500], [0], [0], [1]), (1, 1), 0, 1000, 3)
    assert alone[:, 0, 0] == pytest.approx([0, 1, 0])


def test_windows_of_time_and_of_count_lie_around_the_middle(some_events) -> None:
    events = some_events(500)
    middle = (events["t"][0] + events["t"][-1]) / 2
    kept, start, stop = window_of(events, EventSettings(window_us=10_000))
    assert stop - start == 10_000 and (start + stop) / 2 == pytest.approx(middle, abs=1)
    assert ((kept["t"] >= start) & (kept["t"] < stop)).all() and 50 < len(kept) < 150
    kept, _, _ = window_of(events, EventSettings(window_events=40))
    assert len(kept) == 40 and kept["t"][0] < middle < kept["t"][-1]
    assert len(window_of(events, EventSettings(window_events=4000))[0]) == 500
    assert len(window_of(events, EventSettings())[0]) == 500


@pytest.mark.parametrize("kind", ["histogram", "time_surface", "voxel_grid"])
def test_images_have_the_channels_that_are_named(kind, some_events) -> None:
    settings = EventSettings(kind, bins=3, window_us=20_000)
    image = image_of(some_events(), (48, 64), settings)
    assert image.shape == (len(settings.channels), 48, 64) and np.isfinite(image).all() and image.any()
    assert image_of(some_events()[:0], (48, 64), settings).shape == image.shape


def test_settings_come_back_from_json() -> None:
    settings = EventSettings("voxel_grid", 7, window_events=300, recordings="passages", diameter=22.5)
    assert EventSettings.from_json(settings.to_json()) == settings
    assert EventSettings.from_json({}) == EventSettings()


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"color": 1},
        {"bins": 1},
        {"bins": "5"},
        {"bins": True},
        {"window_us": 1.5},
        {"window_us": 10, "window_events": 10},
        {"representation": "frames"},
        {"representation": ["histogram"]},
        {"recordings": "all"},
        {"diameter": float("nan")},
        {"diameter": "30"},
        {"diameter": 1e9},
    ],
)
def test_settings_that_make_no_sense(said) -> None:
    with pytest.raises(InputError):
        EventSettings.from_json(said)
