"""The ground of a phase image: a smooth surface that is fitted to what no cell covers, and taken off."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Background = Literal["none", "offset", "tilt", "curve"]

Floats = npt.NDArray[np.float64]

_SAMPLES = 192
"""Along each side: the surface is smooth, so that a grid of so many points tells it."""

_LOWEST = 0.1
"""Cells lie above the ground: the first surface has this share of the pull of points below it."""

_NEAR = 2.5
"""Points nearer to the surface than so many standard deviations are ground."""

_ROUNDS = 30


def without_background(image: npt.NDArray[Any], kind: Background) -> npt.NDArray[np.float32]:
    """Take the ground off an image in which cells are above it.

    An asymmetric fit finds the level below the cells first; then points near the surface, to both sides, are
    fitted until they no longer change. Cells may cover most of the image as long as ground is seen between.

    Parameters
    ----------
    image
        (H, W), real and finite.
    kind
        "none", "offset": a number; "tilt": a plane; "curve": a surface of second order.

    Returns
    -------
    numpy.ndarray
        (H, W) float32, in the units of the image; the ground is about zero.
    """
    flat = np.asarray(image, np.float32)
    if kind == "none":
        return flat
    height, width = flat.shape
    rows = np.unique(np.linspace(0, height - 1, min(height, _SAMPLES)).round().astype(np.intp))
    columns = np.unique(np.linspace(0, width - 1, min(width, _SAMPLES)).round().astype(np.intp))
    y, x = _places(height)[rows], _places(width)[columns]
    terms = _terms(y[:, None], x[None, :], kind)
    design = np.stack([np.broadcast_to(term, (len(y), len(x))).ravel() for term in terms], axis=1)
    factors = _fit(design, flat[np.ix_(rows, columns)].ravel().astype(np.float64))
    result = flat.copy()
    every_y, every_x = _places(height), _places(width)
    for row in range(height):  # a row at a time: no second image in double precision
        surface = _terms(every_y[row : row + 1], every_x, kind)
        result[row] -= sum(f * term for f, term in zip(factors, surface, strict=True))
    return result


def _places(length: int) -> Floats:
    return np.linspace(-1, 1, length)


def _terms(y: Floats, x: Floats, kind: Background) -> list[Floats]:
    one = np.ones(np.broadcast_shapes(y.shape, x.shape))
    if kind == "offset":
        return [one]
    if kind == "tilt":
        return [one, y * one, x * one]
    return [one, y * one, x * one, y * y * one, y * x, x * x * one]


def _fit(design: Floats, values: Floats) -> Floats:
    """Return the factors of the surface under the cells."""
    weights = np.ones(len(values))
    factors = _weighted(design, values, weights)
    for _ in range(_ROUNDS):
        above = values > design @ factors
        if np.array_equal(weights, new := np.where(above, _LOWEST, 1 - _LOWEST)):
            break
        weights = new
        factors = _weighted(design, values, weights)
    rest = values - design @ factors
    # how much the ground varies: what lies below its commonest value has no part in cells
    common = _commonest(rest)
    below = rest[rest < common] - common
    deviation = max(float(np.sqrt(np.mean(below**2))) if len(below) else 0.0, 1e-9)
    near = np.abs(rest - common) < _NEAR * deviation
    for _ in range(_ROUNDS):
        if near.sum() <= 4 * design.shape[1]:
            break
        factors = _weighted(design, values, near.astype(np.float64))
        rest = values - design @ factors
        deviation = max(1.05 * float(rest[near].std()), 1e-9)
        before, near = near, np.abs(rest) < _NEAR * deviation
        if np.array_equal(before, near):
            break
    return factors


def _weighted(design: Floats, values: Floats, weights: Floats) -> Floats:
    root = np.sqrt(weights)
    return np.asarray(np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0])


def _commonest(values: Floats) -> float:
    """Return the mode: the middle of the narrowest range that holds a fifth of the values."""
    ordered = np.sort(values)
    count = max(len(ordered) // 5, 1)
    widths = ordered[count:] - ordered[: len(ordered) - count]
    if not len(widths):
        return float(ordered[len(ordered) // 2])
    start = int(widths.argmin())
    return float(np.median(ordered[start : start + count + 1]))
