"""The questions of the Explain tab, asked by clicks and strokes in a real window."""

import dataclasses
import os
import sys

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from sparseattn.explain import CellExplainer, class_evidence
from sparseattn.explain.counterfactual import counterfactual
from sparseattn.explain.familiarity import familiarity
from sparseattn.explain.neighbours import feature_table
from sparseattn.explain.shortcuts import attention_outside, outside_cell, own_mask
from sparseattn.learn.calibration import ConfidenceScale

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


class Asked:
    """A window in which cells of three classes and a model of random weights are open."""

    def __init__(self, window, qtbot, cells, classifier) -> None:
        self.viewer, self.widget = window
        self.qtbot, self.cells, self.classifier = qtbot, cells, classifier
        self.session, self.workspace = self.widget.session, self.widget.workspace
        self.tab = self.widget.tabs.widget(0).widget()
        self.ask = self.tab.ask
        self.workspace.set_cells(cells)
        self.workspace.set_classifier(classifier)
        self.wait(lambda: self.workspace.explanation is not None)

    def layer(self, start: str):
        return next((layer for layer in self.viewer.layers if layer.name.startswith(start)), None)

    def wait(self, until) -> None:
        """Let the window work until something is so; patiently, for the machine may be busy."""
        self.qtbot.waitUntil(until, timeout=60_000)

    def click(self, button) -> None:
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def unfold(self, question):
        section = self.ask.sections[question]
        self.click(section.header)
        assert section.is_open
        self.wait(section.content.isVisible)
        return question


def choose(combo, text: str, qtbot) -> None:
    """Choose an entry by keys."""
    combo.setFocus()
    step = combo.findText(text) - combo.currentIndex()
    for _ in range(abs(step)):
        qtbot.keyClick(combo, Qt.Key.Key_Down if step > 0 else Qt.Key.Key_Up)
    assert combo.currentText() == text


@pytest.fixture
def asked(window, qtbot, cells_of, classifier_for) -> Asked:
    cells = cells_of(channels=3)
    cells = cells.with_labels([("round", "small", "tall")[number % 3] for number in range(len(cells))])
    return Asked(window, qtbot, cells, classifier_for(cells))


def test_why_not_another_class(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.ask.why_not
    assert asked.layer("For and against") is None and not question.isVisible()
    asked.unfold(question)
    asked.wait(lambda: workspace.evidence is not None)
    answer = workspace.explanation.predicted
    other = next(name for name in asked.classifier.classes if name != answer)
    assert workspace.evidence.title == answer and f"against {answer}" in question.legend.accessibleName()
    choose(question.against, other, qtbot)
    asked.wait(lambda: workspace.evidence is not None and workspace.evidence.against == other)
    # The map on the image is that of the library, around 0, and its words name both classes.
    explainer = CellExplainer(asked.classifier, asked.cells, 0)
    expected = class_evidence(explainer, answer, workspace.k, against=other)
    layer = asked.layer("For and against")
    assert layer.visible and np.allclose(layer.data, expected.pixels, atol=1e-5)
    assert layer.contrast_limits[0] == pytest.approx(-layer.contrast_limits[1])
    assert f"Blue: speaks for {other}; orange: speaks for {answer}" in question.legend.accessibleName()
    assert f"speak for {answer if expected.total > 0 else other}, by " in question.said.text()
    # The selected pixels leave it to be seen, and the other way round is the same with the sign turned.
    assert not asked.layer("Selected pixels").face_color[:, 3].any()
    choose(question.target, other, qtbot)
    assert "choose another class" in question.said.text()
    choose(question.against, answer, qtbot)
    asked.wait(lambda: workspace.evidence is not None and workspace.evidence.class_name == other)
    assert np.allclose(layer.data, -expected.pixels, atol=1e-5)
    # What was weighed before is there at once.
    workspace.target_class, workspace.against_class = answer, other
    asked.session.live._pause.timeout.emit()
    assert workspace.evidence.title == f"{answer}, not {other}"
    question.shown.click()
    asked.wait(lambda: not layer.visible)
    qtbot.wait(200)  # no evidence is kept that is not shown
    assert workspace.evidence is None and asked.layer("Selected pixels").face_color[:, 3].all()


def drag(asked, start, end) -> None:
    """Draw with the left button from one pixel of the net's grid (y, x) to another, on the canvas."""
    viewer, qtbot, layer = asked.viewer, asked.qtbot, asked.layer("Pixels taken out")
    canvas, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera

    def at(y: float, x: float) -> QPoint:
        offset = np.array(layer.data_to_world((y, x)))[-2:] - np.array(camera.center[-2:])
        down, right = offset * camera.zoom
        return QPoint(round(canvas.width() / 2 + right), round(canvas.height() / 2 + down))

    qtbot.mouseMove(canvas, at(*start))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at(*start))
    for share in np.linspace(0, 1, 6):
        qtbot.mouseMove(canvas, at(*(np.array(start) * (1 - share) + np.array(end) * share)))
        qtbot.wait(10)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at(*end))


def test_what_if_pixels_were_gone(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.unfold(asked.ask.what_if)
    untouched = workspace.explanation
    layer, image = asked.layer("Pixels taken out"), asked.session.layers.source
    assert asked.viewer.layers.selection.active is layer and layer.mode == "paint"
    assert not question.reset.isEnabled() and workspace.what_if is None
    qtbot.wait(50)
    drag(asked, (6, 4), (18, 20))
    asked.wait(lambda: workspace.what_if is not None)
    gone = layer.data != 0
    assert gone[6, 4] and gone[12, 12] and gone[18, 20] and gone.sum() < gone.size / 3
    # What is shown is what the library says of the cell without them; the selected pixels follow.
    explainer = CellExplainer(asked.classifier, asked.cells, 0)
    expected = explainer.without(gone, "mean").at(workspace.k)
    assert workspace.what_if.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert workspace.explanation is untouched
    positions = expected.selected.boxes
    positions = positions[positions[:, 2] > positions[:, 0]]
    assert np.allclose(asked.layer("Selected").data, (positions[:, :2] + positions[:, 2:] - 1) / 2)
    assert f"these {gone.sum()} pixels" in question.said.text() and expected.predicted in question.said.text()
    described = question.bars.accessibleDescription()
    for name, now, before in zip(
        expected.classes, expected.probabilities, untouched.probabilities, strict=True
    ):
        assert f"{name} {100 * now:.0f} % now, {100 * before:.0f} % before" in described
    # What stands in for them, a part put back, undo, and all put back.
    choose(question.fill, "background", qtbot)
    filled = explainer.without(gone, "background").at(workspace.k)
    assert workspace.what_if.probabilities == pytest.approx(filled.probabilities, abs=1e-6)
    asked.click(question.put)
    drag(asked, (6, 4), (7, 5))
    asked.wait(lambda: f"these {(layer.data != 0).sum()} pixels" in question.said.text())
    assert 0 < (layer.data != 0).sum() < gone.sum()
    canvas = asked.viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    asked.wait(lambda: f"these {gone.sum()} pixels" in question.said.text())
    asked.click(question.reset)
    asked.wait(lambda: workspace.what_if is None)
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    asked.wait(lambda: workspace.what_if is not None)
    # Folded away the cell is whole; of another cell nothing is taken out, and no undo brings it there.
    section = asked.ask.sections[question]
    asked.click(section.header)
    assert workspace.what_if is None and not layer.visible and layer.mode == "pan_zoom"
    assert asked.viewer.layers.selection.active is image
    asked.click(section.header)
    assert workspace.what_if is not None
    workspace.current = 3
    asked.wait(lambda: workspace.explanation.cell_id == asked.cells.ids[3])
    layer.undo()
    qtbot.wait(50)
    assert workspace.what_if is None and not layer.data.any()
    assert layer.mode == "paint"  # the brush stays in hand
    asked.viewer.layers.remove(layer)
    asked.click(question.take)
    drag(asked, (6, 4), (18, 20))
    asked.wait(lambda: workspace.what_if is not None)
    # A dock that is closed leaves nothing open for the next one.
    asked.viewer.window.remove_dock_widget(asked.widget)
    qtbot.wait(50)
    asked.viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    assert workspace.what_if is None and not asked.layer("Pixels taken out").visible


def test_which_pixels_would_change_it(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.unfold(asked.ask.would_change)
    known = [counterfactual(CellExplainer(asked.classifier, asked.cells, row), 200) for row in range(20)]
    change = next(row for row, one in enumerate(known) if one is not None)
    workspace.k = 200
    workspace.current = change
    wanted = (asked.cells.ids[change], 200)
    asked.wait(lambda: (workspace.explanation.cell_id, workspace.explanation.k) == wanted)
    asked.click(question.find)
    asked.wait(lambda: workspace.changing is not None)
    found, expected = workspace.changing, known[change]
    assert np.array_equal(found.positions, expected.positions)
    assert question.said.text() == (
        f"Without these {expected.pixels} of 200 pixels it would be <b>{expected.other_class}</b>, "
        f"{100 * expected.probabilities.max():.0f} %."
    )
    # Outlined on the image: the lines enclose just these units.
    layer = asked.layer("Pixels that would change it")
    starts = layer.data[:, 0] + 0.5
    assert layer.visible
    assert starts.min(axis=0).tolist() == expected.positions.min(axis=0).tolist()
    assert (starts + layer.data[:, 1]).max(axis=0).tolist() == (expected.positions.max(axis=0) + 2).tolist()
    asked.click(asked.ask.sections[question].header)
    assert not layer.visible
    asked.click(asked.ask.sections[question].header)
    assert layer.visible
    # Of another k, or where a single unit is all there is, it says so.
    workspace.k = 4
    asked.wait(lambda: workspace.changing is None)
    assert "once they are found" in question.said.text() and not layer.visible
    asked.click(question.find)
    asked.wait(lambda: "None would: it stays" in question.said.text())
    assert not layer.visible


def test_have_i_seen_such_a_cell(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.ask.seen_before
    labels = list(asked.cells.labels)
    labels[6:] = [None] * len(labels[6:])
    workspace.set_cells(asked.cells.with_labels(labels))
    workspace.current = 3
    asked.wait(lambda: workspace.explanation is not None)
    asked.unfold(question)
    asked.wait(lambda: question.pictures[4].isVisible())
    # The nearest by the library's features, of those with a label, without the cell itself.
    features = feature_table(asked.classifier, asked.cells).features.astype(float)
    lengths = np.linalg.norm(features, axis=1)
    distance = 1 - features @ features[3] / lengths / lengths[3]
    order = sorted([row for row in range(6) if row != 3], key=lambda row: distance[row])
    shown = [button.text() for button in question.pictures]
    assert shown == [f"{labels[row]}\n{distance[row]:.3f} away" for row in order]
    assert "Most like it, of the labelled cells" in question.said.text()
    asked.wait(lambda: not any(button.icon().isNull() for button in question.pictures))
    asked.click(question.pictures[1])
    assert workspace.current == order[1]
    asked.wait(lambda: asked.cells.ids[order[1]] == workspace.explanation.cell_id)
    assert f"Cell {order[1] + 1}," not in [button.accessibleName() for button in question.pictures]
    # A label that is given now counts at once; one that is no class does not.
    asked.session.labelling.label([10], "small")
    asked.wait(lambda: len(asked.session.alike_cells.nearest()) == 5)
    known = {one.index for one in asked.session.alike_cells.nearest()}
    asked.session.labelling.label([10], "unsure")
    assert 10 not in {one.index for one in asked.session.alike_cells.nearest()}
    assert known <= {0, 1, 2, 3, 4, 5, 10} - {order[1]}
    score = workspace.explanation.in_distribution
    said = question.warning.text if score < 0.05 else question.statement.text
    assert said == familiarity(score)
    # Without any label there is nothing to compare with, and it says what to do.
    workspace.set_cells(asked.cells.with_labels([None] * 20))
    asked.wait(lambda: "label some" in question.said.text())
    assert not question.pictures[0].isVisible()


def test_words_about_unlike_cells() -> None:
    assert "do not rely on this answer" in familiarity(0.01)
    assert familiarity(0.4).endswith("40 in 100 of such cells look more unusual.")


def test_which_classes_may_it_be(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.unfold(asked.ask.may_be)
    assert "not calibrated" in question.said.text() and not question.rate.isVisible()
    surprise = np.linspace(0.01, 0.95, 49).astype(np.float32)  # what validation cells may have said
    scaled = dataclasses.replace(asked.classifier, scale=ConfidenceScale(1.5, surprise))
    workspace.set_classifier(scaled)
    asked.wait(lambda: workspace.explanation is not None)
    assert question.rate.currentText() == "10 of 100 cells"
    predictions = scaled.predict(asked.cells)

    def expected(rate: float) -> tuple[str, ...]:
        return predictions.set_texts(scaled.prediction_sets(predictions, rate))

    assert f"<b>{expected(0.1)[0]}</b>" in question.answer.text() and "49 cells" in question.said.text()
    sizes = []
    for rate in (0.05, 0.2):
        choose(question.rate, f"{100 * rate:g} of 100 cells", qtbot)
        assert workspace.error_rate == rate and f"<b>{expected(rate)[0]}</b>" in question.answer.text()
        sizes.append(question.answer.text().count(" or "))
    assert sizes[0] >= sizes[1]
    # The Gallery's table, which is what it exports, has them for all cells.
    asked.widget.show_tab("gallery")
    shown = asked.session.shown_cells
    asked.wait(lambda: shown.table is not None and "set" in shown.table.columns)
    assert tuple(shown.table["set"]) == expected(0.2)
    workspace.error_rate = 0.05
    asked.wait(lambda: tuple(shown.table["set"]) == expected(0.05))
    workspace.blind = True
    asked.wait(lambda: shown.table is not None and "set" not in shown.table.columns)
    workspace.blind = False
    asked.widget.show_tab("explain")
    # Too few cells for the rate, and another k: it says so.
    choose(question.rate, "1 of 100 cells", qtbot)
    assert question.answer.text().count(" or ") == 2 and "too few" in question.said.text()
    workspace.k = 200
    asked.wait(lambda: "press Learned" in question.said.text())
    assert not question.answer.isVisible()


def test_is_it_looking_at_the_background(asked, qtbot) -> None:
    workspace, question = asked.workspace, asked.unfold(asked.ask.on_background)
    asked.wait(lambda: workspace.cell_mask is not None)
    mask = own_mask(asked.cells, 0)
    share = attention_outside(workspace.explanation, mask)
    asked.wait(lambda: f"<b>{100 * share:.0f} %</b>" in question.said.text())
    outline = asked.layer("Outline of the cell")
    rows, columns = np.nonzero(mask)
    assert outline.visible
    assert (outline.data[:, 0] + 0.5).min(axis=0).tolist() == [rows.min(), columns.min()]
    workspace.current = 5  # another cell, another outline; and it follows k
    asked.wait(lambda: workspace.cell_mask is not None and not np.array_equal(workspace.cell_mask, mask))
    workspace.k = 16
    asked.wait(lambda: workspace.explanation.k == 16)
    share = attention_outside(workspace.explanation, own_mask(asked.cells, 5))
    asked.wait(lambda: f"<b>{100 * share:.0f} %</b>" in question.said.text())
    # All cells, and those that are suspicious in the gallery, the worst first.
    assert not question.show_them.isEnabled()
    asked.click(question.all)
    asked.wait(lambda: workspace.outside is not None)
    expected = outside_cell(asked.classifier, asked.cells, find=True)
    suspicious = expected.suspicious().tolist()
    assert suspicious, "no cell of these is suspicious: the test shows nothing"
    if expected.warning() is not None:
        assert expected.warning()[1:] in question.warning.text and "guesses" in question.warning.text
    assert "a guess" in question.said.text()
    asked.click(question.show_them)
    assert asked.widget.tabs.tabText(asked.widget.tabs.currentIndex()) == "Gallery"
    shown = asked.session.shown_cells
    asked.wait(lambda: shown.rows.tolist() == suspicious)
    assert shown.problem is None
    # Folded away the outline is gone; other cells are not judged by what was found in these.
    asked.widget.show_tab("explain")
    workspace.set_classifier(dataclasses.replace(asked.classifier, k=40))
    assert workspace.outside is None
    asked.wait(lambda: workspace.cell_mask is not None and "attention lies" in question.said.text())
    asked.click(asked.ask.sections[question].header)
    assert not outline.visible
    workspace.set_cells(asked.cells.subset(range(10)))
    assert workspace.outside is None and workspace.cell_mask is None
