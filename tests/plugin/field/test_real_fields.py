"""A microscope's file in a real window: its channels by name and its scale, as on the command line."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from sparseattn.cells import Field, SegmentSettings, cut_cells, find_cells, open_field

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


def test_all_channels_of_a_file_are_the_field(make_napari_viewer, qtbot, real_data: Path) -> None:
    path = real_data / "formats" / "nd2" / "example-pbmc.nd2"
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    widget.open_path(path)
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=60_000)
    assert widget.facts.text.text() == (
        "Kind of image not known, 4 channels: Mono, DAPI, FITC BP, TRITC BP, 0.6468 µm a pixel"
    )
    tab, session = widget.tabs.currentWidget().widget(), widget.session
    assert len(tab.choice.images) == 4
    tab.find.channel.setCurrentText("DAPI")
    qtbot.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.workspace.cells is not None, timeout=60_000)
    field = open_field(path)
    labels = find_cells(field, SegmentSettings(channel="DAPI"))
    wanted = cut_cells(field, Field.from_array(labels, "YX"), tab.crop).cells
    cells = session.workspace.cells
    assert cells.ids == wanted.ids and cells.channels == field.channels
    assert cells.pixel_size_um == field.pixel_size_um
    np.testing.assert_array_equal(cells.read(0), wanted.read(0))
    session.close()
