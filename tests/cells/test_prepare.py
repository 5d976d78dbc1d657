"""Prepare: from cells to what the net sees, and back to the pixels of the original."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.cells import CellSet, Prepare, fit_prepare, fitting, open_cells
from sparseattn.errors import InputError

RNG = np.random.default_rng(0)
POLICIES = ("resize", "crop")


def cells_of(
    count: int, shape: tuple[int, int] = (20, 30), channels: int = 2, dtype: Any = np.uint8
) -> CellSet:
    images = RNG.integers(0, 255, (count, channels, *shape)).astype(dtype)
    return CellSet.from_array(images, channels=[f"c{i}" for i in range(channels)])


def plain(size: int, policy: Any = "resize", channels: tuple[str, ...] = ("c0",)) -> Prepare:
    """A preparation that leaves the units of the file as they are."""
    return Prepare(channels, size, policy, (0.0,) * len(channels), (1.0,) * len(channels))


# Boxes


SIDES, SIZES = st.integers(2, 90), st.integers(4, 24)
UNHURRIED = settings(deadline=None, max_examples=50)


# A policy, and the size of a cell's pixels where a pixel of the grid is 1 µm.
WAYS = st.one_of(
    st.tuples(st.sampled_from(POLICIES), st.none()), st.tuples(st.just("crop"), st.floats(0.05, 20))
)
Way = tuple[Any, float | None]


def way_of(size: int, way: Way) -> Prepare:
    """Return a preparation; where the cell's pixels have a size, of a grid of 1 µm a pixel."""
    return replace(plain(size, way[0]), grid_pixel_um=None if way[1] is None else 1.0)


@UNHURRIED
@given(SIDES, SIDES, SIZES, WAYS)
def test_boxes_of_the_grid_cover_what_the_net_sees(height: int, width: int, size: int, way: Way) -> None:
    prepare = way_of(size, way)
    counts = np.zeros((height, width), int)
    for y in range(size):
        for x in range(size):
            y0, x0, y1, x1 = prepare.box(y, x, (height, width), pixel_size_um=way[1])
            if (y0, x0, y1, x1) != (0, 0, 0, 0):
                assert 0 <= y0 < y1 <= height
                assert 0 <= x0 < x1 <= width
                counts[y0:y1, x0:x1] += 1
    if way[0] == "resize":
        assert counts.min() >= 1
        if max(height, width) >= size:
            assert counts.max() == 1  # made smaller: each original pixel in just one box
    elif way[1] is None:
        assert counts.max() == 1
        assert counts.sum() == min(height, size) * min(width, size)
    else:
        rows, columns = counts.any(axis=1), counts.any(axis=0)
        for seen, length in ((rows, height), (columns, width)):
            if length * way[1] <= size:
                assert seen.all()
            elif length * way[1] > size + 1:  # as much as the grid holds, to half a pixel
                assert abs(seen.sum() * way[1] - size) <= way[1] / 2 + 1e-9 or seen.sum() == 1
            assert (length - seen.sum()) // 2 == seen.argmax()  # in the middle


@UNHURRIED
@given(SIDES, SIDES, SIZES, WAYS)
def test_a_grid_map_lies_on_the_boxes_of_its_pixels(height: int, width: int, size: int, way: Way) -> None:
    prepare = way_of(size, way)
    grid = np.arange(1.0, size * size + 1).reshape(size, size)
    original = prepare.to_original(grid, (height, width), way[1])
    assert original.shape == (height, width)
    assert original.dtype == np.float32
    sums, counts = np.zeros((height, width)), np.zeros((height, width))
    for y in range(size):
        for x in range(size):
            y0, x0, y1, x1 = prepare.box(y, x, (height, width), pixel_size_um=way[1])
            sums[y0:y1, x0:x1] += grid[y, x]
            counts[y0:y1, x0:x1] += 1
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(original, sums / counts, rtol=1e-5)  # NaN where nothing was seen


@UNHURRIED
@given(SIDES, SIDES, SIZES, WAYS, st.data())
def test_the_box_of_a_square_holds_the_boxes_of_its_pixels(
    height: int, width: int, size: int, way: Way, data: st.DataObject
) -> None:
    prepare, shape = way_of(size, way), (height, width)
    pixels = data.draw(st.integers(1, 6))
    y, x = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    boxes = [
        prepare.box(y + i, x + j, shape, pixel_size_um=way[1]) for i in range(pixels) for j in range(pixels)
    ]
    boxes = [box for box in boxes if box != (0, 0, 0, 0)]
    expected = (0, 0, 0, 0)
    if boxes:
        low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
        expected = (low[0], low[1], high[2], high[3])
    assert prepare.box(y, x, shape, pixels, way[1]) == expected


@UNHURRIED
@given(st.integers(2, 40), st.integers(2, 40), st.integers(4, 40), WAYS)
def test_a_bright_pixel_is_found_again_through_its_box(height: int, width: int, size: int, way: Way) -> None:
    prepare = way_of(size, way)
    cell = np.zeros((1, height, width), np.float32)
    cell[0, height // 2, width // 2] = 1
    seen = prepare.image(cell, ("c0",), way[1])[0]
    y, x = np.unravel_index(seen.argmax(), seen.shape)
    y0, x0, y1, x1 = prepare.box(int(y), int(x), (height, width), pixel_size_um=way[1])
    assert y0 - 1 <= height // 2 <= y1  # boxes have whole pixels: the border between two may pass through one
    assert x0 - 1 <= width // 2 <= x1


@pytest.mark.parametrize("size", [32, 50, 200])
@pytest.mark.parametrize("pixel_size_um", [0.1, 0.2, 0.35, 0.8])
def test_a_disc_has_one_size_in_the_grid_whatever_its_magnification(pixel_size_um: float, size: int) -> None:
    side = round(40 / pixel_size_um)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    disc = (np.hypot(y, x) * pixel_size_um < 5).astype(np.float32)[None] * 100  # 10 µm across
    prepare = replace(plain(size, "crop"), grid_pixel_um=0.4)
    seen = prepare.image(disc, ("c0",), pixel_size_um)[0]
    assert (seen > 50).sum() * 0.4**2 == pytest.approx(np.pi * 25, rel=0.06)


def test_with_cropping_cells_of_another_pixel_size_are_rescaled_to_that_of_the_training_cells() -> None:
    wave = np.sin(np.arange(24) / 4)
    images = 100 * np.stack([np.multiply.outer(wave, np.roll(wave, shift))[None] for shift in range(4)])
    fine = CellSet.from_array(images.repeat(2, axis=2).repeat(2, axis=3), channels=["c"], pixel_size_um=0.1)
    coarse = CellSet.from_array(images, channels=["c"], pixel_size_um=0.2)
    unknown = CellSet.from_array(images, channels=["c"])
    prepare, prepared = fit_prepare(coarse, range(4), size=16, policy="crop")
    assert (prepare.pixel_size_um, prepare.field_um) == (0.2, (pytest.approx(4.8), pytest.approx(4.8)))
    both = CellSet.concatenate([fine, coarse, unknown]).subset([9, 5, 1])
    assert both.pixel_sizes_um == (None, 0.2, 0.1) and both.pixel_size_um is None
    (batch,) = prepare.batches(both)
    np.testing.assert_array_equal(batch.images[0], prepared.images[1])
    np.testing.assert_array_equal(batch.images[1], prepared.images[1])
    np.testing.assert_allclose(batch.images[2], prepared.images[1], atol=0.25)


def test_a_grid_of_fixed_size_needs_the_pixel_size_of_every_cell() -> None:
    images = RNG.integers(0, 255, (3, 1, 24, 24), dtype=np.uint8)
    cells = CellSet.concatenate(
        [
            CellSet.from_array(images, channels=["c"], pixel_size_um=0.2),
            CellSet.from_array(images, channels=["c"]),
        ]
    )
    with pytest.raises(InputError, match=r"pixel size of 3 of 6 cells is not known.* --pixel-size"):
        fit_prepare(cells, range(6), size=16, grid_pixel_um=0.4)
    with pytest.raises(InputError, match="leave the policy out"):
        fit_prepare(cells.subset(range(3)), range(3), size=16, grid_pixel_um=0.4, policy="resize")
    prepare, _ = fit_prepare(cells.subset(range(3)), range(3), size=16, grid_pixel_um=0.4)
    assert (prepare.policy, prepare.grid_pixel_um, prepare.scale(0.2)) == ("crop", 0.4, 0.5)


# What the net sees


def test_cropping_keeps_the_pixels() -> None:
    cell = RNG.integers(0, 255, (1, 20, 9), dtype=np.uint8)
    seen = plain(12, "crop").image(cell, ("c0",))[0]
    np.testing.assert_array_equal(seen[:, 1:10], cell[0, 4:16])
    assert not seen[:, :1].any() and not seen[:, 10:].any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_resizing_takes_the_mean_of_what_it_covers(dtype: Any) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(dtype)[None]
    seen = plain(16).image(smooth, ("c0",))[0]
    assert seen.dtype == np.float32
    blocks = smooth[0].astype(float).reshape(16, 4, 16, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(seen[1:-1, 1:-1], blocks[1:-1, 1:-1], atol=1.01 if dtype == np.uint8 else 0.01)


def test_resizing_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (64, 32))[None]
    seen = plain(16).image(stripes, ("c0",))[0]
    np.testing.assert_allclose(seen, 100, atol=8)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(90, 2), (2, 90), (64, 1), (1, 64)])
def test_narrow_cells_are_not_lost(shape: tuple[int, int], dtype: Any) -> None:
    seen = plain(16).image(np.full((1, *shape), 100, dtype), ("c0",))
    assert set(np.unique(seen.round(3))) == {0, 100}


def test_the_aspect_is_kept_and_padding_is_the_mean() -> None:
    cell = np.full((1, 10, 40), 7.0) + RNG.normal(size=(1, 10, 40))
    seen = replace(plain(20), mean=(-5.0,)).image(cell, ("c0",))[0]
    assert (seen[:7] == 0).all() and (seen[12:] == 0).all()
    np.testing.assert_allclose(seen[7:12], 12, atol=2)


def test_channels_are_chosen_by_name() -> None:
    cell = RNG.integers(0, 255, (3, 8, 8), dtype=np.uint8)
    seen = plain(8, channels=("PI", "BF")).image(cell, ("BF", "DF", "PI"))
    np.testing.assert_array_equal(seen, cell[[2, 0]])
    with pytest.raises(
        InputError, match=r"no channel 'PI'; the model was made for PI, BF and they have BF, DF"
    ):
        plain(8, channels=("PI", "BF")).image(cell[:2], ("BF", "DF"))
    with pytest.raises(InputError, match="no channel 'PI'"):
        next(plain(8, channels=("PI",)).batches(cells_of(2)))


# Fitting


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(20, 30), (8, 8), (64, 64)])
def test_training_cells_are_standardised(policy: Any, shape: tuple[int, int]) -> None:
    cells = cells_of(12, shape, dtype=np.uint16)
    prepare, prepared = fit_prepare(cells, range(8), size=16, policy=policy)
    region = ~np.isnan(prepare.to_original(np.zeros((16, 16)), shape))
    assert region.any()
    seen = prepared.images[:8].transpose(1, 0, 2, 3)
    inside = np.array([[prepare.box(y, x, shape) != (0, 0, 0, 0) for x in range(16)] for y in range(16)])
    np.testing.assert_allclose(seen[:, :, inside].mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(seen[:, :, inside].std(axis=(1, 2)), 1, atol=1e-4)
    assert not prepared.images[:, :, ~inside].any()


def test_other_cells_do_not_move_the_fit() -> None:
    images = RNG.integers(0, 255, (6, 1, 16, 16)).astype(np.float32)
    changed = images.copy()
    changed[4:] *= 1000
    fits = [fit_prepare(CellSet.from_array(a, channels=["c"]), [3, 0, 1], size=16) for a in (images, changed)]
    assert fits[0][0] == fits[1][0]
    np.testing.assert_allclose(fits[0][0].mean, images[[0, 1, 3]].mean(), rtol=1e-5)
    np.testing.assert_allclose(fits[0][0].std, images[[0, 1, 3]].std(), rtol=1e-5)


def test_large_offsets_do_not_spoil_the_spread() -> None:
    images = 1e6 + RNG.normal(size=(40, 1, 16, 16))
    prepare, _ = fit_prepare(CellSet.from_array(images, channels=["c"]), range(40), size=16)
    np.testing.assert_allclose(prepare.std, images.astype(np.float32).std(dtype=float), rtol=1e-3)


def test_batches_are_what_fitting_prepared() -> None:
    cells = cells_of(23)
    prepare, prepared = fit_prepare(cells, range(10), size=16)
    assert prepared.indices.tolist() == list(range(23))
    batches = list(prepare.batches(cells, 10))
    assert [len(batch.indices) for batch in batches] == [10, 10, 3]
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in batches]), prepared.images)
    one = prepare.image(cells.read(7), cells.channels)
    np.testing.assert_array_equal(one, prepared.images[7])


def test_what_is_prepared_may_lie_in_a_temporary_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cells = cells_of(23)
    prepare, prepared = fit_prepare(cells, range(10), size=16)
    monkeypatch.setattr(fitting, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    again, mapped = fit_prepare(cells, range(10), size=16)
    assert isinstance(mapped.images, np.memmap)
    assert again == prepare
    np.testing.assert_array_equal(mapped.images, prepared.images)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ("a", "1", "b")),
        (["b", "a"], ("b", "a")),
        ([0, "2"], ("a", "b")),
        (["1"], ("1",)),
        ([1], ("1",)),
    ],
)
def test_channels_are_chosen_by_name_or_index(chosen: Any, names: tuple[str, ...]) -> None:
    cells = CellSet.from_array(RNG.random((3, 3, 8, 8)), channels=["a", "1", "b"])
    prepare, prepared = fit_prepare(cells, [0, 1], channels=chosen, size=8)
    assert prepare.channels == names
    assert prepared.images.shape == (3, len(names), 8, 8)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"channels": ["c9"]}, r"no channel 'c9'; the cells have 0 \(c0\), 1 \(c1\)"),
        ({"channels": [2]}, "no channel 2"),
        ({"channels": ["-1"]}, "no channel '-1'"),
        ({"channels": [-1]}, "no channel -1"),
        ({"channels": ["c0", 0]}, "each once"),
        ({"channels": []}, "one or more"),
        ({"size": 2}, "use 4 to 1024"),
        ({"size": 5000}, "use 4 to 1024"),
        ({"policy": "stretch"}, "use resize or crop"),
        ({"train": []}, "None of the 0 training cells"),
    ],
)
def test_choices_that_cannot_be_are_refused(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        fit_prepare(cells_of(3), **{"train": [0, 1], **more})


def test_a_channel_that_says_nothing_is_refused() -> None:
    images = RNG.random((3, 2, 8, 8))
    images[:, 1] = 5
    cells = CellSet.from_array(images, channels=["a", "b"])
    with pytest.raises(InputError, match="Channel 'b' is constant"):
        fit_prepare(cells, range(3), size=8)
    prepare, _ = fit_prepare(cells, range(3), channels=["a"], size=8)
    assert prepare.channels == ("a",)


def test_no_usable_training_cell_says_why() -> None:
    images = RNG.random((3, 1, 8, 8))
    images[:2] = np.nan
    with pytest.raises(InputError, match=r"None of the 2 training cells can be used.*NaN"):
        fit_prepare(CellSet.from_array(images, channels=["a"]), [0, 1], size=8)


def test_values_that_float32_cannot_hold_are_named() -> None:
    images = RNG.random((3, 1, 16, 16))
    images[1] *= 1e300
    _, prepared = fit_prepare(CellSet.from_array(images, channels=["a"], name="made"), range(3), size=8)
    assert prepared.indices.tolist() == [0, 2]
    assert prepared.skipped[0].origin == "made#1"
    assert "NaN or infinite" in prepared.skipped[0].reason


# On disk


def test_a_preparation_is_saved_as_json() -> None:
    prepare, _ = fit_prepare(cells_of(5), range(5), size=16, policy="crop")
    assert Prepare.from_json(json.loads(json.dumps(prepare.to_json()))) == prepare
    assert set(prepare.to_json()) == {"channels", "size", "policy", "mean", "std"}  # as ever: the hash stays
    sized = replace(prepare, pixel_size_um=0.1, field_um=(3.0, 4.5), grid_pixel_um=0.4)
    assert Prepare.from_json(json.loads(json.dumps(sized.to_json()))) == sized


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": 10**9},
        {"size": None},
        {"size": float("inf")},
        {"policy": "stretch"},
        {"policy": []},
        {"mean": [0.0]},
        {"mean": ["x", "y"]},
        {"mean": [float("nan"), 0.0]},
        {"std": [0.0, 1.0]},
        {"std": [-1.0, 1.0]},
        {"std": 1.0},
        {"channels": []},
        {"channels": ["c0", "c0"]},
        {"channels": 3},
        {"channels": "ab"},
        {"pixel_size_um": 0},
        {"field_um": [1.0]},
        {"field_um": [-1.0, 2.0]},
        {"grid_pixel_um": "x"},
        {"grid_pixel_um": 0.3},
    ],
)
def test_nonsense_is_refused(change: dict[str, Any]) -> None:
    sound = plain(16, channels=("c0", "c1")).to_json()
    with pytest.raises(InputError, match="preparation of the model is damaged"):
        Prepare.from_json({**sound, **change})
    for name in sound:
        with pytest.raises(InputError, match="preparation of the model is damaged"):
            Prepare.from_json({key: value for key, value in sound.items() if key != name})


# Threads


def test_one_thread_gives_what_many_give(tmp_path: Path) -> None:
    images = RNG.integers(0, 255, (70, 12, 14)).astype(np.uint16)
    shape = (10, 12, 14)
    array = zarr.create_array(str(tmp_path / "cells.zarr"), data=images, chunks=shape, compressors=None)
    cells = open_cells(tmp_path / "cells.zarr", layout="NYX")
    (tmp_path / "cells.zarr" / array.metadata.encode_chunk_key((3, 0, 0))).write_bytes(b"cut off")
    before, found, left_out = torch.get_num_threads(), [], []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            skipped: list[Any] = []
            batches = plain(8, channels=cells.channels).batches(cells, 16, on_skip=skipped.append)
            found.append([(batch.indices.tolist(), batch.images.tobytes()) for batch in batches])
            left_out.append(skipped)
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] and left_out[0] == left_out[1]
    assert [i for indices, _ in found[0] for i in indices] == [*range(30), *range(40, 70)]
