"""Boxes and polygons around cells: YOLO (.txt), COCO (.json) and GeoJSON (.geojson, .json)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.plain_json import parse_json

SUFFIXES = frozenset({".txt", ".json", ".geojson"})

_LARGEST_BYTES = 512 << 20
_MOST_MARKS, _MOST_CORNERS = 2_000_000, 100_000
_LONGEST_NAME = 200

_Ring = npt.NDArray[np.float64]

_ROUND = np.linspace(0, 2 * np.pi, 48, endpoint=False)


@dataclass(frozen=True, eq=False)
class Mark:
    """One cell.

    Attributes
    ----------
    rings
        Outlines, each (n, 2) y, x in pixels with pixel centres whole; a pixel within an even number of them
        lies in a hole, or outside.
    box
        (y0, x0, y1, x1) of whole pixels, half open, within the field.
    class_name
        As the file names it, else None.
    """

    rings: tuple[_Ring, ...]
    box: tuple[int, int, int, int]
    class_name: str | None

    def paint(self, labels: npt.NDArray[Any], corner: tuple[int, int], number: int) -> None:
        """Write `number` on the cell's pixels of a window (h, w) whose first pixel is `corner` (y, x)."""
        from skimage.draw import polygon

        y0, x0 = max(self.box[0] - corner[0], 0), max(self.box[1] - corner[1], 0)
        y1, x1 = min(self.box[2] - corner[0], labels.shape[0]), min(self.box[3] - corner[1], labels.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        inside = np.zeros((y1 - y0, x1 - x0), bool)
        for ring in self.rings:
            rows, columns = polygon(ring[:, 0] - corner[0] - y0, ring[:, 1] - corner[1] - x0, inside.shape)
            inside[rows, columns] ^= True
        labels[y0:y1, x0:x1][inside] = number


def read_marks(path: Path, image_name: str, shape: tuple[int, int]) -> list[Mark]:
    """Read the cells that a file marks on an image.

    Parameters
    ----------
    path
        The file.
    image_name
        Name of the image's file, by which COCO tells images apart.
    shape
        (H, W) of the image in pixels; what lies outside is left out.

    Raises
    ------
    ValueError, OSError
        With the reason why the file cannot be used.
    """
    if path.stat().st_size > _LARGEST_BYTES:
        raise ValueError(f"it has more than {_LARGEST_BYTES >> 20} MiB")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text; give a label image, or boxes or polygons as text") from None
    if path.suffix.lower() == ".txt":
        found = _yolo(text, _class_names(path), shape)
    else:
        found = _json(text, image_name)
    marks: list[Mark] = []
    for rings, name in found:
        if len(marks) >= _MOST_MARKS:
            raise ValueError(f"it marks more than {_MOST_MARKS:,} cells")
        mark = _mark(rings, name, shape)
        if mark is not None:
            marks.append(mark)
    return marks


def _mark(rings: list[_Ring], name: str | None, shape: tuple[int, int]) -> Mark | None:
    """Return the mark; None where it lies outside of the image, or holds no pixel."""
    corners = np.concatenate(rings)
    low = np.maximum(np.ceil(corners.min(axis=0)), 0)
    high = np.minimum(np.floor(corners.max(axis=0)) + 1, shape)
    if (low >= high).any():
        return None
    (y0, x0), (y1, x1) = low.astype(int).tolist(), high.astype(int).tolist()
    return Mark(tuple(rings), (y0, x0, y1, x1), name)


def _box_ring(left: float, top: float, width: float, height: float) -> _Ring:
    """Return the ellipse in a box whose edges are given (pixel edges, not centres): cells are round."""
    y = top + height / 2 - 0.5 + height / 2 * np.sin(_ROUND)
    x = left + width / 2 - 0.5 + width / 2 * np.cos(_ROUND)
    return np.stack([y, x], axis=1)


def _ring(points: Any) -> _Ring:
    """Return an outline of [x, y] pairs on pixel edges; ValueError where it is none."""
    if not isinstance(points, list) or not 3 <= len(points) <= _MOST_CORNERS:
        raise ValueError("an outline of it has fewer than 3 corners, or too many")
    try:
        ring = np.array([[float(point[1]), float(point[0])] for point in points])
    except (TypeError, ValueError, IndexError, OverflowError, KeyError):
        raise ValueError("a corner of an outline is not a pair of numbers") from None
    if not (np.isfinite(ring).all() and (np.abs(ring) < 1e9).all()):
        raise ValueError("a corner of an outline is not a place in an image")
    return ring - 0.5


def _class_names(path: Path) -> list[str]:
    """Return the lines of classes.txt beside the boxes or in the folder above; none where there is none."""
    for folder in (path.parent, path.absolute().parent.parent):
        names = folder / "classes.txt"
        if names.is_file() and names != path and names.stat().st_size < 1 << 20:
            try:
                return [line.strip() for line in names.read_text(encoding="utf-8-sig").splitlines()]
            except UnicodeDecodeError:
                return []
    return []


def _yolo(text: str, names: list[str], shape: tuple[int, int]) -> Iterator[tuple[list[_Ring], str | None]]:
    """Yield boxes (class, middle x and y, width, height) and polygons (class, x, y ...), in image shares."""
    height, width = shape
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            kind, values = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            raise ValueError(f"line {number} of it is not numbers: {line[:40]!r}") from None
        if not (0 <= kind < 1 << 20 and all(isfinite(value) and -1 <= value <= 2 for value in values)):
            raise ValueError(f"line {number} of it is no box: YOLO gives shares of the image, 0 to 1")
        name = names[kind] if kind < len(names) and names[kind] else str(kind)
        if len(values) in (4, 5):  # a fifth is the confidence of a detector
            x, y, w, h = values[:4]
            if w <= 0 or h <= 0:
                raise ValueError(f"line {number} of it is a box without width or height")
            yield [_box_ring((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)], name
        elif len(values) >= 6 and len(values) % 2 == 0:
            pairs = [[x * width, y * height] for x, y in zip(values[::2], values[1::2], strict=True)]
            yield [_ring(pairs)], name
        else:
            raise ValueError(f"line {number} of it has {len(words)} numbers; a box has 5")


def _json(text: str, image_name: str) -> Iterator[tuple[list[_Ring], str | None]]:
    try:
        said = parse_json(text)
    except ValueError as error:
        raise ValueError(f"it is not JSON, or it is truncated ({error})") from None
    if isinstance(said, dict) and isinstance(said.get("annotations"), list):
        return _coco(said, image_name)
    features = said.get("features", [said]) if isinstance(said, dict) else said
    if not isinstance(features, list) or not any(_is_feature(feature) for feature in features):
        raise ValueError("it is neither COCO (images, annotations) nor GeoJSON (features)")
    return _geojson(features)


def _coco(said: Mapping[str, Any], image_name: str) -> Iterator[tuple[list[_Ring], str | None]]:
    images = _objects(said.get("images"))
    chosen = [image for image in images if Path(str(image.get("file_name", ""))).name == image_name]
    if not chosen and len(images) != 1:
        raise ValueError(f"it describes {len(images)} images, and none is called {image_name}")
    wanted = (chosen or images)[0].get("id")
    names = {
        category.get("id"): str(category.get("name", ""))[:_LONGEST_NAME] or None
        for category in _objects(said.get("categories"))
        if isinstance(category.get("id"), int | str)
    }
    for annotation in said["annotations"]:
        if not isinstance(annotation, dict):
            raise ValueError("an annotation of it is damaged")
        if annotation.get("image_id") != wanted or annotation.get("iscrowd"):
            continue
        kind = annotation.get("category_id")
        name = names.get(kind) if isinstance(kind, int | str) else None
        outlines = annotation.get("segmentation")
        if isinstance(outlines, list) and outlines:
            yield [_ring(_pairs(outline)) for outline in outlines], name
            continue
        box = annotation.get("bbox")
        try:
            left, top, width, height = (float(value) for value in box or ())
        except (TypeError, ValueError, OverflowError):
            raise ValueError("an annotation of it has neither an outline nor a box of four numbers") from None
        if (
            not all(isfinite(v) and abs(v) < 1e9 for v in (left, top, width, height))
            or min(width, height) <= 0
        ):
            raise ValueError("a box of it has no width or height")
        yield [_box_ring(left, top, width, height)], name


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _pairs(outline: Any) -> list[Any]:
    if not isinstance(outline, list) or len(outline) % 2:
        raise ValueError("an outline of it is not a list of x, y, x, y ...")
    return [list(pair) for pair in zip(outline[::2], outline[1::2], strict=True)]


def _is_feature(feature: Any) -> bool:
    return isinstance(feature, dict) and isinstance(feature.get("geometry"), dict)


def _geojson(features: list[Any]) -> Iterator[tuple[list[_Ring], str | None]]:
    for feature in features:
        if not _is_feature(feature):
            raise ValueError("a feature of it has no geometry")
        geometry = feature["geometry"]
        kind, places = geometry.get("type"), geometry.get("coordinates")
        if kind not in ("Polygon", "MultiPolygon"):
            continue  # points and lines are no cells
        polygons = places if kind == "MultiPolygon" else [places]
        if not isinstance(polygons, list) or not all(isinstance(p, list) and p for p in polygons):
            raise ValueError("a polygon of it has no corners")
        yield [_ring(ring) for polygon in polygons for ring in polygon], _qupath_class(feature)


def _qupath_class(feature: Mapping[str, Any]) -> str | None:
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        return None
    said = properties.get("classification")
    name = said.get("name") if isinstance(said, dict) else said if isinstance(said, str) else None
    return str(name)[:_LONGEST_NAME] if name else None
