"""The tab in a real window: keys, what they leave on disk, and the whole way to a kept model."""

from dataclasses import replace
from pathlib import Path

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QInputDialog, QMessageBox

from napari_sparseattn.session import Session, session_of
from napari_sparseattn.settings import settings
from napari_sparseattn.widgets.label import LabelWidget
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import open_cells
from sparseattn.cells.labels import LabelLog
from sparseattn.classifier import Classifier
from sparseattn.learn.prototypes import Prototypes

PATIENCE = 240_000  # ms; the machine may be busy


@pytest.fixture
def app(make_napari_viewer, make_cells, qtbot, tmp_path):
    """A window with sixteen cells and the tab; yields viewer, session, tab."""
    before = settings().value("label/go on")
    settings().setValue("label/go on", False)
    viewer = make_napari_viewer(show=True)
    session = session_of(viewer)
    folder = make_cells()
    session.workspace.set_cells(open_cells(folder), [CellSource(folder)])
    session.workspace.add_classes(["bright", "dark"])
    tab = LabelWidget(session)
    viewer.window.add_dock_widget(tab, name="label")
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=10_000)
    yield viewer, session, tab
    session.close()
    if before is None:
        settings().remove("label/go on")
    else:
        settings().setValue("label/go on", before)


def press(qtbot, viewer, key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.keyClick(viewer.window._qt_window, key, modifiers)


def name_of(session, index: int) -> str:
    return session.workspace.cells.origin(index).path.name.partition("_")[0]


def on_disk(session) -> dict[str, str]:
    with LabelLog.open(session.workspace.label_log.path, read_only=True) as log:
        return log.current()


def test_keys_label_and_are_taken_back(app, qtbot) -> None:
    viewer, session, tab = app
    ids = session.workspace.cells.ids
    session.workspace.current = 3
    press(qtbot, viewer, "2")
    assert on_disk(session) == {ids[3]: "dark"}
    session.workspace.selection = [0, 1]
    press(qtbot, viewer, "1")
    assert on_disk(session) == {ids[3]: "dark", ids[0]: "bright", ids[1]: "bright"}
    press(qtbot, viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, viewer, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert on_disk(session) == {}
    shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(qtbot, viewer, Qt.Key.Key_Z, shift)
    assert on_disk(session) == {ids[3]: "dark"}
    session.workspace.selection = []
    press(qtbot, viewer, "u")
    press(qtbot, viewer, "x")
    assert on_disk(session) == {ids[3]: "exclude"}
    press(qtbot, viewer, Qt.Key.Key_Backspace)
    assert on_disk(session) == {}
    qtbot.waitUntil(lambda: "no label yet" in tab.where.text())


def test_it_goes_on_to_the_next_cell(app, qtbot) -> None:
    viewer, session, tab = app
    tab.go_on.setChecked(True)
    for place in range(3):
        assert session.workspace.current == place
        press(qtbot, viewer, "1")
    session.workspace.current = 0
    press(qtbot, viewer, Qt.Key.Key_Space)
    assert session.workspace.current == 3
    qtbot.waitUntil(lambda: tab.progress.text().startswith("3 of 16 cells are labelled"))
    row = tab.classes.topLevelItem(0)
    assert [row.text(column) for column in range(3)] == ["1", "bright", "3"]


def test_a_key_without_a_class_says_so(app, qtbot) -> None:
    viewer, session, _ = app
    said = []
    session.workspace.said.connect(said.append)
    press(qtbot, viewer, "7")
    assert "No class has the key 7" in said[0] and session.workspace.label_log is None


def test_typing_a_name_labels_nothing(app, qtbot) -> None:
    _, session, tab = app
    tab.annotator.setFocus()
    qtbot.waitUntil(tab.annotator.hasFocus)
    tab.annotator.clear()
    qtbot.keyClicks(tab.annotator, "x1")
    qtbot.keyClick(tab.annotator, Qt.Key.Key_Return)
    assert session.workspace.label_log is None
    assert tab.annotator.text() == "x1" == session.labelling.annotator


def test_classes_are_added_renamed_and_removed(app, qtbot, monkeypatch) -> None:
    viewer, session, tab = app
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("odd", True))
    tab.add.click()
    press(qtbot, viewer, "3")
    assert list(on_disk(session).values()) == ["odd"]
    qtbot.waitUntil(lambda: tab.classes.topLevelItemCount() == 5)
    tab.classes.setCurrentItem(tab.classes.topLevelItem(2))
    assert tab.classes.chosen == "odd"
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("strange", True))
    tab.change.menu().actions()[0].trigger()
    assert list(on_disk(session).values()) == ["strange"]
    qtbot.waitUntil(lambda: tab.classes.topLevelItem(2).text(1) == "strange")
    tab.classes.setCurrentItem(tab.classes.topLevelItem(2))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    tab.change.menu().actions()[3].trigger()
    assert list(on_disk(session).values()) == ["strange"]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    tab.change.menu().actions()[3].trigger()
    assert on_disk(session) == {} and "strange" not in session.workspace.colours


def test_blind_is_told_to_every_tab(app, qtbot, classifier) -> None:
    _, session, tab = app
    session.workspace.set_classifier(classifier)
    session.live.update()
    qtbot.waitUntil(lambda: "The model says" in tab.where.text(), timeout=PATIENCE)
    tab.blind.click()
    assert session.workspace.blind
    qtbot.waitUntil(lambda: "The model says" not in tab.where.text())


def test_most_uncertain_cells_come_from_the_model(app, qtbot, classifier) -> None:
    _, session, tab = app
    said = []
    session.workspace.said.connect(said.append)
    tab.order.setCurrentText("most uncertain")
    tab.next.click()
    assert "Load a model first" in said[-1]
    session.workspace.set_classifier(classifier)
    session.workspace.selection = [5]
    tab.next.click()
    qtbot.waitUntil(lambda: session.workspace.selection == (), timeout=PATIENCE)
    session.labelling.label([session.workspace.current], "dark")
    (label,) = session.labelling.log.labels.values()
    assert label.picked == "uncertain" and not label.set_aside


def test_answers_are_accepted_in_bulk(app, qtbot, classifier) -> None:
    _, session, tab = app
    session.workspace.set_classifier(classifier)
    session.classification.start()
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=PATIENCE)
    session.labelling.label([0], "unsure")
    tab.bulk.confidence.setValue(50)
    tab.bulk.refresh()
    assert tab.bulk.accept.isEnabled() and "not known" in tab.bulk.note.text()
    tab.bulk.accept_all()
    labels = session.labelling.log.labels
    bulk = [label for label in labels.values() if label.origin == "bulk"]
    assert bulk and not any(label.set_aside for label in bulk)
    assert labels[session.workspace.cells.ids[0]].name == "unsure"
    session.labelling.undo()
    assert len(session.labelling.log.labels) == 1


def test_too_few_labels_are_told(app) -> None:
    _, session, tab = app
    failed = []
    session.workspace.failed.connect(failed.append)
    tab.retrain.start.click()
    assert "two classes" in failed[0] and session.retraining.state == "idle"
    assert "Label at least two cells" in tab.retrain.note.text()


def test_a_model_that_would_forget_a_class_is_not_taught(app, qtbot, classifier) -> None:
    _, session, tab = app
    prepare = classifier.prepare
    bare = replace(classifier, prototypes=Prototypes.none(len(prepare.channels), prepare.size))
    session.workspace.set_classifier(bare)
    bright = [index for index in range(16) if name_of(session, index) == "bright"]
    for index in bright:
        session.labelling.label([index], "bright")
    qtbot.waitUntil(lambda: "label cells of dark too, or train a new model" in tab.retrain.note.text())
    failed = []
    session.workspace.failed.connect(failed.append)
    tab.retrain.start.click()
    assert "would forget" in failed[0] and session.retraining.state == "idle"


def test_from_labels_to_a_kept_model_and_back(app, qtbot, model_file) -> None:
    _, session, tab = app
    workspace, retraining = session.workspace, session.retraining
    workspace.set_classifier(Classifier.load(model_file), model_file)
    for index in range(16):
        session.labelling.label([index], name_of(session, index))
    aside = session.labelling.log.test_cells
    old = workspace.classifier
    qtbot.waitUntil(lambda: "cells of 2 classes teach" in tab.retrain.note.text())
    tab.retrain.start.click()
    assert tab.retrain.cancel.isVisible() and not tab.retrain.start.isVisible()
    qtbot.waitUntil(lambda: len(retraining.records) > 0, timeout=PATIENCE)
    assert "left" in tab.retrain.bar.format() and workspace.classifier is old
    qtbot.waitUntil(lambda: retraining.state in ("done", "idle"), timeout=PATIENCE)
    assert retraining.state == "done", retraining.message
    comparison = retraining.result.comparison
    assert comparison.cells == len(aside) > 0
    assert f"Of {len(aside)} set-aside cells" in tab.retrain.comparison.headline.text()
    assert {
        name for name, side in retraining.result.classifier.split.sides.items() if side == "test"
    } >= aside
    assert workspace.classifier is old

    tab.retrain.keep.click()
    assert workspace.classifier is not old and workspace.model_path.parent.name == "_labels_models"
    assert [one.number for one in retraining.versions.all()] == [2, 1]
    assert tab.retrain.versions.table.topLevelItem(0).text(3) == (
        f"{round(comparison.new['accuracy'] * len(aside))} of {len(aside)}"
    )
    tab.retrain.versions.table.setCurrentItem(tab.retrain.versions.table.topLevelItem(1))
    tab.retrain.versions.use.click()
    qtbot.waitUntil(lambda: workspace.classifier.model_hash == old.model_hash, timeout=PATIENCE)


def test_a_child_that_dies_leaves_the_old_model(app, qtbot, classifier) -> None:
    _, session, tab = app
    session.workspace.set_classifier(classifier)
    for index in range(16):
        session.labelling.label([index], name_of(session, index))
    failed = []
    session.workspace.failed.connect(failed.append)
    session.retraining.start(from_loaded=True, epochs=5000)
    qtbot.waitUntil(lambda: len(session.retraining.records) > 0, timeout=PATIENCE)
    folder = session.retraining._folder
    session.retraining._process._process.kill()
    qtbot.waitUntil(lambda: session.retraining.state == "idle", timeout=PATIENCE)
    assert "died" in failed[0] and session.workspace.classifier is classifier
    assert not Path(folder).exists() and tab.retrain.start.isVisible()


def test_other_cells_end_a_training(qtbot, classifier, make_cells) -> None:
    session = Session(ViewerModel())
    folder, other = make_cells(), make_cells(count=2, seed=3, name="other")
    session.workspace.set_cells(open_cells(folder), [CellSource(folder)])
    session.workspace.add_classes(["bright", "dark"])
    session.workspace.set_classifier(classifier)
    for index in range(16):
        session.labelling.label([index], name_of(session, index))
    session.retraining.start(from_loaded=False, epochs=5000)
    qtbot.waitUntil(lambda: session.retraining.state == "training", timeout=PATIENCE)
    session.workspace.set_cells(open_cells(other), [CellSource(other)])
    qtbot.waitUntil(lambda: session.retraining.state == "idle", timeout=PATIENCE)
    assert session.retraining.result is None and session.workspace.classifier is classifier
    session.close()
