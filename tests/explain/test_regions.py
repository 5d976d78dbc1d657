"""Regions of an explanation, read back by the libraries of the formats."""

import json
from dataclasses import replace

import numpy as np
import pytest
import roifile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import Polygon, box, shape
from shapely.ops import unary_union

from sparseattn.explain import explain_cell
from sparseattn.explain.outlines import mask_polygons
from sparseattn.explain.region_files import RegionFiles, write_geojson, write_imagej_rois
from sparseattn.explain.regions import explanation_regions, highest


def pixels(mask):
    return unary_union([box(x, y, x + 1, y + 1) for y, x in np.argwhere(mask).tolist()])


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_polygons_cover_exactly_the_pixels(mask):
    polygons = [Polygon(outer, holes) for outer, *holes in mask_polygons(mask)]
    assert all(polygon.is_valid for polygon in polygons)
    assert sum(polygon.area for polygon in polygons) == mask.sum()
    assert unary_union(polygons).symmetric_difference(pixels(mask)).area == 0


def test_the_highest_pixels_hold_the_share():
    values = np.array([[1, 1, 5], [2, np.nan, 9]], dtype=np.float32)  # 0 0 4, 1 - 8 above the lowest
    assert np.argwhere(highest(values, 0.5)).tolist() == [[1, 2]]
    assert np.argwhere(highest(values, 0.9)).tolist() == [[0, 2], [1, 2]]
    assert not highest(np.ones((3, 3), np.float32), 0.5).any()


@pytest.fixture
def explanation(two_channels):
    return explain_cell(two_channels.classifier, two_channels.cells, 3)


def test_qupath_and_imagej_read_the_same_pixels(explanation, tmp_path):
    regions = explanation_regions(explanation)
    write_geojson(regions, tmp_path / "r.geojson")
    write_imagej_rois(regions, tmp_path / "r.zip")
    features = json.loads((tmp_path / "r.geojson").read_text())["features"]
    rois = roifile.roiread(tmp_path / "r.zip")
    assert len(features) == len(rois) == 3
    chosen = unary_union([box(x0, y0, x1, y1) for y0, x0, y1, x1 in explanation.selected.boxes.tolist()])
    for feature, roi, what in zip(features, rois, ("selected pixels", "coarse", "fine"), strict=True):
        drawn, said = shape(feature["geometry"]), feature["properties"]
        assert drawn.is_valid and (drawn.equals(chosen) or what != "selected pixels")
        assert said["classification"]["name"].startswith(f"{explanation.predicted}: {what}")
        assert said["measurements"]["score"] == pytest.approx(explanation.confidence)
        assert said["name"] == roi.name and said["objectType"] == "annotation"
        in_imagej = Polygon()
        for line in roi.coordinates(multi=True):  # even-odd, as Java fills
            in_imagej = in_imagej.symmetric_difference(Polygon(line))
        assert in_imagej.symmetric_difference(drawn).area == 0
        assert (roi.left, roi.top, roi.right, roi.bottom) == drawn.bounds
        assert roi.properties["score"] == pytest.approx(explanation.confidence)
    assert features[0]["id"] != features[1]["id"]


def test_hostile_names_stay_names(explanation, tmp_path):
    name = '../"</script>\n\U0001f9ec\udcff: $x$'
    odd = replace(explanation, classes=(name,) * len(explanation.classes))
    RegionFiles(("geojson", "imagej")).write(odd, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["regions.geojson", "regions.zip"]
    (first, *_) = json.loads((tmp_path / "regions.geojson").read_text())["features"]
    assert first["properties"]["classification"]["name"] == f"{name}: selected pixels"
    roi = roifile.roiread(tmp_path / "regions.zip")[0]
    assert roi.properties["score"] == pytest.approx(odd.confidence)
    assert roi.properties["classification"].startswith('../"</script>')
