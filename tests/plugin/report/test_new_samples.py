"""The page that classifies folders that came later."""

import json

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_sparseattn.apply_job import NewSample, open_sample
from napari_sparseattn.widgets.apply import ApplyWidget

SECONDS = 60_000


@pytest.fixture
def page(qtbot, session, trained):
    session.workspace.set_classifier(trained.classifier, trained.model)
    widget = ApplyWidget(session)
    qtbot.addWidget(widget)
    widget.resize(480, 700)
    widget.show()
    return widget


@pytest.fixture
def folders(new_samples, tmp_path):
    """Three days: like the training cells, like them, and under more light."""
    return [
        new_samples(tmp_path / "days" / name, names=(), count=20, seed=seed, light=light)
        for name, seed, light in (("monday", 1, 0), ("tuesday", 2, 0), ("wednesday", 3, 90))
    ]


def classify(qtbot, page) -> None:
    qtbot.mouseClick(page.classify, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._job is None, timeout=SECONDS)


def states(page) -> list[str]:
    return [row[3] for row in page.samples.texts()[1]]


def test_samples_are_classified_and_compared(qtbot, page, folders, trained) -> None:
    page.add_folders(folders)
    classify(qtbot, page)
    columns, rows = page.samples.texts()
    assert columns == ["Sample", "Condition", "Cells", "State", "bright (%)", "dark (%)", "striped (%)"]
    assert [row[0] for row in rows] == ["monday", "tuesday", "wednesday"]
    assert [row[2] for row in rows] == ["60"] * 3
    assert all(sum(map(float, row[4:])) == pytest.approx(100, abs=0.2) for row in rows)
    assert "differs" in states(page)[2] and "differs" not in states(page)[0]
    assert "“wednesday”" in page.differs.text and "“monday”" not in page.differs.text
    page.table.selectRow(2)
    assert "brighter in" in page.differs.text
    page.table.selectRow(0)
    assert page.differs.isHidden() and "like the cells" in page.fine.text


def test_a_folder_that_cannot_be_used_does_not_stop_the_others(qtbot, page, folders, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    page.add_folders([tmp_path / "empty", folders[0]])
    classify(qtbot, page)
    assert "cannot be used" in states(page)[0]
    assert states(page)[1] == "like the training cells"
    assert "“empty” cannot be used: " in page.differs.text
    assert page.classify.isEnabled()  # it may be mended and tried again


def test_stopping_keeps_what_is_done(qtbot, page, folders) -> None:
    page.add_folders(folders)
    qtbot.mouseClick(page.classify, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.samples.results), timeout=SECONDS)
    qtbot.mouseClick(page.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._job is None, timeout=SECONDS)
    done = len(page.samples.done())
    assert 1 <= done < 3
    assert states(page)[done:] == ["to do"] * (3 - done)
    classify(qtbot, page)
    assert len(page.samples.done()) == 3


def test_another_model_ends_it_and_nothing_lands(qtbot, page, folders, trained, session) -> None:
    page.add_folders(folders)
    qtbot.mouseClick(page.classify, Qt.MouseButton.LeftButton)
    session.workspace.set_classifier(trained.classifier.extended(["odd"]))
    qtbot.waitUntil(lambda: not any(job.key == "apply" for job in session.jobs._running), timeout=SECONDS)
    assert page.samples.results == {}
    assert states(page) == ["to do"] * 3
    assert page.samples.columnCount() == 8
    assert page.classify.isEnabled()


def test_classified_samples_become_the_open_cells(qtbot, page, folders, session) -> None:
    page.add_folders(folders[:2])
    page.samples.setData(page.samples.index(1, 1), "fasting")
    classify(qtbot, page)
    qtbot.mouseClick(page.open, Qt.MouseButton.LeftButton)
    workspace = session.workspace
    qtbot.waitUntil(lambda: workspace.predictions is not None, timeout=SECONDS)
    assert len(workspace.cells) == 120
    assert set(workspace.cells.column("sample")) == {"monday", "tuesday"}
    assert workspace.cells.column("condition")[0] is None
    assert workspace.cells.column("condition")[-1] == "fasting"
    assert np.array_equal(workspace.predictions.indices, np.arange(120))
    done = page.samples.done()
    np.testing.assert_array_equal(workspace.predictions.probabilities[60:], done[1].predictions.probabilities)
    # A project opens them again by its sources: with their columns.
    from sparseattn.cells import open_cells

    source = workspace.sources[1]
    again = open_cells(source.path, **json.loads(json.dumps(source.options)))
    assert again.column("condition") == ("fasting",) * 60


def test_names_can_be_typed_until_they_are_unlike(page, folders, tmp_path, new_samples) -> None:
    other = new_samples(tmp_path / "plate 2" / "monday", names=(), count=1)
    page.add_folders([folders[0], other, folders[0]])
    assert [one.name for one in page.samples.samples] == ["monday", "plate 2/monday"]
    assert page.samples.setData(page.samples.index(0, 0), "  day   one ")
    assert page.samples.samples[0].name == "day one"
    assert not page.samples.setData(page.samples.index(0, 0), "  ")


def test_subfolders_are_classes_only_if_the_model_knows_them(trained, new_samples, tmp_path) -> None:
    known = new_samples(tmp_path / "known", count=1)
    cells, _ = open_sample(NewSample(known, "known"), trained.classifier)
    assert set(cells.labels) == {"bright", "dark", "striped"}
    wells = new_samples(tmp_path / "wells", names=("A1", "A2"), count=1)
    cells, _ = open_sample(NewSample(wells, "plate"), trained.classifier)
    assert set(cells.labels) == {None}
    assert set(cells.column("sample")) == {"plate"}


def test_the_list_is_kept_in_the_project(qtbot, page, folders, session, trained) -> None:
    page.add_folders(folders)
    kept = json.loads(json.dumps(session.workspace.extras))
    page.samples.set_samples([])
    session.workspace.extras.clear()
    session.workspace.extras.update(kept)
    session.workspace.set_project_path(None)
    assert [one.path for one in page.samples.samples] == folders
    session.workspace.extras["apply"] = {"samples": [7, {"name": "no path"}]}
    session.workspace.set_project_path(None)
    assert page.samples.samples == []


def test_the_exported_table_is_the_one_on_the_screen(qtbot, page, folders, tmp_path, monkeypatch) -> None:
    page.add_folders(folders[:2])
    classify(qtbot, page)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "t.csv"), "CSV (*.csv)"))
    qtbot.mouseClick(page.export, Qt.MouseButton.LeftButton)
    written = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    columns, rows = page.samples.texts()
    assert list(written.columns) == columns
    assert written.to_numpy().tolist() == [list(row) for row in rows]


def test_rows_are_removed_by_key(qtbot, page, folders) -> None:
    page.add_folders(folders)
    page.table.selectRow(1)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(page.samples.samples) == 2)
    assert [one.name for one in page.samples.samples] == ["monday", "wednesday"]
    assert all(folder.is_dir() for folder in folders)
