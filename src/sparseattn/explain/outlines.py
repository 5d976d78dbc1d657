"""The outlines of a mask, along the edges of its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]
"""(n, 2) x, y of the corners of a closed line, none twice; (0, 0) is the top left of the picture."""

Polygon = tuple[Ring, ...]
"""The outer line, clockwise as seen, then those of the holes, the other way round."""

_TURNS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up: around a pixel


def mask_polygons(mask: NDArray[np.bool_]) -> tuple[Polygon, ...]:
    """Return the polygons that cover exactly the pixels of a mask.

    Pixels that meet at a corner alone are polygons of their own, so that no line crosses itself.

    Parameters
    ----------
    mask : ndarray
        (H, W) bool.

    Returns
    -------
    tuple of Polygon
        In the order of their first pixels, row by row; none where the mask is empty.
    """
    from scipy.ndimage import find_objects, label

    parts, _ = label(mask)
    polygons = []
    for number, (rows, columns) in enumerate(find_objects(parts), start=1):
        lines = _lines(parts[rows, columns] == number)
        corner = np.array([columns.start, rows.start])
        polygons.append(tuple(sorted((line + corner for line in lines), key=_area, reverse=True)))
    return tuple(polygons)


def _lines(mask: NDArray[np.bool_]) -> list[Ring]:
    """Return the closed lines around one connected part, outer and inner."""
    padded = np.pad(mask, 1)
    # A side of a pixel is where it begins and which way it goes, the pixel on its right hand.
    ahead: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
    beside = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    corner = ((0, 0), (1, 0), (1, 1), (0, 1))
    for way, neighbour in enumerate(beside):
        for y, x in np.argwhere(mask & ~neighbour).tolist():
            ahead.setdefault((x + corner[way][0], y + corner[way][1]), {})[way] = (x, y)
    lines = []
    while ahead:
        start = place = next(iter(ahead))
        way = next(iter(ahead[place]))
        first = way
        points: list[tuple[int, int]] = []
        last: int | None = None
        while True:
            sides = ahead[place]
            del sides[way]
            if not sides:
                del ahead[place]
            if way != last:
                points.append(place)
            last = way
            place = place[0] + _TURNS[way][0], place[1] + _TURNS[way][1]
            if place == start and first not in ahead.get(place, {}):
                break
            # Where two pixels of the part meet at a corner the line goes on to the other one, to the left:
            # what they enclose together becomes a hole, and no line meets itself.
            way = next(turn % 4 for turn in (way + 3, way, way + 1) if turn % 4 in ahead[place])
        if last == first and len(points) > 1:
            points = points[1:]
        lines.append(np.array(points, dtype=np.int64))
    return lines


def _area(line: Ring) -> float:
    """Return the area that a line goes around: above 0 clockwise as seen, below 0 of a hole."""
    x, y = line.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
