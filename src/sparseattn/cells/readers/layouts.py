"""Which axis of an image array is which: from what the file says, what the caller says, or the shape.

Letters: N cells, C channels, Y rows, X columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sparseattn.errors import LayoutError

LAYOUTS = ("YX", "YXC", "CYX", "NYX", "NCYX", "NYXC", "YXN")

MOST_CHANNELS = 16
"""Longest axis that can be channels when nothing but the shape is known."""

_CHOICES = "say which axis is which by a layout: " + ", ".join(LAYOUTS)


@dataclass(frozen=True)
class Axes:
    """A shape whose axes are named; picks cells out of an array of that shape.

    Attributes
    ----------
    names
        One letter an axis, of N, C, Y, X; N may occur several times (time and depth), the others once.
    shape
        Length of each axis.
    known_by
        "file": its metadata or its kind says so. "layout": the caller does. "shape": a guess by the shape.
    """

    names: str
    shape: tuple[int, ...]
    known_by: Literal["file", "layout", "shape"] = "file"

    @property
    def cells(self) -> int | None:
        """How many cells there are; None when no axis counts cells."""
        return prod(self._lengths("N")) if "N" in self.names else None

    @property
    def channels(self) -> int:
        """How many channels a cell has."""
        return prod(self._lengths("C"))

    @property
    def cell_shape(self) -> tuple[int, int]:
        """(H, W) of a cell."""
        return self._lengths("Y")[0], self._lengths("X")[0]

    def pick(
        self, array: Any, row: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> npt.NDArray[Any]:
        """Return cell `row` of `array` (anything that numpy-style indices reach) as a new (C, H, W) array.

        Of a cell that is a large field, `rows` and `columns` say which part is wanted.
        """
        return self.channels_first(np.array(array[self.key(row, rows, columns)]))

    def key(
        self, row: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> tuple[int | slice, ...]:
        """Return the index of cell `row` in an array, or of a part of it."""
        counts = self._lengths("N")
        place = iter(np.unravel_index(row, counts) if counts else ())
        wanted = {"Y": rows, "X": columns}
        return tuple(
            int(next(place)) if name == "N" else wanted.get(name, slice(None)) for name in self.names
        )

    def channels_first(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what lies at the `key` of a cell as (C, H, W)."""
        return self._channels_first(pixels, self.names.replace("N", ""))

    def pages(self, leading: int, row: int) -> list[int]:
        """Return which pages hold cell `row`, channel by channel, if the first `leading` axes count pages."""
        numbers = np.arange(prod(self.shape[:leading])).reshape(self.shape[:leading])
        names = self.names[:leading]
        if "C" in names:
            numbers = np.moveaxis(numbers, names.index("C"), -1)
            return [int(n) for n in numbers.reshape(-1, numbers.shape[-1])[row]]
        return [int(numbers.reshape(-1)[row])]

    def from_pages(self, pixels: npt.NDArray[Any], leading: int) -> npt.NDArray[Any]:
        """Return (C, H, W) of one cell from its stacked pages (pages, ...)."""
        names = self.names[leading:]
        if "C" in self.names[:leading]:
            return self._channels_first(pixels, "C" + names)
        return self._channels_first(pixels[0], names)

    def _channels_first(self, pixels: npt.NDArray[Any], names: str) -> npt.NDArray[Any]:
        if "C" not in names:
            pixels, names = pixels[None], "C" + names
        return np.ascontiguousarray(pixels.transpose([names.index(letter) for letter in "CYX"]))

    def _lengths(self, letter: str) -> tuple[int, ...]:
        return tuple(n for name, n in zip(self.names, self.shape, strict=True) if name == letter)


def given_axes(shape: Sequence[int], layout: str) -> Axes:
    """Name the axes as the caller says; a stack of one cell may lack its N axis.

    Raises
    ------
    ValueError
        When the layout is not one of `LAYOUTS` or has another number of axes.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r} is not known; use one of {', '.join(LAYOUTS)}")
    names = layout.replace("N", "") if len(layout) == len(shape) + 1 else layout
    if len(names) != len(shape):
        raise ValueError(
            f"its shape {tuple(shape)} has {len(shape)} axes, which layout {layout} does not fit"
        )
    return Axes(names, tuple(shape), "layout")


def guessed_axes(shape: Sequence[int], *, one_cell: bool, pages: bool = False) -> Axes:
    """Name the axes by the shape alone.

    Two axes are Y, X. Three are Y, X, C when the last is 3 or 4 long and the first longer than
    `MOST_CHANNELS`; N, Y, X when the first is longer than `MOST_CHANNELS`. A shorter first axis may be cells
    or channels: C, Y, X where each file is one cell, and an error elsewhere. Four are N, C, Y, X or
    N, Y, X, C, whichever makes C the one of both that is at most `MOST_CHANNELS` long.

    Parameters
    ----------
    shape
        Of the array.
    one_cell
        Whether the file lies in a folder of files that are one cell each.
    pages
        Whether the axes before the last two are pages of a file, so that the last two are Y, X.

    Raises
    ------
    LayoutError
        When the shape fits several layouts.
    ValueError
        When it fits none.
    """
    shape = tuple(shape)
    short = [n <= MOST_CHANNELS for n in shape]
    names = ""
    if len(shape) == 2:
        names = "YX"
    elif len(shape) == 3:
        last = shape[2] in (3, 4) and not pages
        if not short[0]:
            names = "YXC" if last else "NYX"
        elif one_cell and not last:
            names = "CYX"
    elif len(shape) == 4:
        if short[1] and not (short[3] and not pages):
            names = "NCYX"
        elif short[3] and not short[1]:
            names = "NYXC"
    else:
        raise ValueError(f"its shape {shape} has {len(shape)} axes; cells have 2 to 4 ({', '.join(LAYOUTS)})")
    if not names:
        raise LayoutError(f"its shape {shape} fits several layouts; {_CHOICES}", shape)
    return Axes(names, shape, "shape")


def matlab_axes(shape: Sequence[int], layout: str | None) -> Axes:
    """Name the axes as MATLAB has them: rows, columns, then channels of a colour image, or images of a stack.

    Raises
    ------
    ValueError
        When the shape or the layout does not fit.
    """
    shape = tuple(shape)
    if layout is not None:
        return given_axes(shape, layout)
    if not 2 <= len(shape) <= 4:
        raise ValueError(f"its shape {shape} has {len(shape)} axes; images have 2 to 4")
    if len(shape) == 3:
        return Axes("YXN", shape, "shape")
    return Axes("YX" if len(shape) == 2 else "YXCN", shape, "shape")
