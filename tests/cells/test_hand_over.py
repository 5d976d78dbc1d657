"""Cells handed over to another process are the same cells there."""

import numpy as np
import pytest

from sparseattn.cells import CellSet, open_cells
from sparseattn.cells.hand_over import SAMPLES, hand_over
from sparseattn.errors import InputError
from sparseattn.events import EventSettings


def stack(count: int, side: int, dtype=np.uint16, seed: int = 0) -> CellSet:
    pixels = np.random.default_rng(seed).integers(0, 1000, (count, 2, side, side + 1)).astype(dtype)
    return CellSet.from_array(pixels, channels=("DNA", "actin"), modality="fluorescence")


def same(one: CellSet, other: CellSet) -> bool:
    places = {name: index for index, name in enumerate(other.ids)}
    return all(
        np.array_equal(one.read(index), other.read(places[name])) for index, name in enumerate(one.ids)
    )


def test_cells_of_a_layer(tmp_path) -> None:
    cells = stack(5, 12).subset([4, 0, 3])
    assert hand_over(cells, tmp_path / "there") == ()
    there = open_cells(tmp_path / "there")
    assert there.ids == cells.ids and there.channels == cells.channels and there.modality == cells.modality
    assert same(cells, there) and there.read(0).dtype == np.uint16


def test_cells_of_several_sizes_with_samples_and_copies(tmp_path) -> None:
    first = stack(3, 12).with_columns({"donor": ("a", "b", None)})
    copies = stack(3, 12)
    cells = CellSet.concatenate([first, stack(4, 9, seed=1), copies])
    hand_over(cells, tmp_path / "there")
    there = open_cells(tmp_path / "there", samples_csv=tmp_path / "there" / SAMPLES)
    assert sorted(there.ids) == sorted(cells.ids) and same(cells, there)
    donors = dict(zip(there.ids, there.column("donor"), strict=True))
    assert donors == dict(zip(cells.ids, cells.column("donor"), strict=True))


def test_files_keep_the_ids_of_their_content(blob_folder, tmp_path) -> None:
    cells = open_cells(blob_folder(count=2), subfolders="classes")
    hand_over(cells, tmp_path / "there")
    there = open_cells(tmp_path / "there")
    assert there.ids == cells.ids and same(cells, there) and there.modality == "brightfield"


def test_how_events_became_images_is_handed_over(tmp_path) -> None:
    times = np.arange(200)
    np.save(tmp_path / "cell.npy", np.stack([times % 32, times % 24, times, times % 2], axis=1))
    settings = EventSettings("voxel_grid", bins=3, recordings="cells")
    cells = open_cells(tmp_path / "cell.npy", events=settings)
    hand_over(cells, tmp_path / "there")
    there = open_cells(tmp_path / "there")
    assert cells.events == there.events == settings and same(cells, there)


def test_a_bad_cell_is_left_out(tmp_path) -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)
    pixels[1] = 7
    cells = CellSet.from_array(pixels, channels=("c",))
    (skipped,) = hand_over(cells, tmp_path / "there")
    assert "constant" in skipped.reason
    assert open_cells(tmp_path / "there").ids == (cells.ids[0], cells.ids[2])


def test_what_cannot_be(tmp_path) -> None:
    constant = CellSet.from_array(np.zeros((1, 1, 8, 8)), channels=("c",))
    with pytest.raises(InputError, match="none of the 1 cells"):
        hand_over(constant, tmp_path / "there")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not empty"):
        hand_over(stack(1, 8), tmp_path)


def test_it_can_be_given_up(tmp_path) -> None:
    def give_up(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_over(stack(3, 8), tmp_path / "there", give_up)
