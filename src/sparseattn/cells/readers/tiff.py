"""TIFF: one cell, or a stack of cells, of one or several channels, named by the metadata where it does.

Pixels are read through a memory map where they lie in one uncompressed block, else page by page. Palettes
become RGB, alpha is dropped.
"""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock, get_ident
from typing import Any, Self
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes
from sparseattn.cells.readers.maps import mapped
from sparseattn.cells.readers.phase import phasics
from sparseattn.cells.readers.pictures import RGB_NAMES, picture_pixels
from sparseattn.cells.readers.tiff_chain import check_chain
from sparseattn.cells.readers.tiff_scale import pixel_size_um

SUFFIXES = frozenset({".tif", ".tiff"})

# tifffile's remarks on odd files go to whoever set up logging, not to the user's terminal.
_LOGGER = logging.getLogger("tifffile")
_LOGGER.addHandler(logging.NullHandler())

# What the letters of tifffile's axes mean here. I (pages) and Q (unknown) say nothing.
_LETTERS = {"Y": "Y", "X": "X", "C": "C", "S": "C", "T": "N", "Z": "N", "P": "N", "R": "N"}

_COLOUR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR, tifffile.PHOTOMETRIC.PALETTE)


class _Complaints(logging.Handler):
    """What tifffile logs of a file that it reads on in spite of: pages or whole series that are missing."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._thread = get_ident()
        self.found = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            message = record.getMessage()
            # what the description says of a page's shape: the page itself knows better
            contradicted = "series shape does not match page shape" in message
            self.found = self.found or (("page" in message or "series" in message) and not contradicted)

    def __enter__(self) -> Self:
        _LOGGER.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _LOGGER.removeHandler(self)


def _open(path: Path) -> tifffile.TiffFile:
    # OME metadata may name other files, anywhere; they are not followed.
    return tifffile.TiffFile(path, _multifile=False)


class _OpenTiff:
    """A TIFF file held open; closed when nothing refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tiff = _open(path)
        self._lock = Lock()
        weakref.finalize(self, self._tiff.close)

    def series_pages(self, numbers: list[int]) -> npt.NDArray[Any]:
        """Return pages of the first series, stacked."""
        with self._lock:
            pages = self._tiff.series[0].pages
            return np.stack([self._pixels(pages[number]) for number in numbers])

    def part(self, number: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Return rows and columns of a page of the first series."""
        with self._lock:
            page = self._tiff.series[0].pages[number]
            pixels = _part(page, rows, columns)
            return self._pixels(page)[rows, columns] if pixels is None else pixels

    def page(self, number: int) -> npt.NDArray[Any]:
        """Return one page of the file."""
        with self._lock:
            return self._pixels(self._tiff.pages[number])

    def _pixels(self, page: Any) -> npt.NDArray[Any]:
        try:
            pixels = np.asarray(page.asarray())
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            with Image.open(
                self._path, formats=("TIFF",)
            ) as image:  # reads LZW, JPEG and PackBits without a further package
                image.seek(page.index)
                pixels = picture_pixels(image)
            return pixels.transpose(1, 2, 0) if len(pixels) > 1 else pixels[0]
        colours = _colours(page.keyframe)
        return pixels if colours is None else colours[pixels]


def _part(page: Any, rows: slice, columns: slice) -> npt.NDArray[Any] | None:
    """Return rows and columns of a page from the tiles or strips that hold them; None where it is not plain.

    Plain is a page of two axes, or of three with the samples of a pixel together, without a palette.
    """
    plain = page.samplesperpixel == 1 or page.planarconfig == tifffile.PLANARCONFIG.CONTIG
    if not plain or page.imagedepth != 1 or page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        return None
    height, width = page.imagelength, page.imagewidth
    tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, width)
    y0, y1, _ = rows.indices(height)
    x0, x1, _ = columns.indices(width)
    across = -(-width // wide)
    samples = () if page.samplesperpixel == 1 else (page.samplesperpixel,)
    part = np.zeros((y1 - y0, x1 - x0, *samples), page.dtype)
    handle = page.parent.filehandle
    for row in range(y0 // tall, -(-y1 // tall)):
        for column in range(x0 // wide, -(-x1 // wide)):
            number = row * across + column
            offset, length = page.dataoffsets[number], page.databytecounts[number]
            if not length:
                continue  # a tile that was never written
            handle.seek(offset)
            data, _, shape = page.decode(handle.read(length), number, jpegtables=page.jpegtables)
            if data is None:
                continue
            block = data.reshape(*shape[1:3], *samples)
            top, left = row * tall, column * wide
            low_y, high_y = max(top, y0), min(top + block.shape[0], y1)
            low_x, high_x = max(left, x0), min(left + block.shape[1], x1)
            part[low_y - y0 : high_y - y0, low_x - x0 : high_x - x0] = block[
                low_y - top : high_y - top, low_x - left : high_x - left
            ]
    return part


@lru_cache(maxsize=16)
def _opened(path: Path, changed: int) -> _OpenTiff:
    return _OpenTiff(path)


@dataclass(frozen=True)
class _Block:
    """Cells in one uncompressed block of the file; `keep` channels of them, None for all."""

    path: Path
    axes: Axes
    dtype: str
    offset: int
    keep: int | None
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        block = mapped(self.path, self.changed, self.dtype, self.offset, self.axes.shape)
        return self.axes.pick(block, row)[: self.keep]

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        # A map of its own, which goes with what it has read: a kept one would fill the memory with the file.
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        block = np.memmap(self.path, self.dtype, "r", self.offset, self.axes.shape)
        return self.axes.pick(block, row, rows, columns)[: self.keep]


@dataclass(frozen=True)
class _SeriesPages:
    """Cells of the first series, of which the first `leading` axes count pages."""

    path: Path
    axes: Axes
    leading: int
    keep: int | None
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        # Stacks stay open between cells; of files with one cell there may be more than can be open.
        stack = (self.axes.cells or 1) > 1
        tiff = _opened(self.path, self.changed) if stack else _OpenTiff(self.path)
        pixels = tiff.series_pages(self.axes.pages(self.leading, row))
        return self.axes.from_pages(pixels, self.leading)[: self.keep]

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Return a part of a cell, of which only the tiles or strips are unpacked that hold it."""
        tiff = _opened(self.path, self.changed)
        parts = [tiff.part(number, rows, columns) for number in self.axes.pages(self.leading, row)]
        return self.axes.from_pages(np.stack(parts), self.leading)[: self.keep]


@dataclass(frozen=True)
class _MixedPages:
    """Pages of different sizes; each is a cell."""

    path: Path
    keep: int | None
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        pixels = _opened(self.path, self.changed).page(row)
        return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)[: self.keep]


def open_tiff(path: Path, *, layout: str | None, one_cell: bool) -> list[CellFile]:
    """Describe a TIFF from its headers; in several parts where its pages differ in size.

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
    changed = path.stat().st_mtime_ns
    check_chain(path)
    try:
        tiff = _open(path)
    except tifffile.TiffFileError:
        raise ValueError("it is not a TIFF, or its header is damaged") from None
    with tiff:
        with _Complaints() as complaints:
            series_count = len(tiff.series)
        if complaints.found:
            raise ValueError("it is damaged or truncated: pages are missing")
        if not series_count:
            raise ValueError("it holds no image, or its header is damaged")
        first = tiff.pages.first
        if phasics.TAG in first.tags:
            return phasics.open_phasics(path, (first.imagelength, first.imagewidth))
        if series_count != 1:
            return _describe_mixed(tiff, path, changed)
        series = tiff.series[0]
        page = series.keyframe
        palette = _colours(page) is not None
        shape, letters = tuple(series.shape), series.axes
        if palette:
            shape, letters = (*shape, 3), letters + "S"
        axes = _axes(shape, letters, layout, one_cell)
        keep = 3 if page.photometric in _COLOUR and axes.channels == 4 else None
        dtype = np.dtype(np.uint8) if palette else series.dtype
        source: _Block | _SeriesPages
        if series.dataoffset is not None and not palette:
            if path.stat().st_size < series.dataoffset + prod(shape) * dtype.itemsize:
                raise ValueError("it is truncated")
            source = _Block(path, axes, tiff.byteorder + dtype.char, series.dataoffset, keep, changed)
        else:
            source = _SeriesPages(path, axes, series.ndim - page.ndim, keep, changed)
        channels = keep or axes.channels
        colour = page.photometric in _COLOUR and channels == 3
        names = RGB_NAMES if colour else _channel_names(tiff, channels)
        size = pixel_size_um(tiff)
        return [
            CellFile(
                source, axes.cells, channels, axes.cell_shape, dtype, names, pixel_size_um=size, axes=axes
            )
        ]


def _describe_mixed(tiff: tifffile.TiffFile, path: Path, changed: int) -> list[CellFile]:
    """Describe a file of several series: one cell a page, of different sizes."""
    if not tiff.series:
        raise ValueError("it holds no images")
    if not all(series.axes.removeprefix("I") in {"YX", "YXS"} for series in tiff.series):
        raise ValueError(f"it holds {len(tiff.series)} image series of different shapes; save each as a file")
    files = []
    for number, page in enumerate(any_page.aspage() for any_page in tiff.pages):
        colour = page.photometric in _COLOUR
        palette = _colours(page) is not None
        keep = 3 if colour and page.samplesperpixel == 4 else None
        channels = 3 if palette else keep or page.samplesperpixel
        dtype = np.dtype(np.uint8) if palette else np.dtype(page.dtype)
        names = RGB_NAMES if colour and channels == 3 else None
        shape = (page.imagelength, page.imagewidth)
        axes = Axes("YX", shape) if channels == 1 else Axes("YXC", (*shape, channels))
        files.append(
            CellFile(
                _MixedPages(path, keep, changed), 1, channels, shape, dtype, names, first=number, axes=axes
            )
        )
    return files


def _colours(page: Any) -> npt.NDArray[np.uint8] | None:
    """Return the palette of a page as (colours, 3), or None."""
    if page.photometric != tifffile.PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    colours = np.asarray(page.colormap).T
    if colours.dtype == np.uint16 and (colours == np.arange(len(colours))[:, None]).all():
        return None  # 16-bit grey that is called a palette: the numbers are what was measured
    return (colours >> 8).astype(np.uint8)


def _axes(shape: tuple[int, ...], letters: str, layout: str | None, one_cell: bool) -> Axes:
    if layout is not None:
        return given_axes(shape, layout)
    names = "".join(_LETTERS.get(letter, "?") for letter in letters)
    colour_pages = names.endswith("YXC") and names.count("?") == 1
    if colour_pages:
        names = names.replace("?", "N")
    known = names.count("Y") == names.count("X") == 1 and names.count("C") <= 1 and "?" not in names
    return Axes(names, shape) if known else guessed_axes(shape, one_cell=one_cell, pages=True)


def _channel_names(tiff: Any, count: int) -> tuple[str, ...] | None:
    """Return the channel names of the metadata; None where it does not name each channel once."""
    names: list[Any] = []
    if tiff.is_ome:
        image = ElementTree.fromstring(tiff.ome_metadata).find("{*}Image")
        if image is not None:
            names = [channel.get("Name") for channel in image.iterfind("{*}Pixels/{*}Channel")]
    elif tiff.is_imagej:
        names = list((tiff.imagej_metadata or {}).get("Labels") or [])[:count]
    elif tiff.shaped_metadata:
        channel = tiff.shaped_metadata[0].get("Channel")
        said = channel.get("Name") if isinstance(channel, dict) else None
        names = said if isinstance(said, list) else [said]
    if len(names) == count == len(set(map(str, names))) and all(isinstance(n, str) and n for n in names):
        return tuple(names)
    return None
