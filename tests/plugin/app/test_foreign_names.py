"""Names that are written like HTML are shown as they are, and load nothing."""

import dataclasses
import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from benchmarks.fuzz.makers import models
from napari_sparseattn.session import session_of
from napari_sparseattn.widgets.main import MainWidget
from sparseattn.classifier import Classifier

NAME = "<img src='picture.png'>"


def test_no_label_or_tooltip_takes_a_name_for_html(make_napari_viewer_proxy, qtbot, tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x>"
    folder.mkdir()
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 4000, (2, 12, 12)).astype(np.uint16)
        iio.imwrite(folder / f"<img src=x>{number}.tif", image, plugin="tifffile", metadata={"axes": "CYX"})
    about = {"channels": ["dapi", "actin"], "modality": "fluorescence"}
    (folder / "cells.json").write_text(json.dumps(about))
    path = tmp_path / "<img src=x>.safetensors"
    models.model(path)
    dataclasses.replace(Classifier.load(path), classes=(NAME, "<b>two</b>", "three")).save(path)

    viewer = make_napari_viewer_proxy()
    widget = MainWidget(viewer)
    qtbot.addWidget(widget)
    session = session_of(viewer)
    session.opening.load_model(path)
    session.opening.open_cells(folder)
    qtbot.waitUntil(lambda: session.workspace.explanation is not None, timeout=60_000)
    for tab in range(widget.tabs.count()):
        widget.tabs.setCurrentIndex(tab)
        qtbot.wait(200)
    labels = widget.findChildren(QLabel)
    assert any("img src" in label.text() for label in labels)
    guessing = [label for label in labels if label.textFormat() == Qt.TextFormat.AutoText]
    assert [(type(label.parent()).__name__, label.text()) for label in guessing] == []
    for label in labels:
        if label.textFormat() == Qt.TextFormat.RichText:
            assert "<img" not in label.text() and "<b>two" not in label.text(), label.text()
        assert "<img" not in label.toolTip()
