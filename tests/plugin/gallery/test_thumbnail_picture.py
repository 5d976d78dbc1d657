"""The pixels of a thumbnail."""

import numpy as np
from matplotlib import colormaps

from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.widgets.gallery.thumbnail_picture import shared_limits, thumbnail
from sparseattn.cells import open_cells


def test_path_differences_have_the_colours_of_the_canvas() -> None:
    cells = open_cells(sample_folder("opd"), subfolders="classes")
    limits = shared_limits(cells)
    shown = thumbnail(cells, 0, limits).reshape(-1, 3).astype(int)
    scale = np.round(255 * colormaps["viridis"](np.arange(256))[:, :3]).astype(int)
    distance = np.abs(shown[:, None] - scale[None]).sum(axis=2)
    assert distance.min(axis=1).max() <= 3
    place, nanometres = distance.argmin(axis=1), cells.read(0).ravel()
    assert np.corrcoef(place, nanometres)[0, 1] > 0.98
