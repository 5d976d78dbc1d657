"""Fields that are read in parts: the same cells, crops, names and pictures as when read as a whole."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from skimage.draw import disk

from sparseattn.cells import CropSettings, Field, SegmentSettings, cut_cells, find_cells, open_field
from sparseattn.cells import field as fields
from sparseattn.cells.segment_large import find_cells_of_large
from sparseattn.errors import InputError

SHAPE = (700, 900)


@pytest.fixture(scope="module")
def pixels() -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on a noisy ground, and their label image; one half of the field holds none."""
    random = np.random.default_rng(0)
    image, labels = random.normal(500, 20, SHAPE), np.zeros(SHAPE, np.int32)
    number = 0
    for y in range(30, 690, 55):
        for x in range(30, 450, 55):
            number += 1
            inside = disk((y + random.integers(-8, 9), x + random.integers(-8, 9)), 10, shape=SHAPE)
            image[inside] += 600
            labels[inside] = number
    return image.astype(np.uint16), labels


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make any plane a large one, read in tiles of 128 pixels."""
    monkeypatch.setattr(fields, "LARGE_BYTES", 1000)
    monkeypatch.setattr(fields, "_TILE", 128)
    fields._recent_tile.cache_clear()


def write(kind: str, path: Path, image: np.ndarray) -> Path:
    if kind == "zarr":
        zarr.save_array(str(path.with_suffix(".zarr")), image)
        return path.with_suffix(".zarr")
    options = {
        "block": {},
        "tiles": {"tile": (64, 64), "compression": "zlib"},
        "strips": {"rowsperstrip": 48, "compression": "zlib", "predictor": True},
        "ome": {"tile": (64, 64), "ome": True},
    }[kind]
    tifffile.imwrite(path.with_suffix(".tif"), image, **options)
    return path.with_suffix(".tif")


@pytest.mark.parametrize("kind", ["block", "tiles", "strips", "ome", "zarr"])
@pytest.mark.parametrize("colour", [False, True])
def test_windows_are_parts_of_the_plane(kind: str, colour: bool, pixels, in_parts, tmp_path: Path) -> None:
    image = pixels[0]
    if colour:
        image = np.stack([image // 8, image // 9, image // 10], axis=-1).astype(np.uint8)
    field = open_field(
        write(kind, tmp_path / "a", image), layout="YXC" if colour and kind == "zarr" else None
    )
    assert field.large and field.shape == SHAPE
    expected = image.transpose(2, 0, 1) if colour else image[None]
    for y0, x0, y1, x1 in ((0, 0, 700, 900), (120, 130, 300, 260), (699, 899, 700, 900), (0, 800, 5, 900)):
        assert np.array_equal(field.window(0, y0, x0, y1, x1), expected[:, y0:y1, x0:x1])
    assert np.array_equal(np.concatenate([part for _, part in field.bands(0)], axis=1), expected)
    assert np.array_equal(field.plane(0), expected)


@pytest.mark.parametrize("neighbours", ["mask", "keep"])
def test_cells_are_the_same_in_parts(neighbours, pixels, tmp_path: Path, monkeypatch, request) -> None:
    image, labels = (write("tiles", tmp_path / name, part) for name, part in zip("ab", pixels, strict=True))
    settings = CropSettings(neighbours, margin=2.0)
    whole = cut_cells(open_field(image), open_field(labels), settings)
    expected = [whole.cells.read(i) for i in range(0, len(whole), 9)]
    painted, ids = whole.paint(0, np.arange(len(whole)), dtype=np.int32), whole.cells.ids
    request.getfixturevalue("in_parts")
    parts = cut_cells(open_field(image), open_field(labels), settings)
    assert parts.cells.ids == ids and parts.contents == whole.contents
    assert np.array_equal(parts.box, whole.box) and np.allclose(parts.centroid, whole.centroid)
    for found, known in zip((parts.cells.read(i) for i in range(0, len(parts), 9)), expected, strict=True):
        assert np.array_equal(found, known)
    assert np.array_equal(parts.paint(0, np.arange(len(parts)), dtype=np.int32), painted)
    assert parts.find(0, *map(int, parts.centroid[3].round())) == 3
    assert np.array_equal(parts.outline(5), whole.outline(5))


@pytest.mark.parametrize("tile", [200, 2000])
def test_cells_are_found_tile_by_tile(tile: int, pixels, in_parts, tmp_path: Path) -> None:
    image, known = pixels
    path = write("tiles", tmp_path / "a", image)
    count = find_cells_of_large(
        open_field(path), tmp_path / "labels.zarr", SegmentSettings("bright"), tile=tile
    )
    labels = open_field(tmp_path / "labels.zarr").plane(0)[0]
    assert count == known.max() == len(np.unique(labels)) - 1
    assert ((labels > 0) == (known > 0)).mean() > 0.99
    pairs = np.unique(np.stack([labels, known])[:, (labels > 0) & (known > 0)], axis=1)
    assert pairs.shape[1] == count  # each is one of the known, whole
    with pytest.raises(InputError, match="is there already"):
        find_cells_of_large(open_field(path), tmp_path / "labels.zarr")


def test_a_field_in_memory_is_never_large(in_parts) -> None:
    field = Field.from_array(np.zeros(SHAPE, np.uint16), "YX")
    assert not field.large and field.window(0, 1, 2, 3, 5).shape == (1, 2, 3)
    assert not find_cells(field).any()
