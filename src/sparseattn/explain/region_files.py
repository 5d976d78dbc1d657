"""Regions as files of other programs: GeoJSON for QuPath, a ROI set for ImageJ."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparseattn.errors import InputError
from sparseattn.explain.regions import Region, cell_region, explanation_regions
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.cells.crop import FieldCells
    from sparseattn.explain.explanation import Explanation

GEOJSON_FILE, IMAGEJ_FILE = "regions.geojson", "regions.zip"
FIELD_GEOJSON_FILE, FIELD_IMAGEJ_FILE = "field.geojson", "field.zip"
_NAMESPACE = uuid.UUID("6e1c8f0a-3f53-4c6f-9a1e-0f6c8a1d7b42")


Kind = Literal["geojson", "imagej"]


class RegionFiles:
    """Writes the regions of each cell into its folder, and of cells of a field those of all beside the index.

    Parameters
    ----------
    kinds : collection of str
        "geojson", "imagej" or both.
    found : FieldCells, optional
        The field that the cells were cut from.

    Raises
    ------
    InputError
        If ImageJ's files are asked for and roifile is not installed.
    """

    def __init__(self, kinds: Collection[Kind], found: FieldCells | None = None) -> None:
        if "imagej" in kinds:
            _roifile()
        self._kinds, self._found = frozenset(kinds), found
        self._rows = {} if found is None else {name: row for row, name in enumerate(found.cells.ids)}
        self._in_field: list[Region] = []

    def write(self, explanation: Explanation, folder: Path) -> Mapping[str, object]:
        """Write the regions of a cell, in pixels of its picture; return its place in the field."""
        regions = explanation_regions(explanation)
        self._write(regions, folder / GEOJSON_FILE, folder / IMAGEJ_FILE)
        if self._found is None:
            return {}
        row = self._rows[explanation.cell_id]
        y, x = self._found.offset(row)
        plane = int(self._found.plane[row])
        outline = cell_region(explanation, self._found.outline(row))
        self._in_field += [region.moved(y, x, plane) for region in (outline, *regions)]
        return {"field_y": y, "field_x": x, "field_plane": plane}

    def finish(self, folder: Path) -> None:
        """Write the regions of all cells of a field, in pixels of the field, with the cells' outlines."""
        if self._found is not None:
            self._write(self._in_field, folder / FIELD_GEOJSON_FILE, folder / FIELD_IMAGEJ_FILE)

    def _write(self, regions: Collection[Region], geojson: Path, imagej: Path) -> None:
        if "geojson" in self._kinds:
            write_geojson(regions, geojson)
        if "imagej" in self._kinds:
            write_imagej_rois(regions, imagej)


def write_geojson(regions: Iterable[Region], path: Path) -> None:
    """Write a FeatureCollection that QuPath opens (File > Import objects, or dropped on the image).

    Coordinates are pixels of the picture, x before y. Each feature is an annotation with its name, its
    classification in its colour, and its numbers as measurements, among them ``score``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    document = {"type": "FeatureCollection", "features": [_feature(one) for one in regions if one.polygons]}
    with replaced_file(path) as draft:
        draft.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


def _feature(region: Region) -> dict[str, Any]:
    polygons = [[[*line.tolist(), line[0].tolist()] for line in polygon] for polygon in region.polygons]
    geometry: dict[str, Any] = {"type": "Polygon", "coordinates": polygons[0]}
    if len(polygons) > 1:
        geometry = {"type": "MultiPolygon", "coordinates": polygons}
    if region.plane:
        geometry["plane"] = {"c": -1, "z": 0, "t": region.plane}
    # The same region has the same id: QuPath replaces objects of one id and does not double them.
    known = f"{region.name} {region.classification} {region.plane}".encode("utf-8", "backslashreplace")
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_NAMESPACE, known.decode())),
        "geometry": geometry,
        "properties": {
            "objectType": "annotation",
            "name": region.name,
            "classification": {"name": region.classification, "color": list(region.colour)},
            "isLocked": False,
            "measurements": {"score": region.score, **region.measurements},
        },
    }


def write_imagej_rois(regions: Iterable[Region], path: Path) -> None:
    """Write a .zip of .roi files, which ImageJ's ROI Manager opens.

    A region is one ROI, of several parts and with holes where it has them; its numbers are its properties.

    Raises
    ------
    InputError
        If the file cannot be written, or roifile is not installed.
    """
    roifile = _roifile()
    rois = [_roi(roifile, region) for region in regions if region.polygons]
    with replaced_file(path) as draft:
        roifile.roiwrite(
            draft, rois, name=[f"{number:05}.roi" for number in range(1, len(rois) + 1)], mode="w"
        )


def _roi(roifile: Any, region: Region) -> Any:
    lines = [line for polygon in region.polygons for line in polygon]
    corners = np.concatenate(lines)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    if len(lines) == 1:
        roi = roifile.ImagejRoi.frompoints(lines[0].astype(np.int32))
        roi.roitype = roifile.ROI_TYPE.POLYGON
    else:
        roi = roifile.ImagejRoi()
        roi.roitype = roifile.ROI_TYPE.RECT  # with a path: what ImageJ calls a composite
        path = [_path(line.tolist()) for line in lines]
        roi.multi_coordinates = np.concatenate(path).astype(np.float32)
        roi.shape_roi_size = len(roi.multi_coordinates)
    roi.left, roi.top, roi.right, roi.bottom = left, top, right, bottom
    roi.name = region.name
    roi.stroke_color = bytes((255, *region.colour))
    roi.position = region.plane + 1 if region.plane else 0
    roi.props = _properties(
        {"classification": region.classification, "score": region.score, **region.measurements}
    )
    return roi


def _path(line: list[list[int]]) -> list[float]:
    """Return a closed line as ImageJ's path: 0 moves to, 1 draws to, 4 closes."""
    steps = [(0 if place == 0 else 1, *corner) for place, corner in enumerate(line)]
    return [float(number) for step in steps for number in step] + [4.0]


def _properties(said: Mapping[str, object]) -> str:
    """Return ImageJ's key: value lines. A value is kept on its line, and to characters of two bytes."""

    def plain(value: object) -> str:
        return "".join(
            c if c.isprintable() and ord(c) < 0x10000 else "\N{REPLACEMENT CHARACTER}"
            for c in " ".join(str(value).split())
        )

    return "".join(f"{name.replace(' ', '_')}: {plain(value)}\n" for name, value in said.items())


def _roifile() -> Any:
    try:
        import roifile
    except ImportError:
        raise InputError(
            "ImageJ's ROIs need a further package: pip install 'napari-sparseattn[imagej]'"
        ) from None
    return roifile
