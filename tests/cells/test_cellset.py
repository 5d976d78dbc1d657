"""CellSet: lazy cells, ids, subsets, joins, labels and samples."""

import string
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import CellError, InputError


def stack(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, 2, 5, 6), dtype=np.uint8)


def cells_of(images: np.ndarray, **more) -> CellSet:
    return CellSet.from_array(images, channels=[f"c{i}" for i in range(images.shape[1])], **more)


def test_an_array_is_read_back_as_it_is() -> None:
    images = stack(4)
    cells = cells_of(images, labels=["b", None, "a", "b"], modality="flow", name="made")
    assert (len(cells), cells.channels, cells.modality) == (4, ("c0", "c1"), "flow")
    assert cells.labels == ("b", None, "a", "b")
    assert cells.classes == ("a", "b")
    assert cells.shapes == ((5, 6),) * 4
    assert [(origin.path, origin.index) for origin in cells.origins] == [(Path("made"), i) for i in range(4)]
    for i, image in enumerate(images):
        np.testing.assert_array_equal(cells.read(i), image)
        assert cells.read(i).dtype == np.uint8


def test_what_is_read_may_be_changed_without_changing_the_source() -> None:
    images = stack(1)
    cells = cells_of(images)
    cells.read(0)[:] = 0
    np.testing.assert_array_equal(cells.read(0), images[0])


IMAGES = arrays.arrays(np.uint16, st.tuples(st.integers(1, 8), st.just(1), st.just(2), st.just(3)))


@settings(deadline=None, max_examples=50)
@given(IMAGES)
def test_ids_are_unique_and_depend_on_nothing_but_the_cells(images: np.ndarray) -> None:
    ids = cells_of(images).ids
    assert len(set(ids)) == len(images)
    assert all(len(name) == 16 and set(name) <= set(string.hexdigits.lower()) for name in ids)
    assert cells_of(images.copy(), name="elsewhere").ids == ids
    assert cells_of(images.astype(">u2")).ids == ids


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_subset_keeps_all_that_is_known_of_its_cells(data: st.DataObject) -> None:
    images = stack(6)
    whole = cells_of(images, labels=list("abcabc")).with_samples(pd.DataFrame({"donor": list("xyxyxy")}))
    chosen = data.draw(st.lists(st.integers(0, 5), max_size=8))
    part = whole.subset(chosen)
    assert part.ids == tuple(whole.ids[i] for i in chosen)
    assert part.labels == tuple(whole.labels[i] for i in chosen)
    assert part.groups == tuple(whole.groups[i] for i in chosen)
    assert part.origins == tuple(whole.origins[i] for i in chosen)
    assert part.samples["donor"].tolist() == [whole.samples["donor"][i] for i in chosen]
    again = data.draw(st.lists(st.integers(0, len(chosen) - 1))) if chosen else []
    assert part.subset(again).ids == whole.subset([chosen[i] for i in again]).ids
    for i, original in enumerate(chosen):
        np.testing.assert_array_equal(part.read(i), images[original])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 5), max_size=6, unique=True), st.lists(st.integers(0, 5), max_size=6, unique=True)
)
def test_joined_sets_hold_the_cells_of_each_in_turn(one: list[int], two: list[int]) -> None:
    whole = cells_of(stack(6), labels=list("abcabc"))
    joined = CellSet.concatenate([whole.subset(one), whole.subset(two)])
    assert joined.labels == tuple(whole.labels[i] for i in one + two)
    assert joined.ids[: len(one)] == tuple(whole.ids[i] for i in one)
    assert len(set(joined.ids)) == len(joined) == len(one) + len(two)
    for i, original in enumerate(one + two):
        np.testing.assert_array_equal(joined.read(i), whole.read(original))
    assert joined.subset(range(len(joined))).ids == joined.ids


def test_equal_files_are_told_apart_in_the_order_of_their_paths(tmp_path: Path) -> None:
    picture = stack(1)[0, 0]
    for place in ("b/one.png", "a/two.png", "c/three.png"):
        (tmp_path / place).parent.mkdir()
        iio.imwrite(tmp_path / place, picture)
    cells = open_cells(tmp_path, subfolders="classes")
    stem = cells.ids[0]
    assert cells.ids == (stem, f"{stem}-2", f"{stem}-3")
    assert cells.labels == ("a", "b", "c")
    assert CellSet.concatenate([cells.subset([2])]).ids == (f"{stem}-3",)


def test_the_id_of_a_file_stays_when_it_moves(tmp_path: Path) -> None:
    for class_name in ("a", "b"):
        (tmp_path / class_name).mkdir()
        iio.imwrite(tmp_path / class_name / "x.png", stack(1, seed=ord(class_name))[0, 0])
    before = open_cells(tmp_path, subfolders="classes").ids
    (tmp_path / "a" / "x.png").rename(tmp_path / "b" / "y.png")
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert set(open_cells(moved, subfolders="classes").ids) == set(before)


def test_a_file_that_has_gone_is_said_when_its_id_is_asked(tmp_path: Path) -> None:
    iio.imwrite(tmp_path / "x.png", stack(1)[0, 0])
    cells = open_cells(tmp_path)
    (tmp_path / "x.png").unlink()
    with pytest.raises(InputError, match=r"x\.png can no longer be read"):
        _ = cells.ids
    with pytest.raises(CellError, match=r"x\.png cannot be read"):
        cells.read(0)


def test_groups_are_donors_before_samples() -> None:
    cells = cells_of(stack(3))
    assert cells.groups == (None, None, None)
    assert list(cells.samples.columns) == []
    assert len(cells.samples) == 3
    samples = pd.DataFrame({"sample": ["s1", "s2", "s3"]})
    assert cells.with_samples(samples).groups == ("s1", "s2", "s3")
    donors = samples.assign(donor=[7, None, 7])
    assert cells.with_samples(donors).groups == ("7.0", None, "7.0")
    assert cells.with_samples(pd.DataFrame({"field": ["f", "f", "g"]})).groups == ("f", "f", "g")


def test_a_sample_column_that_one_source_lacks_is_empty_there() -> None:
    one = cells_of(stack(2)).with_samples(pd.DataFrame({"donor": ["x", "y"]}))
    joined = CellSet.concatenate([one, cells_of(stack(1))])
    assert joined.samples["donor"].tolist() == ["x", "y", None]
    assert joined.groups == ("x", "y", None)


@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (0.0, "constant")]
)
def test_a_bad_cell_is_named_and_the_others_go_on(value: float, reason: str) -> None:
    images = stack(3).astype(np.float32)
    images[1] = 0
    images[1, 0, 2, 2] = value
    cells = cells_of(images, name="made")
    with pytest.raises(CellError, match=f"made#1.*{reason}"):
        cells.read(1)
    cells.read(2)


def test_one_empty_channel_does_not_make_a_cell_constant() -> None:
    images = stack(1)
    images[:, 0] = 0
    np.testing.assert_array_equal(cells_of(images).read(0), images[0])


def test_truth_values_become_black_and_white() -> None:
    images = stack(1) > 100
    read = cells_of(images).read(0)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images[0] * np.uint8(255))


def test_what_does_not_fit_is_refused_in_one_sentence() -> None:
    images = stack(2)
    cells = cells_of(images)
    with pytest.raises(InputError, match=r"give \(N, C, H, W\)"):
        CellSet.from_array(images[0], channels=["a", "b"])
    with pytest.raises(InputError, match="2 channels and 1 channel names"):
        CellSet.from_array(images, channels=["a"])
    with pytest.raises(InputError, match="repeat"):
        CellSet.from_array(images, channels=["a", "a"])
    with pytest.raises(InputError, match="real numbers"):
        CellSet.from_array(images.astype(complex), channels=["a", "b"])
    with pytest.raises(InputError, match="3 labels for 2 cells"):
        cells.with_labels(["a", "b", "c"])
    with pytest.raises(InputError, match="1 rows for 2 cells"):
        cells.with_samples(pd.DataFrame({"donor": ["x"]}))
    with pytest.raises(InputError, match="no cells to join"):
        CellSet.concatenate([])
    with pytest.raises(InputError, match=r"channels .* differ"):
        CellSet.concatenate([cells, CellSet.from_array(images, channels=["a", "b"])])
    with pytest.raises(InputError, match=r"modality .* differ"):
        CellSet.concatenate([cells, cells_of(images, modality="phase")])
