"""What is it? in a real window: shown, corrected, remembered; and what is done where a model does not fit."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_sparseattn.widgets.channel_dialog import ChannelDialog
from napari_sparseattn.widgets.what_is_it_dialog import WhatIsItDialog
from sparseattn.cells import open_cells

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


@pytest.fixture(autouse=True)
def own_settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEATTN_CONFIG", str(tmp_path / "config"))


def write_cells(folder: Path, cells, count: int = 20) -> Path:
    """Write cells as TIFFs of so many pages, without a word about them."""
    folder.mkdir()
    for index in range(count):
        tifffile.imwrite(folder / f"{index:02}.tif", cells.read(index), photometric="minisblack")
    return folder


def question(qtbot, widget, kind: type):
    """Wait for a dialog of a kind."""
    qtbot.waitUntil(
        lambda: isinstance(widget.questions.shown, kind) and widget.questions.shown.isVisible(),
        timeout=60_000,
    )
    return widget.questions.shown


def press_ok(qtbot, dialog) -> None:
    qtbot.mouseClick(dialog.buttons.button(dialog.buttons.StandardButton.Ok), Qt.MouseButton.LeftButton)


def test_a_guess_that_matters_is_asked_about_once_and_remembered(window, qtbot, cells_of, tmp_path) -> None:
    _, widget = window
    folder = write_cells(tmp_path / "flow", cells_of(channels=2))
    widget.open_path(folder)
    dialog = question(qtbot, widget, WhatIsItDialog)
    ids = widget.workspace.cells.ids
    assert widget.facts.text.text() == (
        "Kind of image not known, 2 channels: channel 0, channel 1, pixel size not known"
    )
    dialog.channels[0].setText("Ch1")
    dialog.channels[1].setText("Ch1")
    assert not dialog.buttons.button(dialog.buttons.StandardButton.Ok).isEnabled()
    dialog.channels[1].setText("darkfield")
    dialog.modality.setCurrentIndex(dialog.modality.findText("imaging flow cytometry"))
    dialog.pixel_size.setValue(0.33)
    press_ok(qtbot, dialog)
    qtbot.waitUntil(lambda: widget.workspace.cells.channels == ("Ch1", "darkfield"), timeout=60_000)
    wanted = "Imaging flow cytometry, 2 channels: Ch1, darkfield, 0.33 µm a pixel"
    assert widget.facts.text.text() == wanted
    qtbot.waitUntil(lambda: "remembered in" in widget.status.text.text())
    assert widget.workspace.cells.ids == ids  # labels stay
    assert widget.workspace.sources[0].options == {}
    again = open_cells(folder)  # as the command line does
    assert (again.modality, again.channels, again.pixel_size_um) == ("flow", ("Ch1", "darkfield"), 0.33)
    widget.questions.shown = None
    widget.open_path(folder)
    qtbot.waitUntil(lambda: not widget.session.jobs.running, timeout=60_000)
    assert widget.questions.shown is None and widget.facts.text.text() == wanted


def test_a_correction_for_now_is_not_written(window, qtbot, cells_of, tmp_path) -> None:
    _, widget = window
    folder = write_cells(tmp_path / "plain", cells_of())
    widget.open_path(folder)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    qtbot.mouseClick(widget.facts.button, Qt.MouseButton.LeftButton)
    dialog = question(qtbot, widget, WhatIsItDialog)
    dialog.pixel_size.setValue(0.5)
    dialog.remember.click()
    press_ok(qtbot, dialog)
    qtbot.waitUntil(lambda: widget.workspace.cells.pixel_size_um == 0.5, timeout=60_000)
    assert "0.5 µm a pixel" in widget.facts.text.text()
    assert widget.workspace.sources[0].options["pixel_size_um"] == 0.5  # for the project
    assert not (folder / "cells.json").exists()


def test_which_axis_is_which_is_asked_for(window, qtbot, tmp_path) -> None:
    viewer, widget = window
    images = np.random.default_rng(0).random((4, 24, 30)).astype(np.float32)
    np.save(tmp_path / "unclear.npy", images)
    widget.open_path(tmp_path / "unclear.npy")
    dialog = question(qtbot, widget, WhatIsItDialog)
    offered = [dialog.layout_of.itemText(place) for place in range(dialog.layout_of.count())]
    assert "4 cells x 24 rows x 30 columns" in offered and "4 channels x 24 rows x 30 columns" in offered
    dialog.layout_of.setCurrentText("4 cells x 24 rows x 30 columns")
    press_ok(qtbot, dialog)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert len(widget.workspace.cells) == 4
    assert np.array_equal(np.asarray(viewer.layers[0].data[2]), images[2])
    said = json.loads((tmp_path / "cells.json").read_text())
    assert said["files"]["unclear.npy"]["layout"] == "NYX"  # others beside it are not changed


def test_a_model_asks_once_which_channel_is_which(window, qtbot, cells_of, model_file, tmp_path) -> None:
    _, widget = window
    cells = cells_of(channels=2)
    folder = write_cells(tmp_path / "cells", cells)
    (folder / "cells.json").write_text('{"channels": ["Ch4", "Ch6"], "layout": "CYX"}')
    model = model_file(cells.with_channels(["brightfield", "darkfield"]))
    widget.open_path(folder)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    widget.open_path(model)
    dialog = question(qtbot, widget, ChannelDialog)
    dialog.boxes["brightfield"].setCurrentText("Ch6")
    assert not dialog.buttons.button(dialog.buttons.StandardButton.Ok).isEnabled()
    dialog.boxes["darkfield"].setCurrentText("Ch4")
    press_ok(qtbot, dialog)
    qtbot.waitUntil(lambda: widget.workspace.explanation is not None, timeout=60_000)
    assert widget.workspace.model_cells.channels == ("darkfield", "brightfield")
    qtbot.waitUntil(lambda: "remembered" in widget.status.text.text(), timeout=60_000)
    assert open_cells(folder).channels == ("darkfield", "brightfield")  # as the command line does
    widget.open_path(folder)
    qtbot.waitUntil(lambda: widget.workspace.cells.channels == ("darkfield", "brightfield"), timeout=60_000)
    assert widget.workspace.mismatch is None and not widget.questions.shown.isVisible()


def test_who_says_no_is_not_asked_again_and_a_button_remains(
    window, qtbot, cells_of, model_file, tmp_path
) -> None:
    _, widget = window
    cells = cells_of(channels=2)
    folder = write_cells(tmp_path / "cells", cells)
    (folder / "cells.json").write_text('{"channels": ["Ch4", "Ch6"], "layout": "CYX"}')
    model = model_file(cells.with_channels(["brightfield", "darkfield"]))
    widget.open_path(folder)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    widget.open_path(model)
    question(qtbot, widget, ChannelDialog).reject()
    before = widget.questions.shown
    widget.open_path(model)
    qtbot.waitUntil(lambda: not widget.session.jobs.running, timeout=60_000)
    qtbot.wait(50)
    assert widget.questions.shown is before and widget.offer.yes.text() == "Match Channels…"
    assert widget.offer.anyway.isVisible()  # two channels for two, by their order
    qtbot.mouseClick(widget.offer.yes, Qt.MouseButton.LeftButton)
    assert isinstance(widget.questions.shown, ChannelDialog) and widget.questions.shown is not before


def test_a_model_for_other_images_is_used_anyway(window, qtbot, cells_of, classifier_for, tmp_path) -> None:
    _, widget = window
    folder = write_cells(tmp_path / "cells", cells_of())
    (folder / "cells.json").write_text('{"modality": "fluorescence", "channels": ["stain 0"]}')
    widget.open_path(folder)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    widget.workspace.set_classifier(replace(classifier_for(cells_of()), modality="brightfield"))
    workspace = widget.workspace
    assert "fluorescence images and the model was made for brightfield" in widget.offer.text.text()
    assert "--" not in widget.offer.text.text()  # no words of the command line
    assert widget.offer.yes.text() == "Correct…" and workspace.explanation is None
    widget.show_tab("gallery")
    assert workspace.predictions is None
    qtbot.mouseClick(widget.offer.anyway, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: workspace.predictions is not None, timeout=60_000)
    assert workspace.mismatch is None and not widget.offer.isVisible()
    assert "made for other cells" in widget.state.text()
    widget.show_tab("explain")
    qtbot.waitUntil(lambda: workspace.explanation is not None, timeout=60_000)
    workspace.set_classifier(replace(classifier_for(cells_of()), modality="flow"))
    assert workspace.mismatch is not None  # another model is another question


def test_a_field_is_corrected(window, qtbot, tmp_path) -> None:
    viewer, widget = window
    image = np.random.default_rng(0).integers(0, 255, (600, 640), np.uint8)
    tifffile.imwrite(tmp_path / "smear.tif", image)
    widget.open_path(tmp_path / "smear.tif")
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=60_000)
    assert widget.facts.text.text() == "Kind of image not known, pixel size not known"
    qtbot.mouseClick(widget.facts.button, Qt.MouseButton.LeftButton)
    dialog = question(qtbot, widget, WhatIsItDialog)
    dialog.pixel_size.setValue(0.25)
    dialog.modality.setCurrentIndex(dialog.modality.findText("fluorescence"))
    before = viewer.layers[0]
    press_ok(qtbot, dialog)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1 and viewer.layers[0] is not before, timeout=60_000)
    assert widget.facts.text.text() == "Fluorescence, 0.25 µm a pixel"
    assert viewer.layers[0].scale.tolist() == [0.25, 0.25]
    assert viewer.canvas.overlays.scale_bar.visible
    assert list(json.loads((tmp_path / "cells.json").read_text())["files"]) == ["smear.tif"]
