"""The pictures of a cell's page as SVG within the HTML: sharp at any size, and no text in them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Colormap
from numpy.typing import NDArray

from sparseattn.explain.display import picture
from sparseattn.explain.figure import AGAINST_AND_FOR
from sparseattn.explain.outlines import mask_polygons
from sparseattn.explain.overlay import HEAT, READ, SELECTED

if TYPE_CHECKING:
    from sparseattn.explain.explanation import Explanation

MOST_PIXELS = 480
"""Longest side of a picture that is kept; of larger ones every second, third ... pixel."""

Floats = NDArray[np.float32]


def image_svg(image: NDArray[Any], channels: tuple[str, ...], modality: str, says: str) -> str:
    """Return a cell as it is.

    Parameters
    ----------
    image : ndarray
        (C, H, W), any number type.
    channels, modality
        As `display.picture` takes them.
    says : str
        What is seen, for those who cannot see it.
    """
    return _svg(image.shape[-2:], [_picture(picture(image, channels, modality).colour)], says)


def selected_svg(
    explanation: Explanation, flips: NDArray[np.int64] | None = None, *, says: str = "selected pixels"
) -> str:
    """Return the cell with the selected and the read pixels outlined, and all others pale.

    Parameters
    ----------
    flips : ndarray, optional
        (n, 2) grid y, x of selected units that are filled: those of a counterfactual.
    """
    shown = picture(explanation.image, explanation.channels, explanation.modality)
    height, width = explanation.image.shape[-2:]
    read, chosen = (_path(explanation, mask) for mask in (explanation.read_mask, explanation.selected_mask))
    parts = [
        _picture(shown.colour),
        f'<path class="veil" fill-rule="evenodd" d="M0 0H{width}V{height}H0Z{read}"/>',
        f'<path class="line" stroke="{READ}" d="{read}"/>',
        f'<path class="line" stroke="{SELECTED}" d="{chosen}"/>',
    ]
    if flips is not None and len(flips):
        mask = np.zeros_like(explanation.selected_mask)
        side = explanation.unit_pixels
        for y, x in flips.tolist():
            mask[y : y + side, x : x + side] = True
        parts.append(f'<path fill="{SELECTED}" fill-opacity="0.75" d="{_path(explanation, mask)}"/>')
    return _svg((height, width), parts, says)


def map_svg(explanation: Explanation, grid: Floats, *, says: str, high: float | None = None) -> str:
    """Return a map of units (G, G) over the cell in grey.

    Where ``high`` is given it has the full colour, and 0 none; else the map's own lowest and highest.
    """
    low, top = (0.0, high) if high is not None else (float(grid.min()), float(grid.max()))
    shares = ((grid - low) / max(top - low, 1e-12)).clip(0, 1)
    colours = HEAT(shares)
    if high is not None:
        colours[grid == 0, 3] = 0
    return _over_grey(explanation, colours, says)


def signed_svg(explanation: Explanation, pixels: Floats, *, says: str) -> str:
    """Return a signed map of pixels (size, size) over the cell: orange above 0, blue below."""
    there = np.abs(pixels[pixels != 0])
    high = max(float(np.percentile(there, 98)), 1e-12) if there.size else 1.0
    colours = AGAINST_AND_FOR(((pixels / high).clip(-1, 1) + 1) / 2)
    return _over_grey(explanation, colours, says)


def scale_css(colours: Colormap) -> str:
    """Return a colour map as a CSS gradient, from low to high."""
    stops = (colours(share) for share in np.linspace(0, 1, 9))
    named = [f"rgba({r * 255:.0f},{g * 255:.0f},{b * 255:.0f},{a:.2f})" for r, g, b, a in stops]
    return f"linear-gradient(to right,{','.join(named)})"


def _over_grey(explanation: Explanation, colours: NDArray[np.float64], says: str) -> str:
    shown = picture(explanation.image, explanation.channels, explanation.modality)
    grey = np.repeat((0.35 + 0.65 * shown.grey)[..., None], 3, axis=2)
    y, x = (lines + 0.5 for lines in explanation.grid_lines)
    heat = (
        f'<image x="{x[0]:.2f}" y="{y[0]:.2f}" width="{x[-1] - x[0]:.2f}" height="{y[-1] - y[0]:.2f}" '
        f'preserveAspectRatio="none" href="{_png(colours)}"/>'
    )
    return _svg(explanation.image.shape[-2:], [_picture(grey), heat], says)


def _svg(shape: Sequence[int], parts: Sequence[str], says: str) -> str:
    height, width = shape
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(says)}">{"".join(parts)}</svg>'
    )


def _picture(colour: Floats) -> str:
    height, width = colour.shape[:2]
    step = -(-max(height, width) // MOST_PIXELS)
    return (
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="{_png(colour[::step, ::step])}"/>'
    )


def _png(colours: NDArray[Any]) -> str:
    import imageio.v3 as iio

    stored = (np.asarray(colours) * 255).round().clip(0, 255).astype(np.uint8)
    data: bytes = iio.imwrite("<bytes>", stored, extension=".png")
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _path(explanation: Explanation, mask: NDArray[np.bool_]) -> str:
    """Return the outlines of a mask of the net's grid (size, size), in pixels of the original."""
    y, x = (lines + 0.5 for lines in explanation.grid_lines)
    return "".join(
        "M" + "L".join(f"{x[column]:.2f} {y[row]:.2f}" for column, row in line.tolist()) + "Z"
        for polygon in mask_polygons(mask)
        for line in polygon
    )
