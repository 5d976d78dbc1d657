"""Labels in the app: on disk at once, back when the cells are opened again, and by whom."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_sparseattn import labelling as module
from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.labelling import Labelling
from napari_sparseattn.workspace import CellSource, Workspace
from sparseattn.cells import open_cells
from sparseattn.cells.labels import LabelLog
from sparseattn.errors import InputError


@pytest.fixture
def at_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(module, "HOME", tmp_path / "home")
    return tmp_path / "home"


_BEGUN: list[Labelling] = []


@pytest.fixture(autouse=True)
def all_closed() -> Iterator[None]:
    yield
    while _BEGUN:
        _BEGUN.pop().close()


def begun(workspace: Workspace) -> Labelling:
    _BEGUN.append(Labelling(workspace))
    return _BEGUN[-1]


def opened(folder: Path) -> tuple[Workspace, Labelling]:
    workspace = Workspace()
    labelling = begun(workspace)
    cells = open_cells(folder, subfolders="samples")
    workspace.set_cells(cells, [CellSource(folder)])
    return workspace, labelling


@pytest.fixture
def folder(blob_folder) -> Path:
    return blob_folder(count=4, size=16)


def test_a_label_is_on_disk_and_comes_back(folder) -> None:
    workspace, labelling = opened(folder)
    assert labelling.log is None and not (folder / "_labels.sqlite").exists()
    labelling.add_class("lymphocyte")
    labelling.recolour_class("lymphocyte", "#123456")
    told = []
    workspace.labels_changed.connect(told.append)
    labelling.label([2], "lymphocyte")
    assert told == [(workspace.cells.ids[2],)]
    with LabelLog.open(folder / "_labels.sqlite") as log:
        assert log.current() == {workspace.cells.ids[2]: "lymphocyte"}

    again, _ = opened(folder)
    assert again.labels()[2] == "lymphocyte"
    assert again.colours == {"lymphocyte": "#123456"} and again.classes[0].key == "1"


def test_undo_looks_at_the_cell(folder) -> None:
    workspace, labelling = opened(folder)
    labelling.add_class("A")
    labelling.label([3], "A")
    labelling.label([0, 1, 2], "unsure")
    assert labelling.undo() == 3 and labelling.undo() == 1
    assert workspace.current == 3 and set(workspace.labels()) == {None}
    assert labelling.undo() == 0
    assert labelling.redo() == 1 and workspace.labels()[3] == "A"


def test_how_a_cell_was_chosen_is_kept(folder) -> None:
    workspace, labelling = opened(folder)
    labelling.add_class("A")
    ids = workspace.cells.ids
    labelling.set_uncertain([5, 1])
    for _ in range(2):
        index = labelling.next_cell("uncertain")
        workspace.current = index
        labelling.label([index], "A")
    assert labelling.next_cell("uncertain") is None
    workspace.current = 0
    labelling.label(labelling.targets(), "A")
    index = labelling.next_cell("random")
    labelling.label([index], "A")
    picked = {name: label.picked for name, label in labelling.log.labels.items()}
    assert picked == {ids[5]: "uncertain", ids[1]: "uncertain", ids[0]: "hand", ids[index]: "random"}
    assert labelling.next_cell("in order", from_index=0) not in (0, 1, 5, index)


def test_no_cell_is_left(folder) -> None:
    _, labelling = opened(folder)
    labelling.label(range(8), "exclude")
    assert [labelling.next_cell(order) for order in ("in order", "random", "uncertain")] == [None] * 3


def test_classes_stay_with_their_cells(folder, blob_folder) -> None:
    workspace, labelling = opened(folder)
    labelling.add_class("A")
    labelling.label([0], "A")
    other = blob_folder(("three", "four"), count=2, size=16, name="others")
    workspace.set_cells(open_cells(other, subfolders="classes"), [CellSource(other)])
    assert set(workspace.colours) == {"three", "four"}
    workspace.set_cells(open_cells(folder, subfolders="samples"), [CellSource(folder)])
    assert set(workspace.colours) == {"A"}
    with LabelLog.open(folder / "_labels.sqlite", read_only=True) as log:
        assert [one.name for one in log.classes] == ["A"]  # nothing of the others was written to it


def test_classes_change_keys(folder) -> None:
    workspace, labelling = opened(folder)
    for name in "ABC":
        labelling.add_class(name)
    labelling.set_key("C", "1")
    assert {item.name: item.key for item in workspace.classes} == {"A": "3", "B": "2", "C": "1"}
    again, _ = opened(folder)
    assert {item.name: item.key for item in again.classes} == {"A": "3", "B": "2", "C": "1"}


def test_labels_of_files_are_looked_at_last(blob_folder) -> None:
    folder = blob_folder(count=2, size=16)
    workspace, labelling = opened(folder)
    workspace.set_cells(open_cells(folder, subfolders="classes"), [CellSource(folder)])
    assert labelling.to_label() == [0, 1, 2, 3]  # a key confirms or corrects them
    labelling.label([0, 3], "one")
    assert labelling.next_cell("in order") == 1 and labelling.to_label() == [1, 2]
    workspace.set_cells(workspace.cells.with_labels(["one", None, None, "two"]), [CellSource(folder)])
    assert labelling.to_label() == [1, 2]


def test_sample_cells_keep_their_labels_with_the_user(at_home) -> None:
    workspace = Workspace()
    labelling = begun(workspace)
    folder = sample_folder("opd")
    workspace.set_cells(open_cells(folder, subfolders="classes"), [CellSource(folder)])
    labelling.label([5], "monocyte")
    assert labelling.log.path == at_home / "sample_opd.sqlite"
    labelling.close()


def test_classes_of_the_model_get_a_place_in_the_log(folder) -> None:
    workspace, labelling = opened(folder)
    labelling.add_class("A")
    workspace.add_classes(["B"])
    labelling.label([1], "B")
    labelling.rename_class("B", "Beta")
    assert workspace.labels()[1] == "Beta" and [item.name for item in workspace.classes] == ["A", "Beta"]
    with pytest.raises(InputError, match="already"):
        labelling.add_class("beta")
    labelling.remove_class("Beta")
    assert workspace.labels()[1] is None
    labelling.add_class("Beta")
    assert workspace.labels()[1] == "Beta"


def test_labels_of_the_files_can_be_taken_over(blob_folder) -> None:
    folder = blob_folder(count=4, size=16)
    workspace = Workspace()
    labelling = begun(workspace)
    workspace.set_cells(open_cells(folder, subfolders="classes"), [CellSource(folder)])
    labelling.label([0], "two")
    assert len(labelling.labels_of_files()) == 7
    assert labelling.take_over_files() == 7 and labelling.take_over_files() == 0
    assert {label.origin for label in labelling.log.labels.values()} == {"hand", "imported"}
    assert workspace.labels() == ("two", "one", "one", "one", "two", "two", "two", "two")


def test_where_nothing_can_be_written_labels_lie_at_home(folder, at_home, monkeypatch) -> None:
    class Refusing(LabelLog):
        @classmethod
        def open(cls, path, *, read_only=False):
            if Path(path).parent != at_home:
                raise InputError("it cannot be made there")
            return super().open(path)

    monkeypatch.setattr(module, "LabelLog", Refusing)
    workspace, labelling = opened(folder)
    said = []
    workspace.said.connect(said.append)
    labelling.label([0], "unsure")
    assert Path(workspace.label_log.path).parent == at_home and str(at_home) in said[0]
    again, _ = opened(folder)
    assert again.labels()[0] == "unsure"


def test_a_table_names_cells_by_file(folder, tmp_path) -> None:
    workspace, labelling = opened(folder)
    (tmp_path / "labels.csv").write_text(f"id,class\n{workspace.cells.origins[1]},new\n")
    assert labelling.import_csv(tmp_path / "labels.csv") == 1
    assert workspace.labels()[1] == "new" and "new" in workspace.colours
    (tmp_path / "labels.csv").write_text("id,class\ncell_001.png,new\n")  # in both folders
    with pytest.raises(InputError, match="2 cells"):
        labelling.import_csv(tmp_path / "labels.csv")


def test_other_cells_have_other_labels(folder, blob_folder) -> None:
    workspace, labelling = opened(folder)
    labelling.label([0], "unsure")
    other = blob_folder(count=2, size=16, name="other")
    workspace.set_cells(open_cells(other, subfolders="samples"), [CellSource(other)])
    assert workspace.label_log is None and set(workspace.labels()) == {None}
