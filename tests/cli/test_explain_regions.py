"""``sparseattn explain --regions``: what QuPath and ImageJ are given, of cells and of those of a field."""

import json

import imageio.v3 as iio
import numpy as np
import pandas as pd
import roifile
from shapely.geometry import box, shape
from shapely.ops import unary_union


def boxes(table: pd.DataFrame, y: int = 0, x: int = 0):
    rows = table[["y0", "x0", "y1", "x1"]].to_numpy() + np.array([y, x, y, x])
    return unary_union([box(x0, y0, x1, y1) for y0, x0, y1, x1 in rows.tolist()])


def test_regions_lie_on_the_cells_and_on_the_field(process, trained, tmp_path):
    random = np.random.default_rng(0)
    field = random.normal(128, 8, (90, 120, 3)).clip(0, 255).astype(np.uint8)
    marks = np.zeros((90, 120), np.uint8)
    for number, (y, x) in enumerate(((10, 10), (50, 30), (40, 90)), start=1):
        field[y : y + 20, x : x + 20] = 220
        marks[y : y + 20, x : x + 20] = number
    iio.imwrite(tmp_path / "field.png", field)
    iio.imwrite(tmp_path / "marks.png", marks)
    out = tmp_path / "out"
    done = process(
        "explain", trained.model, tmp_path / "field.png", "--labels", tmp_path / "marks.png", "-o", out,
        "--regions", "geojson,imagej", "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    features = json.loads((out / "field.geojson").read_text())["features"]
    assert len(done.json["cells"]) == 3 and len(features) == 12 == len(roifile.roiread(out / "field.zip"))
    for place, row in enumerate(done.json["cells"]):
        cell, selected = features[4 * place : 4 * place + 2]
        top, left = np.argwhere(marks == place + 1).min(axis=0)
        assert shape(cell["geometry"]).equals(box(left, top, left + 20, top + 20))
        assert cell["properties"]["classification"]["name"] == row["predicted"]
        table = pd.read_csv(out / row["folder"] / "selected_pixels.csv")
        assert shape(selected["geometry"]).equals(boxes(table, row["field_y"], row["field_x"]))
        own = json.loads((out / row["folder"] / "regions.geojson").read_text())["features"][0]
        assert shape(own["geometry"]).equals(boxes(table))
    # What we read ourselves as QuPath's finds the cells again.
    again = process(
        "explain", trained.model, tmp_path / "field.png", "--labels", out / "field.geojson",
        "-o", tmp_path / "again", "--json",
    )  # fmt: skip
    assert again.status == 0, again.err


def test_kinds_of_regions_are_checked_first(sparseattn, trained, tmp_path):
    done = sparseattn("explain", trained.model, trained.cells, "-o", tmp_path / "out", "--regions", "svg")
    assert (done.status, done.err.count("\n")) == (2, 1) and "geojson" in done.err
    assert not (tmp_path / "out").exists()
