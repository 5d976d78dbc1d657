"""Cells that pass through the field: found in space and time, and shown."""

from dataclasses import replace

import numpy as np
import pytest

from sparseattn.cells import open_cells, open_passages
from sparseattn.cells.passages import holds_passages
from sparseattn.errors import InputError
from sparseattn.events import EventSettings, find_passages
from sparseattn.events.event import events_of
from sparseattn.events.store import EventStore, build_store
from sparseattn.simulate.events import background_activity, refractory
from sparseattn.simulate.flow import KnownPassage, simulate_flow
from sparseattn.simulate.matching import match_passages

SHAPE = (96, 160)


@pytest.fixture(scope="module")
def flow() -> tuple[np.ndarray, list[KnownPassage]]:
    """A recording of cells on known paths, with noise and glaring pixels."""
    return simulate_flow(6, np.random.default_rng(0), shape=SHAPE, duration=300_000)


@pytest.fixture(scope="module")
def store(flow) -> EventStore:
    return build_store([flow[0]], SHAPE)


def test_known_passages_are_found_and_no_others(flow, store: EventStore) -> None:
    found = find_passages(store)
    matched = match_passages(found.passages, flow[1])
    assert len(flow[1]) == 6
    assert matched.missed == 0 and matched.false == 0
    assert max(matched.distances) < 8  # pixels of 0.375 µm; a cell is some 25 wide
    for passage, known in zip(matched.found, matched.known, strict=True):
        speed = (SHAPE[1] - 1) / (known.stop - known.start) * 1000
        assert passage.speed == pytest.approx(speed, rel=0.1)
        assert passage.events > 1000


def test_the_square_moves_with_the_cell(store: EventStore) -> None:
    found = find_passages(store)
    still = found.image(0).astype(float).sum(axis=0)
    assert still.shape == (48, 48)
    y, x = np.mgrid[:48, :48]
    centre = (still * y).sum() / still.sum(), (still * x).sum() / still.sum()
    assert centre == pytest.approx((23.5, 23.5), abs=2.5)
    inner = still[8:40, 8:40].sum() / still.sum()
    assert inner > 0.85  # not smeared along its path
    events = found.events(0)
    assert (np.diff(events["t"]) >= 0).all() and events["x"].max() < 48


def test_passages_have_names_that_do_not_depend_on_what_is_shown(store: EventStore) -> None:
    found = find_passages(store)
    names = [found.name(number) for number in range(len(found))]
    assert len(set(names)) == len(found)
    other = replace(found, settings=EventSettings("voxel_grid"))
    assert [other.name(number) for number in range(len(found))] == names


def test_noise_and_dirt_are_no_cells() -> None:
    random = np.random.default_rng(0)
    noise = background_activity(20, 96, 500_000, random)
    shaking = background_activity(400, 30, 500_000, random)  # dirt on the glass, in trembling light
    shaking["x"] += 20
    store = build_store([refractory(np.concatenate([noise, shaking]), 100)], (96, 96))
    assert len(find_passages(store)) == 0


def test_an_empty_stretch_and_a_flash_are_gone_through() -> None:
    flash = events_of(np.full(9216, 100_000), np.arange(9216) % 96, np.arange(9216) // 96, np.ones(9216))
    ends = events_of([0, 60_000_000], [0, 0], [0, 0], [1, 1])
    store = build_store([ends[:1], flash, ends[1:]], (96, 96))
    assert len(find_passages(store)) == 0


def test_passages_become_cells(flow, tmp_path) -> None:
    path = tmp_path / "flow.npy"
    np.save(path, flow[0])
    cells = open_cells(path)
    assert len(cells) == 6 and cells.modality == "events" and cells.channels == ("on", "off")
    assert set(cells.shapes) == {(48, 48)}
    assert cells.events == EventSettings(recordings="passages")
    for name in ("time_ms", "duration_ms", "from_x", "to_x", "path_px", "speed_px_per_ms", "events"):
        assert len(cells.column(name)) == 6
    assert list(cells.column("time_ms")) == sorted(cells.column("time_ms"))
    assert cells.read(0).dtype == np.uint16 and cells.read(0).sum() > 1000
    surfaces = open_cells(path, events=EventSettings("time_surface"))
    assert surfaces.ids == cells.ids and surfaces.read(0).dtype == np.float32
    whole = open_cells(path, events={"recordings": "cells"})
    assert len(whole) == 1 and whole.events.recordings == "cells"


def test_a_recording_without_cells_says_what_was_looked_for(tmp_path) -> None:
    np.save(tmp_path / "a.npy", background_activity(5, 64, 100_000, np.random.default_rng(0)))
    with pytest.raises(InputError, match="no cell of about 30 pixels passes through it"):
        open_cells(tmp_path / "a.npy")


def test_the_paths_of_the_cells_that_are_opened(flow, tmp_path) -> None:
    np.save(tmp_path / "flow.npy", flow[0])
    told: list[tuple[int, int]] = []
    found = open_passages(tmp_path / "flow.npy", on_slice=lambda done, total: told.append((done, total)))
    assert told and told[-1][0] == told[-1][1]
    cells = open_cells(tmp_path / "flow.npy")
    assert [found.name(number) for number in range(len(found))] == list(cells.ids)
    again = open_passages(tmp_path / "flow.npy", {"representation": "time_surface"}, on_slice=told.append)
    assert again.passages is found.passages  # not looked for again
    other = open_cells(tmp_path / "flow.npy", events={"representation": "time_surface"})
    np.testing.assert_array_equal(again.image(2), other.read(2))

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        open_passages(tmp_path / "flow.npy", {"diameter": 25}, on_slice=stop)
    assert len(open_passages(tmp_path / "flow.npy", {"diameter": 25})) > 0  # a search that was stopped


def test_what_is_searched_for_passages(flow, tmp_path) -> None:
    np.save(tmp_path / "flow.npy", flow[0])
    np.save(tmp_path / "image.npy", np.zeros((20, 20)))
    assert holds_passages(tmp_path / "flow.npy")
    assert not holds_passages(tmp_path / "flow.npy", {"recordings": "cells"})
    assert not holds_passages(tmp_path / "image.npy")
    with pytest.raises(InputError, match=r"image\.npy cannot be used: it holds no events"):
        open_passages(tmp_path / "image.npy")
