"""``predict --labels``: the cells of a field, as a table and painted."""

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile

from sparseattn.cells import CropSettings, cut_cells, open_field
from sparseattn.classifier import Classifier
from sparseattn.refusal import Refusal


@pytest.fixture
def field(tmp_path: Path) -> tuple[Path, Path]:
    """A field of three squares, bright, dark and striped, and their labels 4, 2 and 9."""
    random = np.random.default_rng(5)
    image = random.normal(128, 8, (60, 80, 3))
    labels = np.zeros((60, 80), np.uint16)
    for number, (y, x) in {4: (10, 10), 2: (10, 50), 9: (50, 30)}.items():
        image[y : y + 10, x : x + 10] += {4: 80, 2: -80, 9: 0}[number]
        labels[y : y + 10, x : x + 10] = number
    image[50:60:2, 30:40] += 80
    iio.imwrite(tmp_path / "smear.png", image.clip(0, 255).astype(np.uint8))
    tifffile.imwrite(tmp_path / "marks.tif", labels)
    return tmp_path / "smear.png", tmp_path / "marks.tif"


def test_a_row_a_cell_and_the_field_painted(sparseattn, trained, field, tmp_path):
    image, labels = field
    table, painted = tmp_path / "t.csv", tmp_path / "classes.tif"
    finished = sparseattn(
        "predict", trained.model, image, "--labels", labels, "-o", table, "--painted", painted,
        "--margin", "0.5", "--least-familiar", "0", "--least-confidence", "0", "--json",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    assert finished.json["n"] == 3 and finished.json["refused"] == 0
    rows = pd.read_csv(table)
    assert rows["label"].tolist() == [2, 4, 9]
    assert rows["area"].tolist() == [100] * 3
    assert rows["centroid_y"].tolist() == [14.5, 14.5, 54.5]
    assert rows["centroid_x"].tolist() == [54.5, 14.5, 34.5]
    assert rows["touches_edge"].tolist() == [0, 0, 1]
    assert set(rows["field"]) == {"smear.png"}
    assert rows["refused"].tolist() == [0, 0, 0]
    picture = tifffile.imread(painted)
    classes = Classifier.load(trained.model).classes
    marks = tifffile.imread(labels)
    for label, predicted in zip(rows["label"], rows["predicted"], strict=True):
        assert set(picture[marks == label]) == {classes.index(predicted) + 1}
    assert not picture[marks == 0].any()
    with tifffile.TiffFile(painted) as tiff:
        names = json.loads(tiff.shaped_metadata[0]["classes"])
    assert names == {"1": "bright", "2": "dark", "3": "striped", "4": "other"}


def test_what_is_unlike_or_unsure_is_other(sparseattn, trained, field, tmp_path):
    image, labels = field
    table, painted = tmp_path / "t.csv", tmp_path / "classes.tif"
    finished = sparseattn(
        "predict", trained.model, image, "--labels", labels, "-o", table, "--painted", painted,
        "--least-confidence", "1",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    assert pd.read_csv(table)["refused"].tolist() == [1, 1, 1]
    assert set(np.unique(tifffile.imread(painted))) == {0, 4}
    assert "unlike or unsure  3" in finished.out


def test_the_table_is_what_the_library_says(sparseattn, trained, field, tmp_path):
    image, labels = field
    table = tmp_path / "t.parquet"
    assert sparseattn("predict", trained.model, image, "--labels", labels, "-o", table).status == 0
    found = cut_cells(open_field(image), open_field(labels), CropSettings())
    predictions = Classifier.load(trained.model).predict(found.cells)
    rows = pd.read_parquet(table)
    assert rows["id"].tolist() == list(predictions.ids)
    np.testing.assert_allclose(rows["confidence"], predictions.confidence)
    np.testing.assert_array_equal(rows["refused"], Refusal().refused(predictions))


def test_a_stack_is_read_a_plane_at_a_time(sparseattn, trained, field, tmp_path):
    image, labels = field
    picture = iio.imread(image)
    tifffile.imwrite(tmp_path / "s.tif", np.stack([picture, picture[::-1]]), photometric="rgb")
    marks = tifffile.imread(labels)
    tifffile.imwrite(tmp_path / "m.tif", np.stack([marks, marks[::-1]]), metadata={"axes": "TYX"})
    table, painted = tmp_path / "t.csv", tmp_path / "p.tif"
    finished = sparseattn(
        "predict", trained.model, tmp_path / "s.tif", "--labels", tmp_path / "m.tif", "-o", table,
        "--painted", painted,
    )  # fmt: skip
    assert finished.status == 0, finished.err
    rows = pd.read_csv(table)
    assert rows["plane"].tolist() == [0, 0, 0, 1, 1, 1]
    assert rows["id"].is_unique
    both = tifffile.imread(painted)
    assert both.shape == (2, 60, 80)
    np.testing.assert_array_equal(both > 0, np.stack([marks, marks[::-1]]) > 0)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--labels", "{image}"], "3 channels"),
        (["--labels", "{folder}/none.tif"], "no file"),
        (["--painted", "{folder}/p.tif"], "give --labels or --find as well"),
        (["--labels", "{labels}", "--painted", "{folder}/p.png"], "is no TIFF"),
        (["--labels", "{labels}", "--margin", "-1"], "margin -1 is out of range"),
        (["--labels", "{labels}", "--least-familiar", "2"], "least_familiar is 2"),
        (["--labels", "{labels}", "--subfolders", "classes"], "leave them out"),
        (["{image}", "--labels", "{labels}"], "one field, not with 2"),
    ],
)
def test_bad_input_is_answered_by_one_line(sparseattn, trained, field, tmp_path, arguments, said):
    image, labels = field
    given = [argument.format(image=image, labels=labels, folder=tmp_path) for argument in arguments]
    finished = sparseattn("predict", trained.model, image, *given, "-o", tmp_path / "t.csv")
    assert finished.status == 2
    assert said in finished.err and finished.err.count("\n") == 1
    assert not (tmp_path / "t.csv").exists()
