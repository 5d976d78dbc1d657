"""TIFF: one cell, or a stack of cells, of one or several channels. OME, ImageJ and tifffile metadata are read.

Pixels are read through a memory map where they lie in one uncompressed block, else page by page.
"""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from sparseattn.cells.cellset import CellFile
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes
from sparseattn.cells.readers.pictures import RGB_NAMES, picture_pixels

SUFFIXES = frozenset({".tif", ".tiff"})

# tifffile's remarks on odd files go to whoever set up logging, not to the user's terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# What the letters of tifffile's axes mean here. I (pages) and Q (unknown) say nothing.
_LETTERS = {"Y": "Y", "X": "X", "C": "C", "S": "C", "T": "N", "Z": "N", "N": "N", "P": "N", "R": "N"}


@dataclass(frozen=True)
class _Block:
    """Cells in one uncompressed block of the file."""

    path: Path
    axes: Axes
    dtype: str
    offset: int
    keep: int | None

    def read(self, row: int) -> npt.NDArray[Any]:
        block = np.memmap(self.path, self.dtype, "r", self.offset, self.axes.shape)
        return self.axes.pick(block, row)[: self.keep]


@dataclass(frozen=True)
class _Pages:
    """Cells of one series, read page by page."""

    path: Path
    axes: Axes
    leading: int
    keep: int | None
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        numbers = self.axes.pages(self.leading, row)
        if self.axes.cells is None or self.axes.cells == 1:
            pixels = _OpenTiff(self.path).pages(numbers)
        else:
            pixels = _opened(self.path, self.changed).pages(numbers)
        return self.axes.from_pages(pixels, self.leading)[: self.keep]


@dataclass(frozen=True)
class _Palette:
    """A picture of indices into a table of colours."""

    path: Path

    def read(self, row: int) -> npt.NDArray[Any]:
        with tifffile.TiffFile(self.path) as tiff:
            page = tiff.pages.first
            colours = np.asarray(page.colormap) >> 8
            return colours.astype(np.uint8)[:, page.asarray()]


class _OpenTiff:
    """A TIFF file held open; closed when nothing refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tiff = tifffile.TiffFile(path)
        self._lock = Lock()
        weakref.finalize(self, self._tiff.close)

    def pages(self, numbers: list[int]) -> npt.NDArray[Any]:
        with self._lock:
            pages = self._tiff.series[0].pages
            return np.stack([self._page(pages[n], n) for n in numbers])

    def _page(self, page: Any, number: int) -> npt.NDArray[Any]:
        try:
            return np.asarray(page.asarray())
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
        with Image.open(self._path) as image:  # LZW, JPEG and PackBits without a further package
            image.seek(page.index)
            pixels = picture_pixels(image)
        return pixels[0] if page.ndim == 2 else pixels.transpose(1, 2, 0)


@lru_cache(maxsize=16)
def _opened(path: Path, changed: int) -> _OpenTiff:
    return _OpenTiff(path)


def open_tiff(path: Path, *, layout: str | None, one_cell: bool) -> list[CellFile]:
    """Describe a TIFF from its headers.

    Parameters
    ----------
    path
        The file.
    layout
        Which axis is which, or None: from the metadata, else from the shape.
    one_cell
        Whether the file lies in a folder of files that are one cell each.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    try:
        tiff = tifffile.TiffFile(path)
    except tifffile.TiffFileError:
        raise ValueError("it is not a TIFF, or its header is damaged") from None
    with tiff:
        series = tiff.series[0]
        page = series.keyframe
        if (
            page.photometric == tifffile.PHOTOMETRIC.PALETTE
            and series.ndim == 2
            and page.colormap is not None
        ):
            height, width = series.shape
            return [CellFile(_Palette(path), None, 3, (height, width), np.dtype(np.uint8), RGB_NAMES)]
        axes = _axes(series, layout, one_cell)
        rgb = page.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
        keep = 3 if rgb and axes.channels == 4 else None
        dtype = series.dtype
        source: _Block | _Pages
        if series.dataoffset is not None:
            size = prod(series.shape) * dtype.itemsize
            if path.stat().st_size < series.dataoffset + size:
                raise ValueError("it is truncated")
            source = _Block(path, axes, tiff.byteorder + dtype.char, series.dataoffset, keep)
        else:
            leading = series.ndim - page.ndim
            source = _Pages(path, axes, leading, keep, path.stat().st_mtime_ns)
        channels = keep or axes.channels
        names = RGB_NAMES if rgb and channels == 3 else _channel_names(tiff, channels)
        return [CellFile(source, axes.cells, channels, axes.cell_shape, dtype, names)]


def _axes(series: Any, layout: str | None, one_cell: bool) -> Axes:
    if layout is not None:
        return given_axes(series.shape, layout)
    names = "".join(_LETTERS.get(letter, "?") for letter in series.axes)
    if all(names.count(letter) == 1 for letter in "YX") and names.count("C") <= 1 and "?" not in names:
        return Axes(names, tuple(series.shape))
    if names.endswith("YXC") and names.count("?") == 1:  # colour pages
        return Axes(names.replace("?", "N"), tuple(series.shape))
    return guessed_axes(series.shape, one_cell=one_cell, pages=True)


def _channel_names(tiff: Any, count: int) -> tuple[str, ...] | None:
    """Return the channel names of the metadata; None where it does not name each channel once."""
    names: list[Any] = []
    if tiff.is_ome:
        import xml.etree.ElementTree as ElementTree

        root = ElementTree.fromstring(tiff.ome_metadata)
        image = root.find("{*}Image")
        names = (
            []
            if image is None
            else [channel.get("Name") for channel in image.iterfind("{*}Pixels/{*}Channel")]
        )
    elif tiff.is_imagej:
        labels = (tiff.imagej_metadata or {}).get("Labels") or []
        names = list(labels[:count])
    elif tiff.shaped_metadata:
        channel = tiff.shaped_metadata[0].get("Channel")
        names = channel.get("Name", []) if isinstance(channel, dict) else []
        names = [names] if isinstance(names, str) else names
    if len(names) == count and len(set(names)) == count and all(isinstance(n, str) and n for n in names):
        return tuple(names)
    return None
