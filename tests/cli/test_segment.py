"""Fields on the command line: cells found without a model, and cells that others have marked."""

import csv

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from skimage.draw import disk

CENTRES = ((30, 30), (30, 80), (75, 50))


@pytest.fixture(scope="module")
def smear(tmp_path_factory):
    """A colour picture of three dark discs on a bright ground."""
    image = np.full((110, 120, 3), 220, np.uint8)
    for centre in CENTRES:
        image[disk(centre, 9, shape=image.shape[:2])] = (90, 40, 130)
    path = tmp_path_factory.mktemp("field") / "smear.png"
    iio.imwrite(path, image)
    return path


def test_cells_are_found_and_classified(process, trained, smear, tmp_path):
    labels = tmp_path / "labels.tif"
    finished = process("segment", smear, "-o", labels, "--looks", "dark", "--json")
    assert finished.status == 0, finished.err
    assert finished.json["cells"] == 3 and tifffile.imread(labels).max() == 3
    table = tmp_path / "cells.csv"
    finished = process("predict", trained.model, smear, "--labels", labels, "-o", table, "--json")
    assert finished.status == 0 and finished.json["n"] == 3, finished.err


def test_labels_go_to_zarr_where_fields_are_large(process, smear, tmp_path):
    finished = process("segment", smear, "-o", tmp_path / "labels.zarr", "--looks", "dark", "--json")
    assert finished.status == 0 and finished.json["cells"] == 3, finished.err
    assert [path.name for path in tmp_path.iterdir()] == ["labels.zarr"]
    refused = process("segment", smear, "-o", tmp_path / "labels.zarr")
    assert refused.status == 2 and "there already" in refused.err


def test_boxes_mark_cells_and_name_their_classes(process, trained, smear, tmp_path):
    lines = [f"0 {(x + 0.5) / 120} {(y + 0.5) / 110} {19 / 120} {19 / 110}" for y, x in CENTRES]
    (tmp_path / "boxes.txt").write_text("\n".join(lines))
    (tmp_path / "classes.txt").write_text("dark\n")
    table = tmp_path / "cells.csv"
    finished = process("predict", trained.model, smear, "--labels", tmp_path / "boxes.txt", "-o", table)
    assert finished.status == 0, finished.err
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and {row["human_label"] for row in rows} == {"dark"}


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("labels.png", (), ".tif or .zarr"),
        ("labels.tif", ("--channel", "DNA"), "no channel 'DNA'"),
        ("labels.tif", ("--sensitivity", "7"), "sensitivity"),
    ],
)
def test_what_cannot_be_segmented(process, smear, tmp_path, name, options, words):
    finished = process("segment", smear, "-o", tmp_path / name, *options)
    assert finished.status == 2 and words in finished.err and len(finished.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
