"""The Report tab, by its clicks and keys."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from napari_sparseattn.report_job import ask
from napari_sparseattn.widgets.report import ReportWidget
from sparseattn.table.filters import CellFilter

SECONDS = 60_000


@pytest.fixture
def tab(qtbot, opened):
    widget = ReportWidget(opened)
    qtbot.addWidget(widget)
    widget.resize(480, 700)
    widget.show()
    qtbot.waitUntil(lambda: widget.made is not None, timeout=SECONDS)
    return widget


def page(tab, title):
    place = next(i for i in range(tab.pages.count()) if tab.pages.tabText(i) == title)
    tab.pages.setCurrentIndex(place)
    return tab.pages.widget(place)


def test_without_cells_and_model_it_says_what_to_do(qtbot, session) -> None:
    widget = ReportWidget(session)
    qtbot.addWidget(widget)
    widget.show()
    assert "Open a folder of cells and load a model" in widget.empty.text()
    assert [i for i in range(widget.pages.count()) if widget.pages.isTabVisible(i)] == [5]


def test_it_is_made_when_looked_at(tab, opened) -> None:
    report = tab.made.report
    assert report.judgement.cells.side == "validation"
    assert report.judgement.cells.statement == tab.statement.text
    assert f"{report.judgement.metrics['n']:,}" in tab.tiles.text
    assert all(tab.pictures[name].has_picture for name in tab.made.pictures)
    assert {"classes", "reliability", "confidence", "fractions", "attention", "history"} <= set(
        tab.made.pictures
    )
    assert "seed 0" in tab.methods.text()


def test_a_square_shows_its_cells_in_the_gallery(qtbot, tab, opened) -> None:
    asked = []
    opened.tab_asked.connect(asked.append)
    counts = tab.made.report.judgement.confusion
    row, column = (int(place) for place in np.argwhere(counts > 0)[-1])
    where = tab.confusion.square(row, column).center().toPoint()
    qtbot.mouseClick(tab.confusion, Qt.MouseButton.LeftButton, pos=where)
    workspace = opened.workspace
    chosen = CellFilter.from_json(workspace.filters)
    names = tab.made.report.classes
    assert (chosen.given, chosen.predicted) == ((names[row],), (names[column],))
    assert len(workspace.selection) == counts[row, column]
    assert asked == ["gallery"]
    opened.shown_cells.ask()
    qtbot.waitUntil(
        lambda: opened.shown_cells.table is not None and opened.shown_cells.problem is None
        and "split" in opened.shown_cells.table, timeout=SECONDS,
    )  # fmt: skip
    qtbot.waitUntil(lambda: len(opened.shown_cells.rows) == counts[row, column], timeout=SECONDS)
    assert tuple(sorted(opened.shown_cells.rows)) == workspace.selection


def test_the_matrix_is_reached_by_keys(qtbot, tab, opened) -> None:
    counts = tab.made.report.judgement.confusion
    for _ in range(3):
        qtbot.keyClick(tab.confusion, Qt.Key.Key_Up)
        qtbot.keyClick(tab.confusion, Qt.Key.Key_Left)
    heard = []
    tab.confusion.chosen.connect(lambda *square: heard.append(square))
    if not counts[0, 0]:
        pytest.skip("the first square is empty")
    qtbot.keyClick(tab.confusion, Qt.Key.Key_Return)
    assert heard == [(0, 0)]


def test_an_empty_square_changes_nothing(qtbot, tab, opened) -> None:
    tab.confusion.show_counts(("a", "b"), np.array([[3, 0], [0, 2]]))
    heard = []
    tab.confusion.chosen.connect(lambda *square: heard.append(square))
    qtbot.mouseClick(
        tab.confusion, Qt.MouseButton.LeftButton, pos=tab.confusion.square(0, 1).center().toPoint()
    )
    qtbot.mouseClick(tab.confusion, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert heard == []


def test_the_exported_table_is_the_one_on_the_screen(qtbot, tab, opened, tmp_path, monkeypatch) -> None:
    page(tab, "Tables")
    for name in list(tab.made.tables):
        tab.which_table.setCurrentIndex(tab.which_table.findData(name))
        tab.which_table.activated.emit(tab.which_table.currentIndex())
        path = tmp_path / f"{name}.csv"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (str(path), "CSV (*.csv)"))
        with _said(qtbot, opened):
            qtbot.mouseClick(tab.write_table, Qt.MouseButton.LeftButton)
        written = pd.read_csv(path, dtype=str, keep_default_na=False)
        model = tab.table.model()
        on_screen = [
            [model.data(model.index(row, column)) for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]
        assert written.to_numpy().tolist() == on_screen
        headings = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
        assert list(written.columns) == headings


def test_html_and_plots_are_written(qtbot, tab, opened, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), "HTML (*.html)"))
    with _said(qtbot, opened):
        tab.export_html.trigger()
    assert tab.made.report.methods[:40] in (tmp_path / "out.html").read_text(encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "plots"))
    with _said(qtbot, opened):
        tab.export_plots.trigger()
    assert (tmp_path / "plots/confusion.svg").is_file() and (tmp_path / "plots/history.pdf").is_file()


def test_the_selected_pixels_are_tested_when_asked(qtbot, tab, opened, tmp_path, monkeypatch) -> None:
    """The picture and its sentence stay as labels come, and go into the file; another model has its own."""
    page(tab, "Looks at")
    assert tab.test_pixels.isVisibleTo(tab) and not tab.pictures["trust"].isVisibleTo(tab)
    qtbot.mouseClick(tab.test_pixels, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.made.report.trust is not None, timeout=SECONDS)
    assert tab.pictures["trust"].has_picture and not tab.test_pixels.isVisibleTo(tab)
    trust, judged = tab.made.report.trust, tab.made.report.judgement.cells
    assert len(trust.labels) == min(60, len(judged.rows))
    kept = min(one[0].same.mean() for one in trust.methods["selection"].kept.values())
    assert f"{100 * kept:.0f} %" in tab.trust.text and f"{len(trust.labels)} cells" in tab.trust.text
    before = tab.made
    opened.labelling.open(tmp_path / "labels.sqlite")
    opened.labelling.label([int(before.report.predictions.indices[judged.rows[0]])], "dark")
    qtbot.waitUntil(lambda: tab.made is not before, timeout=SECONDS)
    assert tab.made.report.trust is trust and tab.pictures["trust"].has_picture
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), "HTML (*.html)"))
    with _said(qtbot, opened):
        tab.export_html.trigger()
    assert "Whether these pixels count" in (tmp_path / "out.html").read_text(encoding="utf-8")
    model = opened.workspace.model_path
    opened.opening.load_model(model)
    qtbot.waitUntil(lambda: tab.made is not None and tab.made.report.trust is None, timeout=SECONDS)
    assert tab.test_pixels.isVisibleTo(tab) and not tab.trust.text


def test_labels_change_the_judgement_and_keep_the_rest(qtbot, tab, opened, tmp_path) -> None:
    before = tab.made
    opened.labelling.open(tmp_path / "labels.sqlite")
    judged = before.report.judgement.cells
    row = int(judged.rows[0])
    cell = int(before.report.predictions.indices[row])
    other = next(name for name in before.report.classes if name != before.report.predictions.human_label[row])
    opened.labelling.label([cell], other)
    qtbot.waitUntil(lambda: tab.made is not before, timeout=SECONDS)
    changed = np.abs(tab.made.report.judgement.confusion - before.report.judgement.confusion).sum()
    assert changed == 2
    assert tab.made.report.attention is before.report.attention


def test_answers_accepted_in_bulk_judge_nothing(tab, opened, tmp_path) -> None:
    opened.labelling.open(tmp_path / "labels.sqlite")
    workspace = opened.workspace
    opened.labelling.label([0, 1, 2], "dark", origin="bulk")
    opened.labelling.label([3], "unsure")
    question = ask(workspace, "auto")
    assert question.predictions.human_label[:4] == (None,) * 4
    assert question.predictions.human_label[4] == workspace.cells.labels[4]


def test_cells_set_aside_test_the_model(tab, opened, tmp_path) -> None:
    """Of cells that the model has not seen, labelled one by one, some are set aside: these test it."""
    opened.labelling.open(tmp_path / "labels.sqlite")
    workspace = opened.workspace
    unseen = replace(workspace.predictions, sides=(None,) * len(workspace.predictions))
    workspace.set_predictions(unseen)
    for index in range(40):
        opened.labelling.label([index], "bright")
    question = ask(workspace, "auto")
    tests = set(opened.labelling.log.test_cells)
    assert tests
    sides = zip(workspace.cells.ids, question.predictions.sides, strict=True)
    assert {name for name, side in sides if side == "test"} == tests


def test_blind_mode_hides_it(tab, opened) -> None:
    opened.workspace.blind = True
    assert "labelling blind" in tab.empty.text()
    assert not tab.pages.isTabVisible(0)
    opened.workspace.blind = False
    assert tab.pages.isTabVisible(0) and tab.pages.currentIndex() == 0


def test_a_report_of_earlier_cells_never_lands(qtbot, tab, opened, trained) -> None:
    from sparseattn.cells import open_cells

    workspace = opened.workspace
    tab._make()
    fewer = open_cells(trained.folder / "dark", class_name="dark")
    workspace.set_cells(fewer)
    assert tab.made is None
    qtbot.waitUntil(lambda: tab.made is not None, timeout=SECONDS)
    assert len(tab.made.report.predictions) == len(fewer)
    assert not any(job.key == "report" for job in opened.jobs.running)


def test_cells_without_labels_get_what_can_be_said(qtbot, tab, opened, new_samples, tmp_path) -> None:
    from sparseattn.cells import open_cells

    opened.workspace.set_cells(open_cells(new_samples(tmp_path / "new", names=(), count=8)))
    qtbot.waitUntil(lambda: tab.made is not None, timeout=SECONDS)
    assert tab.made.report.judgement is None
    assert tab.no_judgement.isVisibleTo(tab) and not tab.matrix.isVisibleTo(tab)
    assert tab.pictures["confidence"].has_picture and not tab.pictures["reliability"].has_picture
    assert tab.notes.isHidden() and tab.statement.isHidden()


@contextmanager
def _said(qtbot, session):
    """Wait until something is said in the status line that is no failure."""
    said, failed = [], []
    session.workspace.said.connect(said.append)
    session.workspace.failed.connect(failed.append)
    yield
    qtbot.waitUntil(lambda: bool(said or failed), timeout=SECONDS)
    session.workspace.said.disconnect(said.append)
    session.workspace.failed.disconnect(failed.append)
    assert not failed
