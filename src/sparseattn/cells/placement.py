"""Where a cell lies in the net's square grid, and which box of the cell each grid pixel covers.

Each axis is placed by itself. A placement is four whole numbers, so that boxes are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Literal

import numpy as np
import numpy.typing as npt

Policy = Literal["resize", "crop"]


@dataclass(frozen=True)
class AxisPlacement:
    """Original pixels first .. first + length cover grid pixels start .. start + count.

    Attributes
    ----------
    start, count
        First grid pixel that shows the cell, and how many do; the others are padding.
    first, length
        First original pixel that is shown, and how many are; the others are cropped away.
    """

    start: int
    count: int
    first: int
    length: int

    def box(self, start: int, stop: int) -> tuple[int, int]:
        """Return the original pixels (half open) that grid pixels start .. stop cover; (0, 0) in padding.

        Where the cell is made smaller, the boxes of neighbours meet and do not overlap. Where it is made
        larger, several grid pixels share the original pixel that their centres lie in.
        """
        low = max(start - self.start, 0)
        high = min(stop - self.start, self.count)
        if low >= high:
            return 0, 0
        if self.length >= self.count:
            begin, end = low * self.length // self.count, high * self.length // self.count
        else:
            begin = (2 * low + 1) * self.length // (2 * self.count)
            end = (2 * high - 1) * self.length // (2 * self.count) + 1
        return self.first + begin, self.first + end

    def weights(self, original: int, size: int) -> npt.NDArray[np.float32]:
        """Return (original, size): share of each grid pixel in each original pixel; rows sum to 1 or 0."""
        share = np.zeros((original, size), np.float32)
        for grid in range(self.start, self.start + self.count):
            begin, end = self.box(grid, grid + 1)
            share[begin:end, grid] = 1
        share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
        return share


def place(
    shape: tuple[int, int], size: int, policy: Policy, scale: float = 1.0
) -> tuple[AxisPlacement, AxisPlacement]:
    """Place a cell of `shape` (H, W) in the centre of a grid of `size` x `size` pixels.

    Parameters
    ----------
    shape
        (H, W) of the cell in its own pixels.
    size
        Side of the grid.
    policy
        "resize": the longer side fills the grid, the aspect is kept. "crop": the scale is kept, what is too
        large is cut off at the edges.
    scale
        Of "crop": grid pixels that a pixel of the cell becomes, along one side. It is kept within half a
        pixel over the length that is shown.
    """
    if policy == "crop":
        return _cropped(shape[0], size, scale), _cropped(shape[1], size, scale)
    longest = max(shape)
    return _resized(shape[0], longest, size), _resized(shape[1], longest, size)


def _cropped(length: int, size: int, scale: float) -> AxisPlacement:
    count = max(2, _rounded(length * scale))
    if count <= size:
        return AxisPlacement((size - count) // 2, count, 0, length)
    shown = min(length, max(1, _rounded(size / scale)))
    return AxisPlacement(0, size, (length - shown) // 2, shown)


def _rounded(value: float) -> int:
    return floor(value + 0.5)


def _resized(length: int, longest: int, size: int) -> AxisPlacement:
    # Rounded, halves upwards. At least 2: torch 2.13 resizes wrongly to a width of 1.
    count = max(2, (2 * length * size + longest) // (2 * longest))
    return AxisPlacement((size - count) // 2, count, 0, length)
