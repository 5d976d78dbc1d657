"""Which cell of one segmentation is which of another: names of cells that hold their place.

The id of a cell in a field tells the content of its plane, its centroid and its area, and nothing of its
label number, which another run of a segmentation deals out anew. So what was said of a cell is found again,
from the ids alone, without the label image that it was said on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import acos, pi, sqrt

import numpy as np

LEAST_OVERLAP = 0.5
"""Two cells are one when at least this share of their common area is covered by both."""

_FORM = re.compile(r"([0-9a-f]{16})p(\d+)y(\d+)x(\d+)a(\d+)(?:-\d+)?", re.ASCII)


@dataclass(frozen=True)
class CellKey:
    """Where a cell lies, and in what image.

    Attributes
    ----------
    field
        Fingerprint of the content of the plane: 16 hex digits.
    plane
        From 0.
    y, x
        Centroid, rounded to whole pixels.
    area
        In pixels.
    """

    field: str
    plane: int
    y: int
    x: int
    area: int

    def __str__(self) -> str:
        return f"{self.field}p{self.plane}y{self.y}x{self.x}a{self.area}"

    @classmethod
    def parse(cls, cell_id: str) -> CellKey | None:
        """Return the key that an id holds; None for ids of cells that lie in no field."""
        found = _FORM.fullmatch(cell_id)
        if found is None or int(found[5]) == 0:
            return None
        return cls(found[1], int(found[2]), int(found[3]), int(found[4]), int(found[5]))

    @property
    def radius(self) -> float:
        """Of the disc of the same area, in pixels."""
        return sqrt(self.area / pi)


def overlap(one: CellKey, two: CellKey) -> float:
    """Return how far two cells cover each other, each taken for a disc of its area at its centroid.

    Returns
    -------
    float
        Intersection over union, 0 to 1; 0 for cells of different planes or images.
    """
    if (one.field, one.plane) != (two.field, two.plane):
        return 0.0
    common = _common_area(one.radius, two.radius, sqrt((one.y - two.y) ** 2 + (one.x - two.x) ** 2))
    return common / (one.area + two.area - common)


def match_cells(
    old: Sequence[CellKey], new: Sequence[CellKey], least: float = LEAST_OVERLAP
) -> dict[int, int]:
    """Find the cells of one segmentation in another of the same image.

    Parameters
    ----------
    old, new
        The cells of both, in any order.
    least
        Pairs that overlap less are no pairs; more than 0, at most 1.

    Returns
    -------
    dict
        Index in `old` to index in `new`. No cell is in two pairs; pairs that overlap most come first, so a
        cell that did not change is always itself.
    """
    near = _Near(new)
    pairs = sorted((-share, i, j) for i, key in enumerate(old) for share, j in near.partners(key, least))
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in pairs:
        if i not in matched and j not in taken:
            matched[i] = j
            taken.add(j)
    return matched


def moved_ids(known: Sequence[str], ids: Sequence[str]) -> dict[str, str]:
    """Find where cells went when a field was segmented anew.

    Parameters
    ----------
    known
        Ids that something is known of, of any cells; what was said last stands last.
    ids
        Ids of the cells that there are now.

    Returns
    -------
    dict
        Old id to new id, for those of `known` that are not among `ids` but lie on one of them. Where several
        lie on one cell, the last of `known` wins, be it that cell's own id: then there is no pair for it.
    """
    present = set(ids)
    new = [(name, key) for name in ids if (key := CellKey.parse(name))]
    near = _Near([key for _, key in new])
    moved: dict[str, str] = {}
    taken: set[str] = set()
    for name in reversed(known):
        if name in present:
            taken.add(name)
            continue
        key = CellKey.parse(name)
        if key is None:
            continue
        # Cells of one segmentation lie apart: no two of them cover half of a third.
        partners = sorted(near.partners(key, LEAST_OVERLAP), reverse=True)
        place = next((new[j][0] for _, j in partners if new[j][0] not in taken), None)
        if place is not None:
            moved[name] = place
            taken.add(place)
    return moved


class _Near:
    """Finds the cells that overlap with one."""

    def __init__(self, keys: Sequence[CellKey]) -> None:
        self._keys = keys
        if keys:
            from scipy.spatial import cKDTree

            self._tree = cKDTree(np.array([(key.y, key.x) for key in keys], dtype=np.float64))

    def partners(self, key: CellKey, least: float) -> Iterator[tuple[float, int]]:
        """Yield the overlap, at least `least`, and the index of each cell that has so much in common."""
        if not self._keys:
            return
        # a partner's area is at most area / least, and the discs must touch
        reach = key.radius * (1 + 1 / sqrt(least)) + 1e-9
        for j in self._tree.query_ball_point((key.y, key.x), reach):
            share = overlap(key, self._keys[j])
            if share >= least:
                yield share, j


def _common_area(one: float, two: float, distance: float) -> float:
    """Return the area that discs of these radii have in common."""
    if distance >= one + two:
        return 0.0
    if distance <= abs(one - two):
        return pi * min(one, two) ** 2

    def segment(radius: float, other: float) -> float:
        along = (distance**2 + radius**2 - other**2) / (2 * distance)
        along = min(max(along, -radius), radius)
        return radius**2 * acos(along / radius) - along * sqrt(max(radius**2 - along**2, 0.0))

    return segment(one, two) + segment(two, one)
