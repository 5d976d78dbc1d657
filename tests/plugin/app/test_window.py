"""The dock in a real window: clicks and keys reach the workspace, and what it says is seen."""

import os
import sys

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QMessageBox

from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.layers import made
from napari_sparseattn.session import session_of
from sparseattn.cells import CellSet, open_cells

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


def explain_tab(widget):
    return widget.tabs.widget(0).widget()


def made_and_visible(viewer) -> set[str | None]:
    return {made(layer) for layer in viewer.layers if layer.visible}


def test_from_nothing_to_the_selected_pixels(window, qtbot, model_file) -> None:
    viewer, widget = window
    tab = explain_tab(widget)
    assert tab.empty.isVisible() and "Open a folder" in tab.empty.text()
    viewer.open_sample("napari-sparseattn", "stained")
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert "Load a model" in tab.empty.text() and "60 cells" in widget.state.text()
    widget.open_path(model_file(open_cells(sample_folder("stained"), subfolders="classes")))
    qtbot.waitUntil(lambda: widget.workspace.explanation is not None, timeout=60_000)
    assert tab.bars.isVisible() and not tab.empty.isVisible()
    assert "Selected pixels" in [layer.name for layer in viewer.layers]
    assert len(viewer.layers) == 2  # the sample's own layer is used, not a second one made
    assert "The coarse stage looked at all 576" in tab.facts.text()
    assert widget.session.layers.pixel_size_um == pytest.approx(viewer.layers[0].scale[-1])


def test_keys_clicks_and_switches(window, qtbot, cells_of, classifier_for) -> None:
    _, widget = window
    cells = cells_of()
    workspace = widget.workspace
    workspace.set_cells(cells)
    workspace.set_classifier(classifier_for(cells))
    qtbot.waitUntil(lambda: workspace.curve is not None)
    tab = explain_tab(widget)
    before = workspace.k
    tab.slider.setFocus()
    qtbot.keyClick(tab.slider, Qt.Key.Key_Right)
    assert workspace.k > before and tab.spin.value() == workspace.k
    qtbot.waitUntil(lambda: workspace.explanation.k == workspace.k)
    qtbot.mouseClick(tab.learned, Qt.MouseButton.LeftButton)
    assert workspace.k == before
    # A click on the plot goes where it points.
    at = QPoint(round(tab.plot.x_of(300)), tab.plot.height() // 2)
    qtbot.mouseClick(tab.plot, Qt.MouseButton.LeftButton, pos=at)
    assert workspace.k == pytest.approx(300, rel=0.03)
    # A click on the second bar chooses its class, another one lets go of it.
    qtbot.mouseClick(tab.bars, Qt.MouseButton.LeftButton, pos=QPoint(100, 28))
    assert workspace.target_class == workspace.classifier.classes[1]
    assert tab.ask.why_not.target.currentText() == workspace.classifier.classes[1]
    qtbot.mouseClick(tab.bars, Qt.MouseButton.LeftButton, pos=QPoint(100, 28))
    assert workspace.target_class is None
    tab.switches["coarse"].click()
    assert workspace.shown.coarse and widget.session.layers._overlays.layers["coarse"].visible
    qtbot.mouseClick(tab.following, Qt.MouseButton.LeftButton)
    assert workspace.current == 1 and "Cell 2 of 20" in tab.cell.text()
    qtbot.mouseClick(tab.fewest, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "are the fewest" in widget.status.text.text())


def test_who_labels_blind_sees_nothing_of_the_model(window, qtbot, cells_of, classifier_for) -> None:
    viewer, widget = window
    workspace, tab = widget.workspace, explain_tab(widget)
    workspace.set_cells(cells_of())
    workspace.set_classifier(classifier_for(cells_of()))
    qtbot.waitUntil(tab.bars.isVisible)
    workspace.blind = True
    assert not tab.bars.isVisible() and "labelling blind" in tab.empty.text()
    assert made_and_visible(viewer) == {"cells"}
    workspace.current = 5
    qtbot.waitUntil(lambda: workspace.explanation is not None)
    assert not tab.bars.isVisible() and made_and_visible(viewer) == {"cells"}
    workspace.blind = False
    assert tab.bars.isVisible() and made_and_visible(viewer) == {"cells", "selected"}


def test_a_figure_is_saved(window, qtbot, cells_of, classifier_for, tmp_path, monkeypatch) -> None:
    from napari_sparseattn.widgets.explain import widget as module

    _, widget = window
    widget.workspace.set_cells(cells_of())
    widget.workspace.set_classifier(classifier_for(cells_of()))
    qtbot.waitUntil(lambda: widget.workspace.explanation is not None)
    path = tmp_path / "cell.svg"
    monkeypatch.setattr(module.QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(explain_tab(widget).save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "source data" in widget.status.text.text(), timeout=120_000)
    assert path.is_file() and (tmp_path / "cell_maps.csv").is_file()


def test_cells_of_several_sizes_go_to_the_gallery(window, qtbot, tmp_path) -> None:
    import imageio.v3 as iio

    viewer, widget = window
    for side in (20, 30, 40):
        iio.imwrite(
            tmp_path / f"{side}.png", np.random.default_rng(side).integers(0, 255, (side, side, 3), "uint8")
        )
    viewer.open(str(tmp_path), plugin="napari-sparseattn")
    qtbot.waitUntil(lambda: widget.workspace.cells is not None)
    assert widget.tabs.tabText(widget.tabs.currentIndex()) == "Gallery"
    (layer,) = viewer.layers
    assert layer.data.shape == (20, 20, 3)
    widget.workspace.current = 2
    (layer,) = viewer.layers
    assert layer.data.shape == (40, 40, 3)


def test_what_subfolders_are_is_asked(window, qtbot, blob_folder) -> None:
    _, widget = window
    widget.open_path(blob_folder(count=3, size=16))
    qtbot.waitUntil(lambda: isinstance(widget.questions.shown, QMessageBox))
    box = widget.questions.shown
    assert "one, two" in box.informativeText()
    qtbot.mouseClick(next(b for b in box.buttons() if b.text() == "Classes"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None)
    assert widget.workspace.cells.classes == ("one", "two")


def test_what_went_wrong_is_one_sentence(window, qtbot, tmp_path) -> None:
    _, widget = window
    (tmp_path / "broken.safetensors").write_bytes(b"no model")
    widget.open_path(tmp_path / "broken.safetensors")
    qtbot.waitUntil(
        lambda: "broken.safetensors" in widget.status.text.text() and not widget.status.bar.isVisible()
    )
    assert "Traceback" not in widget.status.text.text()
    assert widget.workspace.classifier is None
    widget.open_path(sample_folder("opd"), subfolders="classes")  # the user goes on to something else
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert "broken" not in widget.status.text.text()


def test_a_model_that_fits_is_offered(window, qtbot, cells_of, classifier_for) -> None:
    _, widget = window
    widget.workspace.set_classifier(classifier_for(cells_of()))  # not for these
    widget.open_path(sample_folder("events"), subfolders="classes")
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert "does not fit" in widget.offer.text.text() and widget.offer.yes.text() == "Load It"
    qtbot.mouseClick(widget.offer.yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.workspace.explanation is not None, timeout=60_000)
    assert not widget.offer.isVisible()
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow, timeout=10_000)
    qtbot.keyClick(widget, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: widget.tabs.tabText(widget.tabs.currentIndex()) == "Gallery")


def test_cells_are_replaced_under_all_overlays(window, qtbot, cells_of, classifier_for) -> None:
    """Each draw after a layer went used to crash where points were shown."""
    viewer, widget = window
    workspace = widget.workspace
    everything = {"cells", "selected", "neighbourhood", "coarse", "fine", "evidence"}
    workspace.show(selected=True, neighbourhood=True, coarse=True, fine=True, evidence=True)
    for turn in range(10):
        cells = cells_of((30 + turn, 40), channels=(3, 1, 2)[turn % 3])
        if turn % 4 == 3:  # of two sizes: shown one by one, as (Y, X) or (Y, X, 3)
            cells = CellSet.concatenate([cells, cells_of((50, 40), channels=len(cells.channels))])
        workspace.set_cells(cells)
        qtbot.wait(30)  # drawn with the old overlays gone
        workspace.set_classifier(classifier_for(cells))
        qtbot.waitUntil(lambda: workspace.explanation is not None and workspace.evidence is not None)
        qtbot.wait(30)
        workspace.current = 3
        qtbot.waitUntil(lambda: made_and_visible(viewer) == everything)
        qtbot.wait(30)
        shown = [layer.data.shape for layer in viewer.layers if made(layer) == "cells"]
        single = (30 + turn, 40, 3) if len(cells.channels) == 3 else (30 + turn, 40)
        assert set(shown) == {single if turn % 4 == 3 else (20, *single)}
    viewer.layers.clear()  # by the user
    qtbot.wait(30)


def test_two_viewers_do_not_mix(make_napari_viewer, qtbot, cells_of) -> None:
    one, other = make_napari_viewer(), make_napari_viewer()
    sessions = [session_of(viewer) for viewer in (one, other)]
    sessions[0].workspace.set_cells(cells_of())
    assert len(one.layers) == 1 and len(other.layers) == 0
    assert sessions[1].workspace.cells is None
    for session in sessions:
        session.close()


def test_the_dock_can_be_closed_and_opened_again(window, qtbot, cells_of, classifier_for) -> None:
    """The work stays: it belongs to the viewer, not to the dock."""
    viewer, widget = window
    widget.workspace.set_cells(cells_of())
    widget.workspace.set_classifier(classifier_for(cells_of()))
    qtbot.waitUntil(lambda: widget.workspace.explanation is not None)
    for name in ("gallery", "field", "label", "report"):
        widget.show_tab(name)
    viewer.window.remove_dock_widget(widget)
    qtbot.wait(50)
    viewer.add_image(np.zeros((20, 20)), name="another")
    viewer.layers.remove("another")
    session = session_of(viewer)
    session.workspace.current = 4  # nothing of the old dock is in the way
    session.workspace.k = 200
    _, again = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    assert again.workspace is session.workspace
    qtbot.waitUntil(lambda: again.workspace.explanation.k == 200)
    assert "Cell 5 of 20" in explain_tab(again).cell.text()
