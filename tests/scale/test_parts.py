"""Every cell lies in exactly one part, and a part holds what the whole holds there."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import InputError
from sparseattn.scale.parts import parts_of


@given(some.integers(0, 5000), some.integers(1, 700))
def test_every_cell_lies_in_exactly_one_part(cells: int, cells_a_part: int) -> None:
    parts = parts_of(cells, cells_a_part)
    assert [cell for part in parts for cell in range(part.start, part.stop)] == list(range(cells))
    assert all(0 < len(part) <= cells_a_part for part in parts)
    assert [part.number for part in parts] == list(range(len(parts)))


def test_a_part_without_cells_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        parts_of(10, 0)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> CellSet:
    """Two stacks and some single files, joined, with samples, in an order of their own."""
    folder = tmp_path_factory.mktemp("parts")
    random = np.random.default_rng(0)
    sets = []
    for name, shape in (("one", (7, 2, 12, 10)), ("two", (5, 2, 9, 9))):
        np.save(folder / f"{name}.npy", random.normal(0, 1, shape).astype(np.float32))
        sets.append(open_cells(folder / f"{name}.npy", layout="NCYX", columns={"sample": name}))
    (folder / "single").mkdir()
    for number in range(4):
        np.save(folder / "single" / f"{number}.npy", random.normal(0, 1, (2, 11, 11)).astype(np.float32))
    sets.append(open_cells(folder / "single", layout="CYX"))
    joined = CellSet.concatenate(sets)
    joined = joined.with_labels(["a", None] * (len(joined) // 2))
    return joined.subset(random.permutation(len(joined)))


@given(some.data())
def test_a_detached_part_is_what_the_whole_is_there(cells: CellSet, data: some.DataObject) -> None:
    rows = data.draw(some.lists(some.integers(0, len(cells) - 1), max_size=12, unique=True))
    part = pickle.loads(pickle.dumps(cells.detached(rows)))
    assert part.ids == tuple(cells.ids[row] for row in rows)
    assert part.labels == tuple(cells.labels[row] for row in rows)
    assert part.origins == tuple(cells.origins[row] for row in rows)
    assert part.shapes == tuple(cells.shapes[row] for row in rows)
    assert tuple(part.column("sample")) == tuple(cells.column("sample")[row] for row in rows)
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(part.read(place), cells.read(row))


def test_a_detached_part_is_small(tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.random.default_rng(0).normal(0, 1, (50_000, 4, 4)).astype(np.float32))
    cells = open_cells(tmp_path / "many.npy", layout="NYX")
    assert len(pickle.dumps(cells.detached(range(100, 200)))) < 10_000


def test_features_of_recordings_go_with_their_cells(real_data: Path) -> None:
    one = open_cells(next((real_data / "formats" / "rtdc").rglob("*mask-blood*/*.rtdc")))
    both = CellSet.concatenate([one, one])
    name = one.column_names[0]
    rows = np.arange(len(one) - 2, len(one) + 2)
    part = pickle.loads(pickle.dumps(both.detached(rows)))
    assert list(part.column(name)) == [both.column(name)[row] for row in rows]


def test_a_fingerprint_changes_with_the_cells(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        np.save(folder / f"{number}.npy", random.normal(0, 1, (9, 9)).astype(np.float32))
    before = open_cells(folder)
    assert open_cells(folder).fingerprint() == before.fingerprint()
    seen = {before.fingerprint(), before.subset([0, 1]).fingerprint(), before.subset([1, 0]).fingerprint()}
    seen.add(before.with_labels(["a", "b", "a"]).fingerprint())
    seen.add(before.with_columns({"sample": ("x", "x", "y")}).fingerprint())
    np.save(folder / "1.npy", random.normal(0, 1, (9, 9)).astype(np.float32))
    seen.add(open_cells(folder).fingerprint())
    assert len(seen) == 6
