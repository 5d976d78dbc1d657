"""The cells of a field: classified in place, corrected, edited, found; on a viewer without a window."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.layers._source import layer_source

from napari_sparseattn.field_work import OTHER, FieldChoice
from napari_sparseattn.project import open_project, save_project
from sparseattn.cells import CropSettings, Field, SegmentSettings, cut_cells, open_field
from sparseattn.cli.app import run


def test_cells_are_classified_and_painted_in_their_place(bench):
    image, labels = (np.array(layer.data) for layer in bench.viewer.layers[:2])
    bench.classify()
    workspace, painted = bench.session.workspace, bench.painted
    assert workspace.cells.column("label") == (2, 5, 7, 9, 11)
    np.testing.assert_array_equal(painted.data, labels)
    np.testing.assert_allclose(painted.scale, (0.5, 0.5))
    np.testing.assert_allclose(painted.translate, (100, 200))
    features = painted.features
    assert features["index"].tolist() == [2, 5, 7, 9, 11]
    assert features["touches edge"].tolist() == [False, False, False, False, True]
    predictions = workspace.predictions
    assert features["class"].tolist() == predictions.predicted.tolist()
    np.testing.assert_allclose(features["confidence"], predictions.confidence, atol=1e-4)
    np.testing.assert_allclose(features["p large"] + features["p small"], 1, atol=2e-4)
    for number, name in zip(features["index"], features["class"], strict=True):
        red, green, blue, _ = painted.get_color(number)
        colour = "#" + "".join(f"{round(255 * float(value)):02x}" for value in (red, green, blue))
        assert colour == workspace.colours[name]
    # what the user brought is as it was
    assert [layer.name for layer in bench.viewer.layers[:2]] == ["smear", "marks"]
    for layer, before in zip(bench.viewer.layers[:2], (image, labels), strict=True):
        np.testing.assert_array_equal(layer.data, before)


def test_the_app_says_what_the_command_line_says(bench, tmp_path):
    bench.classify()
    bench.session.workspace.classifier.save(tmp_path / "m.safetensors")
    tifffile.imwrite(tmp_path / "marks.tif", bench.viewer.layers["marks"].data)
    status = run(
        ["predict", str(tmp_path / "m.safetensors"), str(tmp_path / "smear.tif"), "--labels",
         str(tmp_path / "marks.tif"), "--margin", "0.5", "-o", str(tmp_path / "t.parquet")]
    )  # fmt: skip
    assert status == 0
    table = pd.read_parquet(tmp_path / "t.parquet")
    predictions = bench.session.workspace.predictions
    assert table["id"].tolist() == list(predictions.ids)
    assert table["field"].tolist() == list(predictions.cells.column("field"))
    np.testing.assert_array_equal(table["p_large"], predictions.probabilities[:, 0])
    np.testing.assert_array_equal(table["in_distribution"], predictions.in_distribution)


def test_what_is_unlike_or_unsure_is_grey(bench):
    bench.classify()
    confidence = bench.session.workspace.predictions.confidence
    bench.work.set_refusal(0, float(np.sort(confidence)[2]))
    assert [name == OTHER for name in bench.work.classes()] == (confidence < np.sort(confidence)[2]).tolist()
    bench.settle()
    assert bench.painted.features["class"].tolist() == bench.work.classes()
    bench.work.set_refusal(0, 0)
    assert OTHER not in bench.work.classes()


def test_a_click_chooses_a_cell_and_a_key_corrects_it_on_disk(bench, tmp_path):
    bench.classify()
    workspace = bench.session.workspace
    bench.work.layers.watch.clicked.emit(0, 60, 30)
    assert workspace.cells.column("label")[workspace.current] == 9
    assert workspace.placement(workspace.current).offset == tuple(bench.work.found.crop[3, :2])
    predicted = bench.painted.features["class"][3]
    other = next(item for item in workspace.classes if item.name != predicted)
    bench.painted.keymap[next(key for key in bench.painted.keymap if str(key) == other.key)](bench.painted)
    assert workspace.labels()[3] == other.name
    assert bench.painted.features["class"][3] == bench.painted.features["given"][3] == other.name
    assert (tmp_path / "_smear.tif.labels.sqlite").is_file()
    bench.work.press("undo")
    assert bench.painted.features["class"][3] == predicted
    bench.work.layers.watch.clicked.emit(0, 0, 0)  # ground: nothing happens
    assert workspace.current == 3


def asked(bench, monkeypatch) -> list[int]:
    """Count the cells that the model is asked about."""
    numbers: list[int] = []
    kind = type(bench.session.workspace.classifier)
    answers = kind.answers

    def count(self, cells, **more):
        numbers.append(len(cells))
        return answers(self, cells, **more)

    monkeypatch.setattr(kind, "answers", count)
    return numbers


def test_an_edit_of_the_labels_asks_about_the_changed_cells_alone(bench, monkeypatch):
    bench.classify()
    numbers = asked(bench, monkeypatch)
    bench.work.press(bench.session.workspace.classes[0].key)
    labels = bench.viewer.layers["marks"]
    assert not labels.visible  # its colours would shine through those of the classes
    labels.visible = True
    labels.fill((60, 30), 0)  # cell 9 goes
    bench.wait(lambda: len(bench.session.workspace.cells) == 4)
    bench.settle()
    assert numbers == []
    labels.data_setitem(np.nonzero(np.array(labels.data) == 7), 0)
    labels.selected_label = 20
    labels.brush_size = 9
    labels.paint((40, 60), 20)
    bench.settle()
    assert bench.session.workspace.cells.column("label") == (2, 5, 11, 20)
    assert numbers == [1]
    assert bench.session.workspace.labels()[0] is not None  # cell 2 keeps what was said of it
    assert len(bench.session.workspace.predictions) == 4
    assert bench.viewer.layers["marks"].visible


def test_corrections_follow_their_cells_through_other_labels(bench):
    bench.classify()
    bench.session.labelling.label((3,), "small")  # cell 9
    numbers = np.zeros(12, int)
    numbers[[5, 2, 9, 7, 11]] = (1, 2, 3, 4, 5)
    shifted = np.roll(numbers[np.array(bench.viewer.layers["marks"].data)], 1, axis=1)
    bench.viewer.add_labels(shifted, name="again", scale=(0.5, 0.5), translate=(100, 200))
    bench.classify(bench.choice("again"))
    workspace = bench.session.workspace
    assert workspace.cells.column("label") == (1, 2, 3, 4, 5)
    assert workspace.labels() == (None, None, "small", None, None)
    bench.session.labelling.label((2,), "large")
    bench.classify(bench.choice("marks"))
    assert workspace.labels() == (None, None, None, "large", None)  # what was said last


def test_cells_are_found_where_there_are_no_labels(bench):
    seen = []
    bench.work.preview_changed.connect(seen.append)
    choice = bench.choice(None, segment=SegmentSettings(smallest=20))
    bench.work.preview(choice)
    bench.settle()
    assert seen == [5]
    found = bench.viewer.layers["Cells of smear"]
    assert found.visible and found.data.max() == 5
    bench.classify(choice)
    assert len(bench.session.workspace.predictions) == 5
    assert not found.visible  # the classes are seen instead
    assert bench.work.layers.labels() == ["marks", "Cells of smear"]
    # it may be edited like the user's own
    found.fill((60, 30), 0)
    bench.wait(lambda: len(bench.session.workspace.cells) == 4)


def test_a_late_answer_does_not_land_on_other_cells(bench):
    bench.work.classify(bench.choice())
    bench.wait(lambda: bench.session.workspace.cells is not None)
    others = bench.session.workspace.cells.subset([0, 1])
    bench.session.workspace.set_cells(others)
    bench.settle()
    assert bench.session.workspace.cells is others
    assert bench.session.workspace.predictions is None
    assert not bench.work.is_current


def test_a_layer_that_goes_meanwhile_is_no_harm(bench):
    bench.work.classify(bench.choice())
    bench.viewer.layers.remove("smear")
    bench.settle()
    assert bench.session.workspace.cells is None
    failed = []
    bench.session.workspace.failed.connect(failed.append)
    bench.work.classify(bench.choice())
    assert failed == ["there is no layer 'smear' any more; choose another"]


def test_labels_that_do_not_fit_are_told_in_a_sentence(bench):
    failed = []
    bench.session.workspace.failed.connect(failed.append)
    bench.viewer.add_labels(np.ones((5, 5), int), name="tiny")
    bench.classify(bench.choice("tiny"))
    assert len(failed) == 1 and "give labels of the same size" in failed[0]


@pytest.fixture
def stack(bench):
    image = np.stack([np.array(bench.viewer.layers["smear"].data)] * 3)
    image[1] = image[1, ::-1]
    labels = np.stack([np.array(bench.viewer.layers["marks"].data)] * 3)
    labels[1] = labels[1, ::-1]
    bench.viewer.layers.clear()
    bench.viewer.add_image(image, name="smear", scale=(2, 1, 1))
    bench.viewer.add_labels(labels, name="marks", scale=(2, 1, 1))
    bench.viewer.dims.set_point(0, 0)
    return bench


def test_a_stack_is_classified_a_plane_at_a_time(stack, monkeypatch):
    stack.classify()
    assert set(stack.session.workspace.cells.column("plane")) == {0}
    assert not np.array(stack.painted.data)[1:].any()
    stack.viewer.dims.set_point(0, 2)  # plane 1
    stack.wait(lambda: set(stack.session.workspace.cells.column("plane")) == {1})
    stack.settle()
    np.testing.assert_array_equal(
        np.array(stack.painted.data)[1] > 0, stack.viewer.layers["marks"].data[1] > 0
    )
    assert stack.session.workspace.placement(0).leading == (1,)
    numbers = asked(stack, monkeypatch)
    stack.viewer.dims.set_point(0, 0)
    stack.wait(lambda: set(stack.session.workspace.cells.column("plane")) == {0})
    stack.settle()
    assert numbers == []  # known already
    stack.classify(stack.choice(all_planes=True))
    assert len(stack.session.workspace.predictions) == 15
    assert stack.painted.features["index"].is_unique
    np.testing.assert_array_equal(np.array(stack.painted.data) > 0, stack.viewer.layers["marks"].data > 0)


def test_several_layers_are_the_channels_of_one_field(bench):
    data = np.array(bench.viewer.layers["smear"].data)
    bench.viewer.add_image(data[::-1].copy(), name="upside down")
    names = ("smear", "upside down")
    assert names in bench.work.layers.images()
    field = bench.work.layers.image(names).field
    assert field.channels == names
    np.testing.assert_array_equal(field.plane(0), np.stack([data, data[::-1]]))


def test_colour_with_alpha_is_read_as_the_command_line_reads_it(bench, tmp_path):
    import imageio.v3 as iio

    colour = np.random.default_rng(0).integers(0, 255, (40, 50, 4), dtype=np.uint8)
    iio.imwrite(tmp_path / "colour.png", colour)
    bench.viewer.add_image(colour, rgb=True, name="colour")
    labels = np.zeros((40, 50), int)
    labels[10:20, 10:20] = 1
    here = cut_cells(bench.work.layers.image(("colour",)).field, Field.from_array(labels, "YX"))
    there = cut_cells(open_field(tmp_path / "colour.png"), Field.from_array(labels, "YX"), CropSettings())
    assert here.cells.ids == there.cells.ids


def test_blind_mode_hides_what_the_model_thinks(bench):
    bench.classify()
    bench.session.labelling.label((0,), "small")
    bench.session.workspace.blind = True
    assert bench.work.classes() == ["small", "", "", "", ""]
    assert "confidence" not in bench.painted.features
    bench.session.workspace.blind = False
    assert "" not in bench.work.classes()


def test_layers_may_be_renamed(bench):
    bench.classify()
    bench.viewer.layers["marks"].name = "my marks"
    bench.viewer.layers["smear"].name = "my smear"
    bench.viewer.layers["my marks"].fill((60, 30), 0)
    bench.wait(lambda: len(bench.session.workspace.cells) == 4)
    bench.settle()
    assert sorted(layer.name for layer in bench.viewer.layers) == [
        "Cell looked at", "Classes of smear", "Selected pixels", "my marks", "my smear",
    ]  # fmt: skip
    assert len(bench.painted.features) == 4


def test_classes_and_overlays_lie_above_an_image_that_came_later(bench):
    bench.classify()
    bench.wait(lambda: "Selected pixels" in bench.viewer.layers)
    first = bench.viewer.layers["smear"]
    bench.viewer.add_image(first.data, name="later", scale=first.scale, translate=first.translate)
    bench.classify(FieldChoice(("later",), "marks", crop=CropSettings(margin=0.5)))
    bench.wait(lambda: bench.session.workspace.explanation is not None)
    order = [layer.name for layer in bench.viewer.layers]
    assert order.index("later") < order.index("Classes of later") < order.index("Selected pixels")
    assert order.index("smear") < order.index("marks") < order.index("later")  # the user's stay as they are


def test_a_project_brings_the_field_back(bench, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "marks.tif", bench.viewer.layers["marks"].data)
    bench.viewer.layers.remove("marks")
    # npe2's test harness has no readers: open as napari would
    monkeypatch.setattr(type(bench.viewer), "open", opened_by_hand)
    labels = bench.work.layers.open_labels(tmp_path / "marks.tif")
    bench.classify(bench.choice(labels))
    bench.session.labelling.label((3,), "small")
    bench.session.workspace.classifier.save(tmp_path / "m.safetensors")
    bench.session.workspace.set_classifier(bench.session.workspace.classifier, tmp_path / "m.safetensors")
    bench.settle()
    before = bench.work.classes()
    save_project(bench.session, tmp_path / "p.sparseattn.json")
    bench.settle()
    bench.viewer.layers.clear()
    bench.session.workspace.set_cells(None)
    open_project(bench.session, tmp_path / "p.sparseattn.json")
    bench.wait(lambda: bench.session.workspace.predictions is not None)
    bench.settle()
    assert bench.work.classes() == before
    assert before[3] == "small"
    assert bench.work.found.settings == CropSettings(margin=0.5)
    assert [layer.name for layer in bench.viewer.layers][:2] == ["smear", "marks"]


def test_labels_drawn_by_hand_are_kept_by_a_project(bench, tmp_path, monkeypatch):
    bench.viewer.layers["marks"].fill((60, 30), 0)  # cell 9 goes; nothing of it is in a file
    drawn = np.array(bench.viewer.layers["marks"].data)
    bench.classify()
    before = bench.session.workspace.cells.ids
    (tmp_path / "one").mkdir()
    said = []
    bench.session.workspace.said.connect(said.append)
    save_project(bench.session, tmp_path / "p.sparseattn.json")
    bench.settle()
    assert "p.sparseattn.labels.tif" in said[-1]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "p.sparseattn.labels.tif"), drawn)
    # it may be moved with its image
    for name in ("smear.tif", "p.sparseattn.json", "p.sparseattn.labels.tif"):
        (tmp_path / name).rename(tmp_path / "one" / name)
    bench.viewer.layers.clear()
    bench.session.workspace.set_cells(None)
    monkeypatch.setattr(type(bench.viewer), "open", opened_by_hand)
    open_project(bench.session, tmp_path / "one" / "p.sparseattn.json")
    bench.wait(lambda: bench.session.workspace.cells is not None)
    bench.settle()
    assert bench.session.workspace.cells.ids == before
    # as it is in its file it is not written again, until it is edited
    save_project(bench.session, tmp_path / "one" / "q.sparseattn.json")
    bench.settle()
    assert not (tmp_path / "one" / "q.sparseattn.labels.tif").exists()
    bench.viewer.layers["p.sparseattn.labels"].fill((20, 20), 0)
    bench.wait(lambda: len(bench.session.workspace.cells) == len(before) - 1)
    save_project(bench.session, tmp_path / "one" / "q.sparseattn.json")
    bench.settle()
    assert set(np.unique(tifffile.imread(tmp_path / "one" / "q.sparseattn.labels.tif"))) == {0, 2, 7, 11}
    assert 5 in tifffile.imread(tmp_path / "one" / "p.sparseattn.labels.tif")


def test_found_cells_that_were_edited_are_kept_by_a_project(bench, tmp_path):
    choice = bench.choice(None, segment=SegmentSettings(smallest=20))
    bench.classify(choice)
    save_project(bench.session, tmp_path / "p.sparseattn.json")
    bench.settle()
    assert not (tmp_path / "p.sparseattn.labels.tif").exists()  # they will be found again
    bench.viewer.layers["Cells of smear"].fill((60, 30), 0)
    bench.wait(lambda: len(bench.session.workspace.cells) == 4)
    save_project(bench.session, tmp_path / "p.sparseattn.json")
    bench.settle()
    assert len(np.unique(tifffile.imread(tmp_path / "p.sparseattn.labels.tif"))) == 5


def test_a_label_that_was_taken_away_does_not_come_back(bench):
    bench.classify()
    labelling, workspace = bench.session.labelling, bench.session.workspace
    labelling.label((3,), "small")  # cell 9
    shifted = np.roll(np.array(bench.viewer.layers["marks"].data), 1, axis=1)
    bench.viewer.add_labels(shifted, name="again", scale=(0.5, 0.5), translate=(100, 200))
    bench.classify(bench.choice("again"))
    assert workspace.labels()[3] == "small"
    labelling.label((3,), None)
    for name in ("again", "marks", "again", "marks"):
        bench.classify(bench.choice(name))
        assert workspace.labels() == (None,) * 5
    labelling.label((3,), "large")
    bench.classify(bench.choice("again"))
    assert workspace.labels()[3] == "large"


def test_the_table_is_that_of_the_command_line_and_of_the_screen(bench, tmp_path):
    bench.classify()
    bench.session.workspace.classifier.save(tmp_path / "m.safetensors")
    tifffile.imwrite(tmp_path / "marks.tif", bench.viewer.layers["marks"].data)
    least = float(np.sort(bench.session.workspace.predictions.confidence)[2])
    bench.work.set_refusal(0, least)
    bench.session.labelling.label((1,), "small")
    run(
        ["predict", str(tmp_path / "m.safetensors"), str(tmp_path / "smear.tif"), "--labels",
         str(tmp_path / "marks.tif"), "--margin", "0.5", "--least-familiar", "0",
         "--least-confidence", repr(least), "-o", str(tmp_path / "t.parquet")]
    )  # fmt: skip
    there, here = pd.read_parquet(tmp_path / "t.parquet"), bench.work.export_table()
    same = [name for name in there.columns if name not in ("source", "human_label")]
    pd.testing.assert_frame_equal(here[same], there[same], check_dtype=False)
    assert here["shown_as"].tolist() == bench.work.classes()
    bench.settle()
    assert here["shown_as"].tolist() == bench.painted.features["class"].tolist()
    assert here["human_label"].tolist() == [None, "small", None, None, None]
    assert sum(here["refused"]) == 2


def opened_by_hand(viewer, path, layer_type):
    with layer_source(path=path):
        data = tifffile.imread(path)
        add = viewer.add_labels if layer_type == "labels" else viewer.add_image
        return [add(data, name=Path(path).stem)]


def test_a_model_that_comes_later_or_names_channels_otherwise_answers_too(bench, model_for):
    workspace = bench.session.workspace
    classifier = workspace.classifier
    other = model_for("phase")
    workspace.set_classifier(None)
    bench.classify()
    assert workspace.predictions is None
    assert bench.work.classes() == [""] * 5
    failed = []
    workspace.failed.connect(failed.append)
    workspace.set_classifier(other)
    bench.settle()
    assert workspace.predictions is None and "phase" in failed[0]
    workspace.set_channel_names({"intensity": "phase"})
    bench.settle()
    assert workspace.predictions.classes == other.classes and len(workspace.predictions) == 5
    workspace.set_channel_names({})
    workspace.set_classifier(classifier)
    bench.settle()
    assert workspace.predictions.model_hash == classifier.model_hash
