"""A field of phase in a real window: opened, searched and weighed as by the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_sparseattn.project import open_project, save_project
from sparseattn.cells import SegmentSettings

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)

SAID = {"phase": {"wavelength_nm": 633, "background": "tilt"}, "pixel_size_um": 0.2}
PLACES = ((60, 70, 14), (80, 400, 10), (300, 120, 12), (420, 450, 16), (200, 300, 9))


@pytest.fixture
def phase_file(tmp_path: Path) -> Path:
    """Five round cells, 300 nm thick in the middle, on tilted ground; in radians."""
    y, x = np.mgrid[:480, :540]
    seen = 0.4 * y - 0.3 * x + 40 + np.random.default_rng(0).normal(0, 2, y.shape)
    for top, left, radius in PLACES:
        seen += 300 * np.sqrt(np.clip(1 - ((y - top) ** 2 + (x - left) ** 2) / radius**2, 0, None))
    path = tmp_path / "phase field.npy"
    np.save(path, (seen * 2 * np.pi / 633).astype(np.float32))
    return path


def settle(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not session.jobs.running and not session.field.is_busy, timeout=60_000)


def test_a_phase_field_is_found_and_weighed_as_by_the_command_line(
    window, qtbot, phase_file, model_for, tmp_path
) -> None:
    viewer, widget = window
    (phase_file.parent / "cells.json").write_text(json.dumps(SAID))
    widget.open_path(phase_file)
    session = widget.session
    qtbot.waitUntil(lambda: widget.tabs.currentIndex() == 2, timeout=60_000)
    settle(qtbot, session)
    tab, layer = widget.tabs.currentWidget().widget(), viewer.layers[0]
    assert widget.facts.text.text() == "Quantitative phase, in nm, 0.2 µm a pixel"
    assert tab.find.value == SegmentSettings.for_phase()
    assert layer.colormap.name == "viridis" and layer.colorbar.visible
    assert viewer.canvas.overlays.scale_bar.visible and layer.contrast_limits[0] == pytest.approx(0, abs=2)
    model = model_for("optical path difference")
    session.workspace.set_classifier(model)
    qtbot.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=60_000)
    settle(qtbot, session)
    shown = viewer.layers["Classes of phase field (nm)"].features
    assert len(shown) == len(PLACES)
    for (top, _, radius), row in zip(
        sorted(PLACES), shown.sort_values("centroid y").itertuples(), strict=True
    ):
        assert shown.loc[row.Index, "centroid y"] == pytest.approx(top, abs=1)
        volume = 2 / 3 * np.pi * radius**2 * 0.3 * 0.04  # µm³ of path difference
        assert shown.loc[row.Index, "dry mass (pg)"] == pytest.approx(volume / 0.18, rel=0.06)
    assert "pg dry mass" in tab.cell.text() and "µm²" in tab.cell.text()

    model.save(tmp_path / "m.safetensors")
    subprocess.run(
        [sys.executable, "-m", "sparseattn", "predict", str(tmp_path / "m.safetensors"), str(phase_file),
         "--find", "-o", str(tmp_path / "t.parquet")], check=True,
    )  # fmt: skip
    theirs, ours = pd.read_parquet(tmp_path / "t.parquet"), session.field.export_table()
    for column in ("id", "field", "label", "area_um2", "mean_opd_nm", "dry_mass_pg", "predicted"):
        assert theirs[column].tolist() == ours[column].tolist(), column

    before = session.workspace.cells
    save_project(session, tmp_path / "a.sparseattn.json")
    settle(qtbot, session)
    session.workspace.set_cells(None)
    viewer.layers.clear()
    open_project(session, tmp_path / "a.sparseattn.json")
    qtbot.waitUntil(lambda: session.workspace.cells is not None, timeout=60_000)
    settle(qtbot, session)
    assert session.workspace.cells.ids == before.ids and session.workspace.cells.unit == "nm"
    assert viewer.layers[0].name == "phase field (nm)" and viewer.layers[0].colormap.name == "viridis"


def test_phase_has_settings_of_its_own(window, qtbot, phase_file) -> None:
    viewer, widget = window
    (phase_file.parent / "cells.json").write_text(json.dumps(SAID))
    viewer.add_image(np.zeros((50, 60), np.uint8), name="plain")
    widget.show_tab("field")
    tab = widget.tabs.currentWidget().widget()
    tab.find.smallest.setValue(33)
    widget.open_path(phase_file)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=60_000)
    qtbot.waitUntil(lambda: tab.image.currentText() == "phase field (nm)")
    assert tab.find.value.smallest == SegmentSettings.for_phase().smallest
    tab.find.smallest.setValue(90)
    tab.image.setCurrentIndex(tab.image.findText("plain"))
    assert tab.find.value.smallest == 33
    tab.image.setCurrentIndex(tab.image.findText("phase field (nm)"))
    assert (tab.find.value.smallest, tab.find.value.sensitivity) == (90, 0.7)


def test_the_wavelength_is_asked_for_and_the_phase_set_anew(window, qtbot, phase_file) -> None:
    """A plain image is dropped, said to be phase, and opened as such; then its ground is taken off."""
    viewer, widget = window
    widget.open_path(phase_file)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1 and widget.tabs.currentIndex() == 2, timeout=60_000)
    assert widget.facts.text.text() == "Kind of image not known, pixel size not known"
    for background, ground in (("leave it", None), ("its tilt (a plane)", 0)):
        widget.actions_by_name["Phase…"].trigger()
        dialog = widget.questions.shown
        dialog.wavelength.setValue(633)
        dialog.background.setCurrentText(background)
        qtbot.waitUntil(lambda d=dialog: "480 x 540 pixels" in d.says.text(), timeout=60_000)
        before = viewer.layers[0]
        dialog.accept()
        qtbot.waitUntil(lambda b=before: viewer.layers[0] is not b, timeout=60_000)
        assert [layer.name for layer in viewer.layers] == ["phase field (nm)"]
        assert widget.facts.text.text() == "Quantitative phase, in nm, pixel size not known"
        if ground is not None:
            assert float(np.median(np.asarray(viewer.layers[0].data))) == pytest.approx(ground, abs=1)
