"""The explanation follows the cell, the model and k: at once, once, and never for another cell."""

import numpy as np
import pytest


def test_many_changes_of_k_are_one_step(app, qtbot) -> None:
    app.load()
    qtbot.wait(10)
    steps = []
    app.workspace.explanation_changed.connect(lambda: steps.append(app.workspace.explanation.k))
    for k in (100, 120, 140, 160):
        app.workspace.k = k
    qtbot.waitUntil(lambda: bool(steps))
    qtbot.wait(30)
    assert steps == [160]


def test_the_stack_s_slider_and_the_cell_move_together(app, qtbot) -> None:
    app.load()
    app.viewer.dims.set_current_step(0, 7)
    assert app.workspace.current == 7
    qtbot.waitUntil(lambda: app.workspace.explanation.cell_id == app.workspace.cells.ids[7])
    app.workspace.current = 3
    assert app.viewer.dims.current_step[0] == 3
    assert app.workspace.current == 3


def test_other_cells_drop_what_was_known_of_the_old(app, qtbot, cells_of) -> None:
    app.load()
    qtbot.waitUntil(lambda: app.workspace.curve is not None)
    app.workspace.set_cells(cells_of(shape=(26, 26)))
    assert app.workspace.explanation is None and app.workspace.curve is None
    assert not app.layer("Selected").visible
    qtbot.waitUntil(lambda: app.workspace.explanation is not None)
    assert app.workspace.explanation.image.shape[1:] == (26, 26)


def test_curve_and_evidence_come_when_the_slider_rests(app, qtbot) -> None:
    app.load()
    app.workspace.show(evidence=True)
    qtbot.waitUntil(lambda: app.workspace.curve is not None and app.workspace.evidence is not None)
    assert app.workspace.evidence.class_name == app.workspace.explanation.predicted
    layer = app.layer("For and against")
    assert np.array_equal(layer.data, app.workspace.evidence.pixels)
    assert layer.contrast_limits[0] == pytest.approx(-layer.contrast_limits[1])
    other = next(name for name in app.workspace.classifier.classes if name != app.workspace.explained_class)
    app.workspace.target_class = other
    qtbot.waitUntil(lambda: app.workspace.evidence.class_name == other)


def test_evidence_of_one_cell_does_not_land_on_another(app, qtbot) -> None:
    app.load()
    app.workspace.show(evidence=True)
    app.session.live._look_closer()  # begun for the first cell
    app.workspace.current = 5
    assert app.workspace.evidence is None
    app.session.live.update()
    landed = []
    app.workspace.evidence_changed.connect(lambda: landed.append(app.workspace.evidence))
    qtbot.waitUntil(lambda: app.workspace.evidence is not None)
    from sparseattn.explain import CellExplainer, class_evidence

    explainer = CellExplainer(app.workspace.classifier, app.workspace.cells, 5)
    expected = class_evidence(explainer, app.workspace.explained_class, app.workspace.k)
    assert all(one is None or np.allclose(one.pixels, expected.pixels, atol=1e-6) for one in landed)


def test_fewest_pixels(app, qtbot) -> None:
    app.load()
    wanted = app.workspace.explanation.predicted
    found = []
    app.session.live.find_fewest(lambda k, name: found.append((k, name)))
    qtbot.waitUntil(lambda: bool(found))
    assert found == [(app.workspace.k, wanted)] and app.workspace.k <= 80


def test_a_model_for_other_cells_says_so(app, cells_of) -> None:
    app.load()
    app.workspace.set_cells(cells_of(channels=2))
    app.session.live.update()
    assert app.workspace.explanation is not None  # the channel is there, among others
    app.load(cells_of(channels=2))
    app.workspace.set_cells(cells_of(channels=3))
    app.session.live.update()
    assert app.workspace.explanation is None
    assert "lack stain 0, stain 1" in app.workspace.mismatch


def test_channels_are_matched_by_name(app, cells_of) -> None:
    classifier = app.load(cells_of(channels=2))
    named = cells_of(channels=2).with_channels(("DAPI", "Actin"))
    app.workspace.set_cells(named)
    assert app.workspace.mismatch
    app.workspace.set_channel_names({"Actin": "stain 1", "DAPI": "stain 0"})
    app.session.live.update()
    straight = classifier.predict(cells_of(channels=2).subset([0])).probabilities[0]
    assert app.workspace.mismatch is None
    assert app.workspace.explanation.probabilities == pytest.approx(straight, abs=1e-5)
    assert app.workspace.cells.channels == ("DAPI", "Actin")
