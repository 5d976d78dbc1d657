"""Cells cut out of a field by an instance label image, and the way back."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.cells import CropSettings, Field, cut_cells, open_field
from sparseattn.errors import CellError, InputError

SHAPE = (40, 50)


def picture(seed: int = 0, planes: int | None = None) -> np.ndarray:
    """RGB noise, (Y, X, 3) or (planes, Y, X, 3)."""
    leading = () if planes is None else (planes,)
    return np.random.default_rng(seed).integers(1, 255, (*leading, *SHAPE, 3), dtype=np.uint8)


def three_cells() -> np.ndarray:
    """Labels 7 (upper left corner), 3 (the middle) and 9, which touches 3."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[:8, :6] = 7
    labels[15:25, 20:30] = 3
    labels[15:25, 30:36] = 9
    return labels


def fields(image: np.ndarray, labels: np.ndarray) -> tuple[Field, Field]:
    leading = "N" * (labels.ndim - 2)
    return Field.from_array(image, leading + "YXC", name="smear.png"), Field.from_array(
        labels, leading + "YX"
    )


def test_each_cell_is_cut_out_with_what_is_known_of_it() -> None:
    image = picture()
    found = cut_cells(*fields(image, three_cells()), CropSettings("keep", 0.5))
    assert found.cells.channels == ("red", "green", "blue")
    assert found.cells.modality == "brightfield"
    assert found.label.tolist() == [3, 7, 9]
    samples = found.cells.samples
    assert samples["label"].tolist() == [3, 7, 9]
    assert samples["area"].tolist() == [100, 48, 60]
    assert samples["centroid_y"].tolist() == [19.5, 3.5, 19.5]
    assert samples["centroid_x"].tolist() == [24.5, 2.5, 32.5]
    assert samples["touches_edge"].tolist() == [0, 1, 0]
    assert found.cells.groups == ("smear.png",) * 3
    # the square of 10 + 2 x 5 pixels around cell 3; that of cell 7 is cut off at the corner
    np.testing.assert_array_equal(found.cells.read(0), image[10:30, 15:35].transpose(2, 0, 1))
    assert found.offset(0) == (10, 15)
    np.testing.assert_array_equal(found.cells.read(1), image[:12, :11].transpose(2, 0, 1))
    assert found.offset(1) == (0, 0)


def test_neighbours_can_be_masked_with_the_background() -> None:
    image = picture()
    labels = three_cells()
    kept, masked = (
        cut_cells(*fields(image, labels), CropSettings(neighbours, 0.5)).cells.read(0)
        for neighbours in ("keep", "mask")
    )
    other = labels[10:30, 15:35] == 9
    np.testing.assert_array_equal(masked[:, ~other], kept[:, ~other])
    for channel in range(3):
        assert set(masked[channel][other]) == {int(np.median(image[labels == 0][:, channel]))}


def test_crops_of_fixed_side_keep_the_scale_of_the_field() -> None:
    found = cut_cells(*fields(picture(), three_cells()), CropSettings(side=16))
    assert found.cells.shapes[0] == (16, 16)
    assert found.crop[0].tolist() == [12, 17, 28, 33]


LABELS = st.builds(
    lambda seed, count: _random_labels(seed, count), st.integers(0, 10_000), st.integers(1, 12)
)


def _random_labels(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.int32)
    for number in random.choice(np.arange(1, 500), count, replace=False):
        y, x = random.integers(0, SHAPE[0] - 2), random.integers(0, SHAPE[1] - 2)
        labels[y : y + random.integers(2, 12), x : x + random.integers(2, 12)] = number
    return labels


@settings(max_examples=60)
@given(LABELS, st.sampled_from([CropSettings(), CropSettings("mask", 0.0), CropSettings(side=9)]))
def test_crops_boxes_and_paint_lie_where_the_cells_do(labels: np.ndarray, how: CropSettings) -> None:
    image = picture()
    found = cut_cells(*fields(image, labels), how)
    for i, number in enumerate(found.label):
        y, x = found.offset(i)
        height, width = found.cells.shapes[i]
        crop = found.cells.read(i)
        mine = labels[y : y + height, x : x + width] == number
        np.testing.assert_array_equal(found.outline(i), mine)
        there = image[y : y + height, x : x + width].transpose(2, 0, 1)
        np.testing.assert_array_equal(crop[:, mine], there[:, mine])
        assert mine.sum() == found.area[i] or how.side is not None
        # a box of the crop, laid into the field, holds the same pixels
        box = found.boxes_in_field(i, np.array([[0, 0, 1, 2]]))[0]
        np.testing.assert_array_equal(box, [y, x, y + 1, x + 2])
    painted = found.paint(0, np.arange(1, len(found) + 1))
    np.testing.assert_array_equal(painted > 0, labels > 0)
    for i, number in enumerate(found.label):
        assert set(painted[labels == number]) == {i + 1}
        y, x = np.argwhere(labels == number)[0]
        assert found.find(0, int(y), int(x)) == i


@settings(max_examples=40)
@given(LABELS, st.integers(0, 100))
def test_label_numbers_mean_nothing_to_a_cell(labels: np.ndarray, seed: int) -> None:
    numbers = np.unique(labels[labels > 0])
    anew = np.zeros(501, np.int32)
    anew[numbers] = np.random.default_rng(seed).permutation(len(numbers)) + 1
    before = cut_cells(*fields(picture(), labels), CropSettings("mask"))
    after = cut_cells(*fields(picture(), anew[labels]), CropSettings("mask"))
    # two cells of one centroid and area are told apart by their order alone
    stems = [name for name in before.cells.ids if "-" not in name]
    assert set(stems) <= set(after.cells.ids)
    assert set(before.contents) == set(after.contents) or len(stems) < len(before)


def test_an_id_holds_the_content_of_the_field_and_the_place() -> None:
    ids = cut_cells(*fields(picture(), three_cells())).cells.ids
    moved = np.roll(three_cells(), 3, axis=1)
    assert not set(ids) & set(cut_cells(*fields(picture(seed=1), three_cells())).cells.ids)
    assert not set(ids) & set(cut_cells(*fields(picture(), moved)).cells.ids)
    assert cut_cells(*fields(picture(), three_cells()), CropSettings("mask", 1.0)).cells.ids == ids


def test_a_cell_is_to_be_classified_again_when_its_crop_changed() -> None:
    labels = three_cells()
    before = {how: cut_cells(*fields(picture(), labels), CropSettings(how, 0.5)) for how in ("keep", "mask")}
    labels = labels.copy()
    labels[24, 30:36] = 0  # cell 9 loses a row; it shows in the crop of 3 as well
    after = {how: cut_cells(*fields(picture(), labels), CropSettings(how, 0.5)) for how in ("keep", "mask")}
    assert after["keep"].contents[:2] == before["keep"].contents[:2]
    assert after["keep"].contents[2] != before["keep"].contents[2]
    assert after["mask"].contents[0] != before["mask"].contents[0]


def test_planes_of_a_stack_are_cut_one_by_one() -> None:
    image = picture(planes=3)
    labels = np.stack([three_cells(), np.zeros_like(three_cells()), np.roll(three_cells(), 5, axis=0)])
    found = cut_cells(*fields(image, labels), CropSettings("keep"))
    assert found.plane.tolist() == [0, 0, 0, 2, 2, 2]
    assert found.cells.samples["plane"].tolist() == [0, 0, 0, 2, 2, 2]
    assert len(set(found.cells.ids)) == 6
    y0, x0, y1, x1 = found.crop[3]
    np.testing.assert_array_equal(found.cells.read(3), image[2, y0:y1, x0:x1].transpose(2, 0, 1))
    assert not found.paint(1, np.ones(6)).any()
    assert cut_cells(*fields(image, labels), planes=[2]).cells.ids == found.cells.ids[3:]


def test_labels_that_do_not_fit_are_refused() -> None:
    field, labels = fields(picture(), three_cells())
    with pytest.raises(InputError, match="hold no cell"):
        cut_cells(field, Field.from_array(np.zeros(SHAPE, int), "YX"))
    with pytest.raises(InputError, match="40 x 49 pixels and the field"):
        cut_cells(field, Field.from_array(three_cells()[:, 1:], "YX", name="labels"))
    with pytest.raises(InputError, match="whole numbers"):
        cut_cells(field, Field.from_array(three_cells() / 2, "YX"))
    with pytest.raises(InputError, match="3 channels"):
        cut_cells(field, Field.from_array(picture(), "YXC"))
    with pytest.raises(InputError, match="one a cell"):
        cut_cells(field, labels).paint(0, [1, 2])
    for bad in ({"neighbours": "eat"}, {"margin": -1.0}, {"side": 1}):
        with pytest.raises(InputError):
            CropSettings(**bad)


def test_settings_are_kept_as_json() -> None:
    how = CropSettings("mask", 0.4, 90)
    assert CropSettings.from_json(how.to_json()) == how
    with pytest.raises(InputError, match="damaged"):
        CropSettings.from_json({"neighbours": "keep"})


def test_a_field_file_gives_the_same_cells_as_the_array(tmp_path: Path) -> None:
    image, labels = picture(planes=2), np.stack([three_cells()] * 2)
    tifffile.imwrite(tmp_path / "smear.png.tif", image, photometric="rgb")
    tifffile.imwrite(tmp_path / "labels.tif", labels, metadata={"axes": "TYX"})
    field, marks = open_field(tmp_path / "smear.png.tif"), open_field(tmp_path / "labels.tif")
    assert (field.planes, field.shape, field.channels) == (2, SHAPE, ("red", "green", "blue"))
    from_files, from_arrays = cut_cells(field, marks), cut_cells(*fields(image, labels))
    assert from_files.cells.ids == from_arrays.cells.ids
    np.testing.assert_array_equal(from_files.cells.read(4), from_arrays.cells.read(4))
    with pytest.raises(InputError, match="no file"):
        open_field(tmp_path / "none.tif")
    with pytest.raises(InputError, match="is a folder"):
        open_field(tmp_path)


def test_a_cell_on_blank_ground_is_left_out_and_the_others_are_not() -> None:
    image = picture()
    image[:20] = 200
    labels = three_cells()
    found = cut_cells(*fields(image, labels))
    with pytest.raises(CellError, match="constant"):
        found.cells.read(1)
    assert found.cells.read(0).size


def test_memory_holds_no_copy_of_the_field_a_cell() -> None:
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.pad(np.ones((38, 38), int), 1)).astype(np.int32)
    image = np.random.default_rng(0).integers(0, 255, (*labels.shape, 3), dtype=np.uint8)
    tracemalloc.start()
    found = cut_cells(Field.from_array(image, "YXC"), Field.from_array(labels, "YX"))
    cut, _ = tracemalloc.get_traced_memory()
    crops = 0
    for i in range(len(found)):
        crops += found.cells.read(i).nbytes
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 400
    assert crops > image.nbytes / 2
    assert cut < image.nbytes / 2  # tables, no pixels
    assert after - cut < image.nbytes / 20
