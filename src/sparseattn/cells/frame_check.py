"""Whether what lies around the cells gives a class away: a mark, the brightness of the ground, the focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.spread_rows import spread_rows
from sparseattn.errors import CellError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet

Floats = npt.NDArray[np.float64]

TILES = 8
"""The picture is cut into so many tiles along each side; the outermost are its frame."""

MOST_CELLS = 100
"""Cells a class that are looked at: enough to see what matters, and a second or two."""

_FEWEST = 12
"""Classes with fewer cells are left out: too few to judge."""
_ALARM = 0.85
"""Balanced accuracy of one class against the others from which on it is said."""
_ERRORS = 4
"""Standard errors above chance that it must lie as well."""
_FOLDS = 5
_REACHES = 0.75
"""A place of the frame is no cue where the place inward of it tells the class as well as this."""
_NEAR = 0.03
"""What is simpler to say is named where it tells the class as well as the best, but for so much."""

_RING = np.array([(y, x) for y in range(TILES) for x in range(TILES) if {y, x} & {0, TILES - 1}])
_INWARD = np.clip(_RING, 1, TILES - 2)
_CORNERS = np.flatnonzero(np.isin(_RING, (0, TILES - 1)).all(axis=1))
_QUARTERS = (2 * _RING[:, None] + [(0, 0), (0, 1), (1, 0), (1, 1)]).reshape(-1, 2)
"""A small mark drowns in the mean of a tile, so that a place is a quarter of one."""
_SUMMARY = 4
_NUMBERS = _SUMMARY + len(_QUARTERS)


@dataclass(frozen=True)
class FrameCue:
    """One number of the frame that tells a class from all others.

    Attributes
    ----------
    class_name
        The class.
    cue
        What it is, in words: "the brightness of the ground (red)", "the top left corner (blue)".
    accuracy
        Balanced accuracy with which it alone tells the class from the others, in cells that the threshold was
        not chosen by; chance is 0.5.
    kind
        "brightness", "focus", "place" or "corner".
    """

    class_name: str
    cue: str
    accuracy: float
    kind: str

    @property
    def warning(self) -> str:
        """One plain sentence."""
        return (
            f"The frame of the pictures gives {self.class_name} away: {self.cue} alone tells it from "
            f"the others (balanced accuracy {self.accuracy:.2f}, chance 0.50). A net may learn the picture "
            "instead of the cell: see whether these cells were imaged, cut out or marked in another way."
        )


def measure_frame(image: npt.NDArray[Any]) -> Floats:
    """Return what a net could read off the frame of a picture, its outermost eighth on each side.

    Parameters
    ----------
    image
        (C, H, W), any real type, at least 8 pixels a side.

    Returns
    -------
    numpy.ndarray
        (C, 144) float64: of the four corners, which cells seldom reach, the median of their means, the
        graininess (median of the absolute Laplacian), the lowest and the highest mean; the means of the four
        quarters of each of the frame's 28 tiles in the order of rows; the mean of the tile inward of each.
    """
    values = image.astype(np.float32)
    tiles = _means(values, TILES)
    quarters = tiles.repeat(2, axis=1).repeat(2, axis=2)
    if min(values.shape[1:]) >= 2 * TILES:
        quarters = _means(values, 2 * TILES)
    ring, inward = tiles[:, _RING[:, 0], _RING[:, 1]], tiles[:, _INWARD[:, 0], _INWARD[:, 1]]
    middle = values[:, 1:-1, 1:-1]
    grain = np.abs(
        4 * middle - values[:, :-2, 1:-1] - values[:, 2:, 1:-1] - values[:, 1:-1, :-2] - values[:, 1:-1, 2:]
    )
    y, x = (
        np.minimum(np.arange(side), side - 1 - np.arange(side)) < side // TILES for side in grain.shape[1:]
    )
    corners = ring[:, _CORNERS]
    summary = (
        np.median(corners, axis=1),
        np.median(grain[:, y[:, None] & x], axis=1),
        corners.min(axis=1),
        corners.max(axis=1),
    )
    places = quarters[:, _QUARTERS[:, 0], _QUARTERS[:, 1]]
    return np.concatenate([np.stack(summary, axis=1), places, inward], axis=1)


def _means(values: npt.NDArray[np.float32], along: int) -> Floats:
    """Return the (C, along, along) means of so many tiles along each side."""
    _, height, width = values.shape
    y, x = (np.arange(along) * side // along for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(values, y, axis=1, dtype=np.float64), x, axis=2)
    means: Floats = sums / (np.diff(np.append(y, height))[:, None] * np.diff(np.append(x, width)))
    return means


def frame_cues(
    cells: CellSet, labels: Sequence[str | None] | None = None, *, most: int = MOST_CELLS
) -> tuple[FrameCue, ...]:
    """Say which classes one number of the pictures' frame gives away, the plainest first.

    Parameters
    ----------
    cells
        Of which at most ``most`` a class are read, spread over those of the class.
    labels
        Class of each cell, or what a model answers; the cells' own where it is not given. Cells with None are
        left out.
    most
        Cells a class.

    Returns
    -------
    tuple of FrameCue
        At most one a class. A cue must tell the class from all others together with a balanced accuracy of
        0.85 in five folds, its threshold and itself chosen anew in each, and four standard errors above
        chance.
    """
    given = np.array([label or "" for label in (cells.labels if labels is None else labels)])
    names, counts = np.unique(given[given != ""], return_counts=True)
    names = names[counts >= _FEWEST]
    measured: list[Floats] = []
    known: list[str] = []
    for name in names:
        for row in spread_rows(np.flatnonzero(given == name), most):
            if min(cells.shapes[row]) < TILES:
                continue
            try:
                measured.append(measure_frame(cells.read(int(row))))
            except CellError:
                continue
            known.append(str(name))
    if len(set(known)) < 2:
        return ()
    return cues_of(np.array(measured), np.array(known), cells.channels)


def cues_of(measured: Floats, labels: npt.NDArray[np.str_], channels: Sequence[str]) -> tuple[FrameCue, ...]:
    """Say which classes the measured frames give away; see `frame_cues`.

    Parameters
    ----------
    measured
        (n, C, 144) of `measure_frame`.
    labels
        (n,) class of each.
    channels
        Names of the C channels.
    """
    frames = measured[:, :, :_NUMBERS].reshape(len(measured), -1)
    inward = measured[:, :, _NUMBERS:].reshape(len(measured), -1)
    found = []
    for name in np.unique(labels):
        positive = labels == name
        if positive.sum() < _FEWEST or (~positive).sum() < _FEWEST:
            continue
        # What reaches in from the middle of the picture is the cell, and no matter of the frame.
        alone = np.full((measured.shape[1], _NUMBERS), True)
        reached = _scores(inward, positive)[0].reshape(-1, len(_RING)).max(axis=0) >= _REACHES
        alone[:, _SUMMARY:] = ~reached.repeat(4)
        numbers = np.flatnonzero(alone)
        accuracy = _held_out(frames[:, numbers], positive)
        error = 0.5 * float(np.sqrt(0.25 / positive.sum() + 0.25 / (~positive).sum()))
        if accuracy < max(_ALARM, 0.5 + _ERRORS * error):
            continue
        scores = np.zeros(frames.shape[1])
        scores[numbers] = _scores(frames[:, numbers], positive)[0]
        kind, cue = _described(_simplest(scores), channels)
        found.append(FrameCue(str(name), cue, accuracy, kind))
    return tuple(sorted(found, key=lambda one: -one.accuracy))


def _held_out(measured: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the balanced accuracy of the best number, chosen with its threshold without the cells asked."""
    fold = np.empty(len(positive), np.int64)
    for side in (positive, ~positive):
        fold[side] = np.random.default_rng(0).permutation(side.sum()) % _FOLDS
    right = np.zeros(len(positive), bool)
    for held in range(_FOLDS):
        taught, asked = fold != held, fold == held
        scores, thresholds, above = _scores(measured[taught], positive[taught])
        best = int(scores.argmax())
        answered = (measured[asked, best] > thresholds[best]) == above[best]
        right[asked] = answered == positive[asked]
    return float((right[positive].mean() + right[~positive].mean()) / 2)


def _scores(
    measured: Floats, positive: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return for each number the best balanced accuracy, its threshold, and whether the class lies above."""
    order = np.argsort(measured, axis=0, kind="stable")
    values = np.take_along_axis(measured, order, axis=0)
    is_one = positive[order]
    below = np.cumsum(is_one, axis=0) / positive.sum() - np.cumsum(~is_one, axis=0) / (~positive).sum()
    below[:-1][values[1:] == values[:-1]] = 0  # no threshold parts equal numbers
    at = np.abs(below).argmax(axis=0)
    each = np.arange(measured.shape[1])
    thresholds = (values[at, each] + values[np.minimum(at + 1, len(values) - 1), each]) / 2
    return 0.5 + np.abs(below[at, each]) / 2, thresholds, below[at, each] < 0


def _simplest(scores: Floats) -> int:
    """Return the number to name: brightness before focus before a place before any corner."""
    by_channel = scores.reshape(-1, _NUMBERS)
    for numbers in (slice(0, 1), slice(1, 2), slice(_SUMMARY, _NUMBERS), slice(2, _SUMMARY)):
        part = by_channel[:, numbers]
        if part.max() >= scores.max() - _NEAR:
            channel, number = np.unravel_index(part.argmax(), part.shape)
            return int(channel) * _NUMBERS + range(_NUMBERS)[numbers][int(number)]
    raise AssertionError("the best of all lies in one of its parts")


def _described(number: int, channels: Sequence[str]) -> tuple[str, str]:
    """Return the kind of a number, and its words."""
    channel = f" ({channels[number // _NUMBERS]})" if len(channels) > 1 else ""
    which = number % _NUMBERS
    if which == 0:
        return "brightness", f"the brightness of the ground{channel}"
    if which == 1:
        return "focus", f"the sharpness or graininess of the ground{channel}"
    if which < _SUMMARY:
        return "corner", f"the {('darkest', 'brightest')[which - 2]} corner{channel}"
    y, x = _sides(which - _SUMMARY)
    place = f"the {y} {x} corner" if y and x else f"a place on the {y or x} edge"
    return "place", f"{place}{channel}"


def _sides(quarter: int) -> tuple[str, str]:
    y, x = _RING[quarter // 4]
    return (
        "top" if y == 0 else "bottom" if y == TILES - 1 else "",
        "left" if x == 0 else "right" if x == TILES - 1 else "",
    )
