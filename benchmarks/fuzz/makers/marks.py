"""Cells that others have marked in a field of `SHAPE`."""

import json
from pathlib import Path

SHAPE = (480, 640)
_BOXES = [(x, y, 40 + x % 23, 30 + y % 17) for x in (60, 220, 400) for y in (50, 210, 350)]


def yolo(path: Path) -> None:
    """Write a box a line."""
    height, width = SHAPE
    path.write_text(
        "".join(
            f"{i % 2} {x / width} {y / height} {w / width} {h / height}\n"
            for i, (x, y, w, h) in enumerate(_BOXES)
        )
    )


def coco(path: Path) -> None:
    """Write boxes, one of them with a polygon."""
    marks = [{"image_id": 1, "category_id": 1 + i % 2, "bbox": list(box)} for i, box in enumerate(_BOXES)]
    marks[0]["segmentation"] = [[20, 20, 60, 20, 60, 70, 20, 70]]
    said = {
        "images": [{"id": 1, "file_name": "smear.png"}],
        "annotations": marks,
        "categories": [{"id": 1, "name": "WBC"}, {"id": 2, "name": "RBC"}],
    }
    path.write_text(json.dumps(said))


def geojson(path: Path) -> None:
    """Write polygons as QuPath does."""
    features = []
    for x, y, w, h in _BOXES:
        ring = [[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]
        properties = {"objectType": "annotation", "classification": {"name": "WBC", "color": [1, 2, 3]}}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
