"""A recording in a real window: its passages in the gallery, each at its time and place in the frames."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sparseattn.labelling import Labelling
from napari_sparseattn.project import open_project, save_project
from napari_sparseattn.widgets.events_dialog import EventsDialog
from sparseattn.cells import open_cells, open_passages
from sparseattn.events.settings import EventSettings
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions
from sparseattn.simulate.flow import simulate_flow

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


@pytest.fixture(scope="module")
def flow_events() -> np.ndarray:
    return simulate_flow(6, np.random.default_rng(0), shape=(96, 160), duration=300_000)[0]


@pytest.fixture
def recording(flow_events, tmp_path: Path) -> Path:
    np.save(tmp_path / "flow.npy", flow_events)
    return tmp_path / "flow.npy"


def open_recording(window, qtbot, recording: Path) -> None:
    _, widget = window
    widget.open_path(recording)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    qtbot.waitUntil(lambda: widget.session.shown_cells.table is not None, timeout=60_000)


def test_passages_are_in_the_gallery_with_their_columns(window, qtbot, recording) -> None:
    viewer, widget = window
    open_recording(window, qtbot, recording)
    session, workspace = widget.session, widget.workspace
    assert widget.tabs.currentIndex() == 1
    wanted = open_cells(recording)
    assert workspace.cells.ids == wanted.ids and len(wanted) == 6
    on, off, passage = viewer.layers
    assert (on.name, off.name, passage.name) == ("flow on", "flow off", "Passage looked at")
    assert viewer.dims.axis_labels[0] == "time" and on.data.shape[1:] == (180, 240)
    gallery, shown = widget.tabs.currentWidget().widget().gallery, session.shown_cells
    titles = [gallery.sort.itemText(place) for place in range(gallery.sort.count())]
    assert {"Time (ms)", "Speed (pixels/ms)", "Path (pixels)", "Events"} <= set(titles)
    gallery.sort.setCurrentIndex(titles.index("Events"))
    gallery.sort.activated.emit(titles.index("Events"))
    events = [wanted.column("events")[row] for row in shown.rows]
    assert events == sorted(events) and len(events) == 6

    gallery.show_filters.click()
    limits = gallery.filters.limits
    limits.add.setCurrentIndex(limits.add.findData("events"))
    limits.add.activated.emit(limits.add.currentIndex())
    slider = limits.row("events")._slider
    slider.setFocus()
    slider.setValue((float(np.median(events)), float(max(events))))
    assert len(shown.rows) == 3 and "3 of 6" in gallery.count.text()
    gallery.clear.click()
    assert len(shown.rows) == 6


def test_a_passage_is_looked_at_in_its_time_and_place(window, qtbot, recording) -> None:
    viewer, widget = window
    open_recording(window, qtbot, recording)
    workspace = widget.workspace
    passages = open_passages(recording)
    on, _, passage = viewer.layers
    frame_ms = on.scale[0]

    def time_ms() -> float:
        return viewer.dims.point[0]

    for number in (3, 1):
        workspace.current = number
        one = passages.passages[number]
        assert time_ms() == pytest.approx((one.middle_us - passages.store.start) / 1000, abs=frame_ms)
        path, square = (np.asarray(shape) for shape in passage.data)
        np.testing.assert_allclose(path, one.places)
        middle = square.mean(axis=0)
        np.testing.assert_allclose(middle, one.place(np.array([one.middle_us]))[0], atol=2)
        assert np.ptp(square, axis=0).tolist() == [48, 48]
    # the square moves with the cell, and goes with it; its path stays
    later = (one.stop - 3000 - passages.store.start) / 1000
    viewer.dims.set_point(0, later)
    moved = np.asarray(passage.data[1]).mean(axis=0)
    assert np.linalg.norm(moved - one.places[-1]) < 10 < np.linalg.norm(moved - middle)
    viewer.dims.set_point(0, (one.stop - passages.store.start) / 1000 + 5 * frame_ms)
    assert len(passage.data) == 1


def test_a_click_on_a_cell_in_the_frames_chooses_its_passage(window, qtbot, recording) -> None:
    viewer, widget = window
    open_recording(window, qtbot, recording)
    widget.workspace.current = 2
    one = open_passages(recording).passages[2]
    widget.workspace.current = 0
    start = open_passages(recording).store.start
    viewer.dims.set_point(0, (one.middle_us - start) / 1000)
    QApplication.processEvents()
    canvas, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera
    y, x = one.place(np.array([one.middle_us]))[0]
    down, right = y - camera.center[-2], x - camera.center[-1]
    at = QPoint(
        round(canvas.width() / 2 + right * camera.zoom), round(canvas.height() / 2 + down * camera.zoom)
    )
    before = viewer.dims.point[0]
    QTest.mouseMove(canvas, at)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert widget.workspace.current == 2 and viewer.dims.point[0] == before


def test_other_images_are_made_of_the_same_events_and_labels_stay(window, qtbot, recording) -> None:
    viewer, widget = window
    open_recording(window, qtbot, recording)
    workspace, labelling = widget.workspace, widget.session.labelling
    assert isinstance(labelling, Labelling)
    workspace.current = 4
    labelling.add_class("round")
    labelling.label((4,), "round")
    cells = workspace.cells
    widget.actions_by_name["Events…"].trigger()
    dialog = widget.questions.shown
    assert isinstance(dialog, EventsDialog) and dialog.diameter.value() == 30
    qtbot.waitUntil(lambda: "6 cells pass; 48 x 48 pixels, on, off" in dialog.says.text(), timeout=60_000)
    assert not dialog.bins.isVisible() and not dialog.window_ms.isVisible()
    dialog.representation.setCurrentText("moments, one after another")
    dialog.window_by.setCurrentText("so much time")
    dialog.bins.setValue(3)
    qtbot.waitUntil(lambda: "moment 3" in dialog.says.text(), timeout=60_000)
    assert not dialog.picture.pixmap().isNull() and dialog.bins.isVisible()
    dialog.diameter.setValue(500)
    qtbot.waitUntil(lambda: "no cell of about 500 pixels" in dialog.says.text().lower(), timeout=60_000)
    assert not dialog.buttons.button(dialog.buttons.StandardButton.Ok).isEnabled()
    dialog.diameter.setValue(30)
    qtbot.waitUntil(lambda: "moment 3" in dialog.says.text(), timeout=60_000)
    dialog.accept()
    qtbot.waitUntil(lambda: workspace.cells is not cells, timeout=60_000)
    after = workspace.cells
    assert after.channels == ("moment 1", "moment 2", "moment 3") and after.events.window_us == 20_000
    assert after.ids == cells.ids and workspace.labels()[4] == "round" and workspace.current == 4
    assert [layer.name for layer in viewer.layers] == ["flow on", "flow off", "Passage looked at"]


def test_a_project_brings_the_recording_back(window, qtbot, recording, tmp_path) -> None:
    viewer, widget = window
    open_recording(window, qtbot, recording)
    widget.workspace.current = 3
    save_project(widget.session, tmp_path / "a.sparseattn.json")
    qtbot.waitUntil(lambda: widget.workspace.project_path is not None, timeout=60_000)
    widget.workspace.set_cells(None)
    assert not viewer.layers  # the recording goes with its cells
    open_project(widget.session, tmp_path / "a.sparseattn.json")
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert len(viewer.layers) == 3 and widget.workspace.current == 3
    assert len(viewer.layers["Passage looked at"].data) == 2


def test_a_recording_without_passages_asks_how_large_cells_are(window, qtbot, tmp_path, flow_events) -> None:
    viewer, widget = window
    np.save(tmp_path / "noise.npy", flow_events[::400])
    widget.open_path(tmp_path / "noise.npy")
    qtbot.waitUntil(lambda: isinstance(widget.questions.shown, EventsDialog), timeout=60_000)
    assert "no cell is seen to pass" in widget.status.text.text().lower()
    assert [layer.name for layer in viewer.layers] == ["noise on", "noise off"]
    dialog = widget.questions.shown
    dialog.recordings.setCurrentText("one cell")
    qtbot.waitUntil(lambda: "One cell;" in dialog.says.text(), timeout=60_000)
    dialog.accept()
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert len(widget.workspace.cells) == 1


def test_a_recording_dropped_on_the_canvas_is_opened_in_the_dock(window, qtbot, recording) -> None:
    viewer, widget = window
    viewer.open(str(recording), plugin="napari-sparseattn")
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert len(widget.workspace.cells) == 6 and "flow on" in viewer.layers


def test_a_model_of_other_images_of_events_has_them_made_anew(window, qtbot, recording, tmp_path) -> None:
    _, widget = window
    known = EventSettings(representation="time_surface", window_us=20_000, recordings="passages")
    taught = open_cells(recording, events=known).with_labels(["one", "two"] * 3)
    fit(taught, options=TrainingOptions(epochs=1)).save(tmp_path / "model.safetensors")
    open_recording(window, qtbot, recording)
    before = widget.workspace.cells
    widget.open_path(tmp_path / "model.safetensors")
    qtbot.waitUntil(widget.offer.yes.isVisible, timeout=60_000)
    assert widget.offer.yes.text() == "Open as It Knows" and widget.workspace.predictions is None
    qtbot.mouseClick(widget.offer.yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.workspace.predictions is not None, timeout=60_000)
    assert widget.workspace.cells.events == known and widget.workspace.cells.ids == before.ids
    assert not widget.offer.isVisible()
