"""Simulated cells on disk: layout, the same bytes from the same seed, clear errors, nothing half-written."""

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.errors import InputError
from sparseattn.simulate import CLASSES, INSTRUMENTS, simulate

SMALL = {"size": 32}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_same_seed_gives_the_same_bytes_and_a_longer_run_begins_with_the_same_cells(
    instrument: str, tmp_path: Path
) -> None:
    simulate(instrument, tmp_path / "a", 5, 3, **SMALL)
    simulate(instrument, tmp_path / "b", 5, 3, **SMALL)
    simulate(instrument, tmp_path / "longer", 7, 3, **SMALL)
    simulate(instrument, tmp_path / "other", 5, 4, **SMALL)
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    longer, other = tree(tmp_path / "longer"), tree(tmp_path / "other")
    cells = [name for name in first if not name.endswith("manifest.json")]
    assert all(first[name] == longer[name] for name in cells)
    assert len(longer) > len(first)
    assert first["neutrophil/" + f"cell_00001{INSTRUMENTS[instrument].suffix}"] not in other.values()


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_folder_opens_as_labelled_cells(instrument: str, tmp_path: Path) -> None:
    simulate(instrument, tmp_path / "cells", 7, 0, **SMALL)
    cells = open_cells(tmp_path / "cells", subfolders="classes", strict=True)
    what = INSTRUMENTS[instrument]
    assert (cells.modality, cells.channels, cells.classes) == (what.modality, what.channels, CLASSES)
    assert [cells.labels.count(name) for name in CLASSES] == [2, 2, 1, 1, 1]
    assert cells.read(0).shape == (len(what.channels), 32, 32)
    for origin in cells.origins:
        mask = iio.imread(tmp_path / "cells" / "_masks" / origin.path.parent.name / f"{origin.path.stem}.png")
        assert mask.shape == (32, 32) and mask.max() in (2, 3)


def test_events_lie_beside_their_pictures(tmp_path: Path) -> None:
    simulate("events", tmp_path / "cells", 5, 0, **SMALL)
    cells = open_cells(tmp_path / "cells", subfolders="classes")
    for index, origin in enumerate(cells.origins):
        beside = tmp_path / "cells" / "_events" / origin.path.parent.name / f"{origin.path.stem}.npy"
        assert len(np.load(beside, allow_pickle=False)) == cells.read(index).sum()


def test_the_manifest_says_how_to_make_it_again(tmp_path: Path) -> None:
    simulate("opd", tmp_path / "cells", 6, 9, **SMALL)
    manifest = json.loads((tmp_path / "cells" / "manifest.json").read_text())
    assert manifest["command"] == "sparseattn simulate opd -o DIR -n 6 --seed 9 --size 32"
    assert manifest["simulated"] is True
    assert sum(manifest["counts"].values()) == 6


def test_progress_is_told_after_each_cell(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(
        "stained", tmp_path / "cells", 5, 0, on_cell=lambda done, all_: told.append((done, all_)), **SMALL
    )
    assert told == [(n, 5) for n in range(1, 6)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"instrument": "xray"}, "xray"),
        ({"count": 4}, "at least 5"),
        ({"count": 10**9}, "too many"),
        ({"seed": -1}, "seed"),
        ({"size": 8}, "16 to 512"),
        ({"size": 10_000}, "16 to 512"),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        simulate(**{"instrument": "opd", "folder": tmp_path / "cells", "count": 5, "seed": 0, **arguments})
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        simulate("opd", tmp_path, 5, 0, **SMALL)
    assert tree(tmp_path) == {"thesis.txt": b"mine"}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    simulate("stained", tmp_path / "cells", 5, 0, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["cells"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"Cannot write simulated cells to .*file"):
        simulate("opd", tmp_path / "file" / "cells", 5, 0, **SMALL)
    with pytest.raises(InputError, match="not an empty folder"):
        simulate("opd", tmp_path / "file", 5, 0, **SMALL)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate("opd", tmp_path / "cells", 5, 0, on_cell=stop, **SMALL)
    assert not list(tmp_path.iterdir())
