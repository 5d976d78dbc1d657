"""Which of the passages that were found are which of those that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from sparseattn.events.passages import Passage
from sparseattn.simulate.flow import KnownPassage

NEAR = 12.0
"""Pixels, half a cell, within which a path that was found is that of a known cell."""

LEAST_OVERLAP = 0.5
"""Share of a known cell's time that it must be followed in."""

_FAR = 1e9


@dataclass(frozen=True)
class Matched:
    """Passages found, each beside the known one that it is.

    Attributes
    ----------
    found, known
        (m,) pairs.
    distances
        (m,) median distance of the two paths in pixels.
    missed, false
        How many known ones were not found, and how many of those found are none.
    """

    found: tuple[Passage, ...]
    known: tuple[KnownPassage, ...]
    distances: tuple[float, ...]
    missed: int
    false: int


def match_passages(found: Sequence[Passage], known: Sequence[KnownPassage]) -> Matched:
    """Pair passages one to one, so that paths are as near as can be; a cell found twice is false once."""
    distance = np.array([[_distance(one, other) for other in known] for one in found])
    distance = distance.reshape(len(found), len(known))
    pairs = [
        (int(row), int(column))
        for row, column in zip(*linear_sum_assignment(distance), strict=True)
        if distance[row, column] <= NEAR
    ]
    return Matched(
        found=tuple(found[row] for row, _ in pairs),
        known=tuple(known[column] for _, column in pairs),
        distances=tuple(float(distance[pair]) for pair in pairs),
        missed=len(known) - len(pairs),
        false=len(found) - len(pairs),
    )


def _distance(found: Passage, known: KnownPassage) -> float:
    """Return the median distance of two paths at common times; far where they share too little time."""
    shared = min(found.stop, known.stop) - max(found.start, known.start)
    times = found.times[(found.times >= known.start) & (found.times <= known.stop)]
    if shared < LEAST_OVERLAP * (known.stop - known.start) or not len(times):
        return _FAR
    places = np.array([known.place(float(time)) for time in times])
    apart = np.linalg.norm(found.place(times.astype(np.int64)) - places, axis=1)
    return float(np.median(apart))
