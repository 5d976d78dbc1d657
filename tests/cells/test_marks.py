"""Cells of a field as others have marked them: boxes, polygons, label images."""

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import disk

from sparseattn.cells import Field, cut_marked_cells, open_field, open_marks
from sparseattn.errors import InputError

SHAPE = (60, 80)
CENTRES = ((15, 20), (40, 60))


@pytest.fixture
def field(tmp_path: Path) -> Field:
    """Two dark discs of radius 8 on a bright ground, as a picture."""
    image = np.full(SHAPE, 200, np.uint8)
    for centre in CENTRES:
        image[disk(centre, 8, shape=SHAPE)] = 60
    iio.imwrite(tmp_path / "smear.png", image)
    return open_field(tmp_path / "smear.png")


def yolo(path: Path, names: str = "WBC\nRBC\n") -> Path:
    height, width = SHAPE
    lines = [
        f"{kind} {(x + 0.5) / width:.6f} {(y + 0.5) / height:.6f} {17 / width:.6f} {17 / height:.6f}"
        for kind, (y, x) in enumerate(CENTRES)
    ]
    path.write_text("\n".join(lines) + "\n")
    (path.parent / "classes.txt").write_text(names)
    return path


def coco(path: Path, kind: str = "bbox") -> Path:
    annotations = []
    for number, (y, x) in enumerate(CENTRES):
        one = {"image_id": 7, "category_id": number + 1, "bbox": [x - 8, y - 8, 17, 17]}
        if kind == "polygon":
            corners = [[x - 8, y - 8], [x + 9, y - 8], [x + 9, y + 9], [x - 8, y + 9]]
            one["segmentation"] = [[value for corner in corners for value in corner]]
        annotations.append(one)
    annotations.append({"image_id": 8, "category_id": 1, "bbox": [0, 0, 5, 5]})
    said = {
        "images": [{"id": 7, "file_name": "images/smear.png"}, {"id": 8, "file_name": "other.png"}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "WBC"}, {"id": 2, "name": "RBC"}],
    }
    path.write_text(json.dumps(said))
    return path


def geojson(path: Path, *, hole: bool = False) -> Path:
    features = []
    for name, (y, x) in zip(("WBC", "RBC"), CENTRES, strict=True):
        ring = [[x - 8, y - 8], [x + 9, y - 8], [x + 9, y + 9], [x - 8, y + 9], [x - 8, y - 8]]
        rings = [ring]
        if hole:
            rings.append([[x - 2, y - 2], [x + 3, y - 2], [x + 3, y + 3], [x - 2, y + 3], [x - 2, y - 2]])
        properties = {"objectType": "annotation", "classification": {"name": name, "color": [1, 2, 3]}}
        geometry = {"type": "Polygon", "coordinates": rings}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    features.append({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.mark.parametrize("kind", ["yolo", "coco boxes", "coco polygons", "geojson", "label image"])
def test_marked_cells_are_cut_with_their_classes(kind: str, field: Field, tmp_path: Path) -> None:
    if kind == "yolo":
        path = yolo(tmp_path / "smear.txt")
    elif kind.startswith("coco"):
        path = coco(tmp_path / "all.json", "polygon" if kind == "coco polygons" else "bbox")
    elif kind == "geojson":
        path = geojson(tmp_path / "smear.geojson")
    else:
        path = tmp_path / "labels.png"
        labels = np.zeros(SHAPE, np.uint8)
        for number, centre in enumerate(CENTRES, start=1):
            labels[disk(centre, 8, shape=SHAPE)] = number
        iio.imwrite(path, labels)
    found = cut_marked_cells(field, open_marks(path, field))
    assert len(found) == 2
    assert found.cells.labels == ((None, None) if kind == "label image" else ("WBC", "RBC"))
    assert np.round(found.centroid).tolist() == [list(centre) for centre in CENTRES]
    round_area = np.pi * (8 if kind == "label image" else 8.5) ** 2
    square = kind in ("coco polygons", "geojson")
    assert found.area == pytest.approx(17 * 17 if square else round_area, rel=0.12)
    assert found.box[0].tolist() == pytest.approx([7, 12, 24, 29], abs=1)


def test_holes_are_no_part_of_a_cell(field: Field, tmp_path: Path) -> None:
    found = cut_marked_cells(field, open_marks(geojson(tmp_path / "a.geojson", hole=True), field))
    assert found.area.tolist() == [17 * 17 - 5 * 5] * 2


def test_small_marks_stay_seen_on_large_ones(field: Field, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.9 0.9\n")
    found = cut_marked_cells(field, open_marks(path, field))
    assert found.cells.labels == ("1", "0") and len(found) == 2


@given(
    boxes=st.lists(
        st.tuples(*[st.floats(0.05, 0.95)] * 2, *[st.floats(0.04, 0.6)] * 2), min_size=1, max_size=8
    ),
    corner=st.tuples(st.integers(0, 40), st.integers(0, 60)),
)
def test_a_window_of_painted_marks_is_that_part_of_all(boxes, corner, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("boxes")
    (folder / "a.txt").write_text("".join(f"0 {x} {y} {w} {h}\n" for x, y, w, h in boxes))
    field = Field.from_array(np.zeros(SHAPE, np.uint8), "YX")
    labels = open_marks(folder / "a.txt", field).labels
    y, x = corner
    part = labels._source.window(0, slice(y, y + 17), slice(x, x + 13))  # type: ignore[attr-defined]
    assert np.array_equal(part, labels.plane(0)[:, y : y + 17, x : x + 13])


def test_real_boxes(real_data: Path) -> None:
    total = 0
    for path in sorted((real_data / "fields_blood" / "boxes").glob("*.txt"))[:5]:
        image = next((real_data / "fields_blood" / "images").glob(f"{path.stem}.*"))
        field = open_field(image)
        found = cut_marked_cells(field, open_marks(path, field))
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        assert 0.9 * len(lines) <= len(found) <= len(lines)  # a box that others cover wholly is none
        assert set(found.cells.labels) <= {"WBC", "RBC", "Platelet"}
        total += len(found)
    assert total > 30


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "", "marks no cell"),
        ("a.txt", "0 0.5 0.5\n", "has 3 numbers"),
        ("a.txt", "0 0.5 0.5 0 0.1\n", "without width"),
        ("a.txt", "WBC 0.5 0.5 0.1 0.1\n", "line 1 of it is not numbers"),
        ("a.txt", "0 200 100 50 50\n", "shares of the image"),
        ("a.txt", "0 nan 0.5 0.1 0.1\n", "shares of the image"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", "{}", "neither COCO"),
        ("a.json", "3", "neither COCO"),
        ("a.json", '{"images": [], "annotations": [{}]}', "none is called smear.png"),
        ("a.json", '{"images": [{"id": 1}], "annotations": [3]}', "damaged"),
        (
            "a.json",
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1}]}',
            "neither an outline nor a box",
        ),
        (
            "a.geojson",
            '[{"geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}]',
            "fewer than 3 corners",
        ),
        ("a.geojson", '[{"geometry": {"type": "Polygon", "coordinates": 3}}]', "no corners"),
        (
            "a.geojson",
            '[{"geometry": {"type": "Polygon", "coordinates": [[[1, 2], ["a", 3], [4, 5]]]}}]',
            "not a pair of numbers",
        ),
    ],
)
def test_marks_that_cannot_be_used(name: str, content: str, words: str, field: Field, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as error:
        open_marks(tmp_path / name, field)
    assert words in str(error.value) and "\n" not in str(error.value)
