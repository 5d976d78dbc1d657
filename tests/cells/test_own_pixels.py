"""The outline that is guessed of a cell in the middle of an image, against masks that are known."""

import imageio.v3 as iio
import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.cells.own_pixels import find_own_pixels


def overlap(found, known) -> float:
    return float((found & known).sum() / (found | known).sum())


@pytest.mark.parametrize(("instrument", "least"), [("stained", 0.8), ("opd", 0.93)])
def test_simulated_cells(request, instrument, least):
    folder = request.config.rootpath / "sample_data" / instrument
    cells = open_cells(folder, subfolders="classes")
    overlaps = []
    for row in range(0, len(cells), 3):
        path = cells.origin(row).path
        (mask,) = (folder / "_masks" / path.parent.name).glob(f"{path.stem}.*")
        overlaps.append(overlap(find_own_pixels(cells.read(row)), iio.imread(mask) > 0))
    assert np.mean(overlaps) > least


def test_real_cells_outlined_by_hand(real_data):
    cells = open_cells(real_data / "stained_zheng" / "images", subfolders="classes")
    overlaps = [
        overlap(
            find_own_pixels(cells.read(row)),
            iio.imread(real_data / "stained_zheng" / "masks" / f"{cells.origin(row).path.stem}.png") > 0,
        )
        for row in range(0, len(cells), 8)
    ]
    assert np.mean(overlaps) > 0.88


def test_the_cell_in_the_middle_not_its_neighbour():
    y, x = np.mgrid[:333, :400]
    image = np.random.default_rng(0).normal(200, 3, (3, 333, 400))
    mine, other = np.hypot(y - 166, x - 190) < 60, np.hypot(y - 60, x - 340) < 55
    for channel in range(3):
        image[channel][mine | other] -= 80
    assert overlap(find_own_pixels(image.astype(np.uint8)), mine) > 0.85
    assert not find_own_pixels(np.full((1, 30, 20), 7, np.uint16)).any()
    one = np.zeros((1, 9, 9), np.float32)
    one[0, 4, 4] = 1
    assert find_own_pixels(one)[4, 4]
