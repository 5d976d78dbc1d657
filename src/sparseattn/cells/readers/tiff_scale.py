"""How large a pixel of a TIFF is in the sample, where the file says it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

_TO_MICROMETRES = {
    "pm": 1e-6,
    "nm": 1e-3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "\\u00b5m": 1.0,  # as ImageJ writes it
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}

_CENTIMETRE = 3
"""TIFF's number for pixels a centimetre. Those an inch speak of paper."""

_LIKELY_UM = (0.005, 200.0)
"""What a microscope's pixel can be; other figures were written by habit."""


def pixel_size_um(tiff: Any) -> float | None:
    """Return the side of a pixel in micrometres, or None where it is not said or the sides differ.

    Parameters
    ----------
    tiff
        A `tifffile.TiffFile`: OME and ImageJ metadata are read, else pixels a centimetre.
    """
    sizes = _ome(tiff) if tiff.is_ome else _resolution(tiff)
    if sizes is None:
        return None
    low, high = _LIKELY_UM
    alike = abs(sizes[0] - sizes[1]) <= 0.01 * max(sizes)
    return round(sizes[0], 9) if alike and low <= sizes[0] <= high else None


def _ome(tiff: Any) -> tuple[float, float] | None:
    pixels = ElementTree.fromstring(tiff.ome_metadata).find("{*}Image/{*}Pixels")
    if pixels is None:
        return None
    try:
        x, y = (
            float(pixels.get(f"PhysicalSize{axis}", ""))
            * _TO_MICROMETRES[pixels.get(f"PhysicalSize{axis}Unit", "µm")]
            for axis in "XY"
        )
    except (KeyError, ValueError):
        return None
    return x, y


def _resolution(tiff: Any) -> tuple[float, float] | None:
    tags = tiff.pages.first.tags
    factor = None
    if tiff.is_imagej:
        factor = _TO_MICROMETRES.get(str((tiff.imagej_metadata or {}).get("unit", "")).lower())
    elif "ResolutionUnit" in tags and int(tags["ResolutionUnit"].value) == _CENTIMETRE:
        factor = _TO_MICROMETRES["cm"]
    if factor is None or not {"XResolution", "YResolution"} <= {tag.name for tag in tags}:
        return None
    try:
        (x, per_x), (y, per_y) = tags["XResolution"].value, tags["YResolution"].value
        return factor * per_x / x, factor * per_y / y
    except (TypeError, ValueError, ZeroDivisionError):
        return None
