"""Area and brightness: right on shapes that are known, for every type of number and either polarity."""

from pathlib import Path

import numpy as np
import pytest

from sparseattn.cells import CellSet, open_cells
from sparseattn.cells.measure import measure_cell, measure_cells
from sparseattn.simulate import simulate


def disk(size: int, radius: float, ground: float, cell: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.where(np.hypot(y, x) < radius, cell, ground)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.int16])
@pytest.mark.parametrize(("ground", "cell"), [(10, 100), (200, 40)])
def test_a_disk_has_its_area_and_its_value_in_each_channel(dtype: type, ground: int, cell: int) -> None:
    image = np.stack([disk(48, 15, ground, cell), np.full((48, 48), 7.0)]).astype(dtype)
    image[1, 24, 24] = 9
    area, means = measure_cell(image)
    assert abs(area - np.pi * 15**2) < 15
    assert means[0] == pytest.approx(cell) and 7 <= means[1] < 7.1


def test_a_large_image_is_measured_on_fewer_pixels_and_the_area_stays() -> None:
    area, means = measure_cell(disk(900, 200, 10, 100)[None])
    assert area == pytest.approx(np.pi * 200**2, rel=0.01) and means.tolist() == [100]


def test_the_whole_image_can_be_taken() -> None:
    image = disk(20, 5, 0, 10)[None]
    area, means = measure_cell(image, "whole")
    assert area == 400 and means[0] == pytest.approx(image.mean())


def test_chunks_cover_all_cells_and_a_bad_one_is_not_a_number() -> None:
    images = np.stack([disk(16, 3 + i, 0, 5)[None] for i in range(5)])
    images[2] = 1.0  # constant: refused by the set
    cells = CellSet.from_array(images, channels=("light",))
    parts = list(measure_cells(cells, chunk=2))
    assert [part for part, _ in parts] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    areas = np.concatenate([measured.area for _, measured in parts])
    assert np.isnan(areas[2]) and np.isnan(parts[1][1].means[0]).all()
    assert np.all(np.diff(areas[[0, 1, 3, 4]]) > 0)


@pytest.mark.parametrize("instrument", ["opd", "stained", "events"])
def test_simulated_cells_are_measured_near_their_true_area(instrument: str, tmp_path: Path) -> None:
    """A guide, not a segmentation: within a factor of 2.5 of the mask, for half the cells and more."""
    simulate(instrument, tmp_path / "cells", 20, 0)
    cells = open_cells(tmp_path / "cells", subfolders="classes")
    areas = np.concatenate([measured.area for _, measured in measure_cells(cells)])
    size = cells.shapes[0]
    assert np.all(areas > 0) and np.all(areas < size[0] * size[1])
    assert 0.05 < np.median(areas) / (size[0] * size[1]) < 0.7
