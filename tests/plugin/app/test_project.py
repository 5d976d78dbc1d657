"""A project brings the work back; what is damaged is said, and nothing in it is trusted."""

import json
import time
from pathlib import Path

import pytest

from napari_sparseattn import project
from napari_sparseattn.project import open_project, save_project
from napari_sparseattn.session import Session
from sparseattn.cells import open_cells


@pytest.fixture
def saved(app, qtbot, blob_folder, classifier_for, tmp_path) -> Path:
    """A project with cells, a model and choices of the user."""
    folder = blob_folder(count=6, size=24)
    classifier_for(open_cells(folder, subfolders="classes")).save(tmp_path / "model.safetensors")
    app.session.opening.open_cells(folder, subfolders="classes")
    app.session.opening.load_model(tmp_path / "model.safetensors")
    qtbot.waitUntil(lambda: app.workspace.cells is not None and app.workspace.classifier is not None)
    app.workspace.k = 200
    app.workspace.current = 4
    app.workspace.show(coarse=True, opacity=0.3)
    app.workspace.add_classes(["three"])
    app.workspace.set_filters({"predicted": ["one"]})
    app.workspace.extras["gates"] = [1, 2]
    app.workspace.target_class = "two"
    save_project(app.session, tmp_path / "work.sparseattn.json")
    qtbot.waitUntil(lambda: app.workspace.project_path is not None)
    return tmp_path / "work.sparseattn.json"


@pytest.fixture
def fresh(qtbot):
    """A session that knows nothing, of a viewer of its own."""
    from napari.components import ViewerModel

    viewer = ViewerModel()
    session = Session(viewer)
    session.viewer_kept = viewer
    yield session
    session.close()


def test_everything_comes_back(app, saved: Path, fresh, qtbot) -> None:
    open_project(fresh, saved)
    qtbot.waitUntil(lambda: fresh.workspace.project_path == saved)
    before, after = app.workspace, fresh.workspace
    assert after.cells.ids == before.cells.ids and after.cells.labels == before.cells.labels
    assert after.classifier.model_hash == before.classifier.model_hash
    assert (after.k, after.current, after.target_class) == (200, 4, "two")
    assert after.shown == before.shown and after.classes == before.classes
    assert after.filters == before.filters and after.extras == before.extras
    qtbot.waitUntil(lambda: after.explanation is not None)
    assert after.explanation.k == 200


def test_it_moves_with_its_data(saved: Path, fresh, qtbot, tmp_path) -> None:
    said = json.loads(saved.read_text())
    assert said["model"] == "model.safetensors" and said["sources"][0]["path"] == "cells"
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    tmp_path.rename(moved)
    open_project(fresh, moved / saved.name)
    qtbot.waitUntil(lambda: fresh.workspace.cells is not None and len(fresh.workspace.cells) == 12)
    moved.rename(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda said: said.update(format_version=9), "another version"),
        (lambda said: said.update(format="other"), "no project"),
        (lambda said: said.update(sources="all"), "'sources' is missing or not"),
        (lambda said: said.pop("k"), "'k' is missing or not"),
        (lambda said: said["sources"][0].update(path="nowhere"), "nowhere"),
    ],
)
def test_damaged_projects_are_refused_and_nothing_is_lost(
    app, saved: Path, qtbot, change, sentence: str
) -> None:
    said = json.loads(saved.read_text())
    change(said)
    saved.write_text(json.dumps(said))
    cells, failed = app.workspace.cells, []
    app.workspace.failed.connect(failed.append)
    open_project(app.session, saved)
    qtbot.waitUntil(lambda: bool(failed))
    assert sentence in failed[0]
    assert app.workspace.cells is cells and app.workspace.k == 200


def test_a_window_that_is_closed_at_once_has_saved(app, saved: Path, monkeypatch) -> None:
    app.workspace.k = 123
    monkeypatch.setattr(project, "replaced_file", slowed(project.replaced_file))
    save_project(app.session, saved)
    app.session.close()
    assert json.loads(saved.read_text())["k"] == 123


def slowed(call):
    """A slow disk."""

    def later(*arguments):
        time.sleep(0.3)
        return call(*arguments)

    return later


def test_a_folder_that_cannot_be_written(app, saved: Path, qtbot) -> None:
    failed = []
    app.workspace.failed.connect(failed.append)
    save_project(app.session, saved.parent / "missing" / "work.sparseattn.json")
    qtbot.waitUntil(lambda: bool(failed))
    assert "there is no folder" in failed[0]


def test_a_project_whose_model_is_gone_opens_with_all_else_and_asks_for_it(app, saved: Path, qtbot) -> None:
    said = json.loads(saved.read_text())
    said["model"] = "gone.safetensors"
    saved.write_text(json.dumps(said))
    app.workspace.set_cells(None)
    failed = []
    app.workspace.failed.connect(failed.append)
    open_project(app.session, saved)
    qtbot.waitUntil(lambda: bool(failed))
    assert "gone.safetensors" in failed[0] and "load the model" in failed[0]
    assert len(app.workspace.cells) == 12 and app.workspace.classifier is None
    assert [item.name for item in app.workspace.classes] == [item["name"] for item in said["classes"]]
    assert app.workspace.project_path == saved
