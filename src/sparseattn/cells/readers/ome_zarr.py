"""What OME-Zarr (0.1 to 0.5) says of its images: which there are, their axes, channels and pixel size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

_MICROMETRES = {
    "micrometer": 1.0,
    "micrometre": 1.0,
    "micron": 1.0,
    "um": 1.0,
    "µm": 1.0,
    "nanometer": 1e-3,
    "nm": 1e-3,
    "millimeter": 1e3,
    "mm": 1e3,
}


@dataclass(frozen=True)
class Described:
    """What the metadata of an image say.

    Attributes
    ----------
    level
        Place of the finest array in the group.
    axes
        Their names, in lower case; none in old versions.
    channels
        Their names, where each has one.
    pixel_size_um
        Side of a pixel of the finest level, where it is said and pixels are square.
    """

    level: str
    axes: tuple[str, ...]
    channels: tuple[str, ...] | None
    pixel_size_um: float | None


def attributes(group: Any) -> dict[str, Any]:
    """Return a group's attributes; since version 0.5 they lie under "ome"."""
    said = dict(group.attrs)
    inner = said.get("ome", said)
    return inner if isinstance(inner, dict) else {}


def series_of(group: Any) -> dict[str, str]:
    """Return the images of a plate, or of a store of several series: their names, and their places in it."""
    said = attributes(group)
    plate = said.get("plate")
    if isinstance(plate, Mapping):
        return _fields_of(group, plate)
    if "bioformats2raw.layout" in said:
        listed = attributes(group["OME"]).get("series") if "OME" in group else None
        names = (
            listed
            if isinstance(listed, list)
            else sorted((name for name, _ in group.groups() if name.isdecimal()), key=int)
        )
        return {str(name): str(name) for name in names}
    return {}


def described(group: Any) -> Described:
    """Return what the metadata of an image say.

    Raises
    ------
    ValueError
        When they name no array.
    """
    said = attributes(group)
    try:
        scales = said["multiscales"][0]
        finest = scales["datasets"][0]
        level = str(finest["path"])
        kinds = [axis["name"] if isinstance(axis, dict) else axis for axis in scales.get("axes", [])]
        axes = tuple(str(kind).lower() for kind in kinds)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("its metadata describe no image; it is damaged, or no OME-Zarr") from None
    try:
        labels = [channel["label"] for channel in said["omero"]["channels"]]
        channels = tuple(map(str, labels)) if labels else None
    except (KeyError, TypeError):
        channels = None
    return Described(level, axes, channels, _pixel_size(scales, finest, axes))


def _fields_of(group: Any, plate: Mapping[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    try:
        for well in plate["wells"]:
            name = str(well["path"])
            if name not in group:
                continue
            said = attributes(group[name]).get("well")
            for image in said.get("images", ()) if isinstance(said, Mapping) else ():
                place = f"{name}/{image['path']}"
                fields[place] = place
    except (KeyError, TypeError):
        raise ValueError("the metadata of its plate are damaged") from None
    if not fields:
        raise ValueError("it is a plate of which no well has an image")
    return fields


def _pixel_size(scales: Any, finest: Any, axes: tuple[str, ...]) -> float | None:
    """Return micrometres a pixel along y and x; None where they are not said, or differ by a hundredth."""
    if "y" not in axes or "x" not in axes:
        return None
    sizes = {"y": 1.0, "x": 1.0}
    found = False
    try:
        for part in (finest, scales):
            for step in part.get("coordinateTransformations", []):
                if step.get("type") == "scale":
                    found = True
                    for axis in sizes:
                        sizes[axis] *= float(step["scale"][axes.index(axis)])
        units = {axis["name"].lower(): axis.get("unit") for axis in scales["axes"]}
        factors = [_MICROMETRES.get(str(units[axis]).lower()) for axis in ("y", "x")]
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None
    if not found or factors[0] is None or factors[1] is None:
        return None
    y, x = sizes["y"] * factors[0], sizes["x"] * factors[1]
    square = isfinite(y) and isfinite(x) and x > 0 and abs(y - x) <= 0.01 * x
    return x if square else None
