"""A model that was loaded by mistake leaves nothing behind in the labels."""

from dataclasses import replace

from napari_sparseattn.workspace import CellSource
from sparseattn.cells import open_cells


def test_classes_of_a_model_are_written_when_they_are_used(
    app, blob_folder, cells_of, classifier_for
) -> None:
    folder = blob_folder(count=4, size=16)
    workspace, labelling = app.workspace, app.session.labelling
    workspace.set_cells(open_cells(folder, subfolders="samples"), [CellSource(folder)])
    labelling.add_class("A")
    labelling.label([0], "A")
    model = classifier_for(cells_of(channels=3))
    workspace.set_classifier(replace(model, classes=("wrong", "mistaken")))
    assert [item.name for item in workspace.classes] == ["A", "wrong", "mistaken"]
    assert [one.name for one in labelling.log.classes] == ["A"]
    workspace.set_classifier(replace(model, classes=("B", "C")))
    assert [item.name for item in workspace.classes] == ["A", "B", "C"]
    labelling.recolour_class("C", "#123456")
    labelling.label([1], "B")
    assert {one.name for one in labelling.log.classes} == {"A", "B", "C"}
    assert next(one for one in labelling.log.classes if one.name == "C").colour == "#123456"
