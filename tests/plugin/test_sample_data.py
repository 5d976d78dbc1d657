"""The sample data in napari's File menu."""

import json

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sparseattn import _sample_data
from sparseattn.cells import open_cells
from sparseattn.simulate import CLASSES

SHAPES = {"opd": [(64, 64)], "events": [(64, 64)] * 2, "stained": [(64, 64, 3)]}


@pytest.mark.parametrize("instrument", SHAPES)
def test_samples_are_labelled_stacks_with_a_scale(instrument: str) -> None:
    viewer = ViewerModel()
    for data, keywords, kind in getattr(_sample_data, instrument)():
        getattr(viewer, f"add_{kind}")(data, **keywords)
    assert [layer.data.shape[1:] for layer in viewer.layers] == SHAPES[instrument]
    about = json.loads((_sample_data.sample_folder(instrument) / "cells.json").read_text())
    for layer in viewer.layers:
        said = layer.metadata["sparseattn"]
        cells = open_cells(said["path"], **said["options"])
        assert set(cells.classes) == set(CLASSES) and len(cells) == len(layer.data)
        assert tuple(layer.scale[-2:]) == (about["pixel_size_um"],) * 2
        assert np.asarray(layer.data[0]).max() > 0


def test_an_instrument_without_samples() -> None:
    with pytest.raises(FileNotFoundError, match="xray"):
        _sample_data.sample_folder("xray")
