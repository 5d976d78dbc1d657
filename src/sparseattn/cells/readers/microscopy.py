"""Nikon ND2, Zeiss CZI and Leica LIF, by bioio: read a plane at a time, channels as the file names them."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.layouts import Axes, given_axes
from sparseattn.cells.readers.pictures import RGB_NAMES
from sparseattn.cells.readers.series import chosen_series

_READERS = {".nd2": "bioio_nd2", ".czi": "bioio_czi", ".lif": "bioio_lif"}

SUFFIXES = frozenset(_READERS)

_LETTERS = {"Y": "Y", "X": "X", "C": "C", "S": "C"}
"""What bioio's dimensions mean here; all others (T times, Z depths, M tiles of a mosaic ...) count planes."""


class _OpenSeries:
    """One series of a file that is held open; read by one thread at a time."""

    def __init__(self, path: Path, series: str) -> None:
        self._reader = open_reader(path)
        self._reader.set_scene(series)
        self._data = self._reader.dask_data
        self._lock = Lock()

    @property
    def letters(self) -> str:
        return str(self._reader.dims.order)

    @property
    def data(self) -> Any:
        return self._data

    @property
    def reader(self) -> Any:
        return self._reader

    def read(self, axes: Axes, row: int) -> npt.NDArray[Any]:
        with self._lock:
            return axes.pick(_Computed(self._data), row)


class _Computed:
    """A dask array whose parts are numbers when they are picked."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.asarray(self._data[key].compute(scheduler="synchronous"))


@lru_cache(maxsize=4)
def _opened(path: Path, series: str, changed: int) -> _OpenSeries:
    return _OpenSeries(path, series)


@dataclass(frozen=True)
class _Planes:
    path: Path
    series: str
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        return _opened(self.path, self.series, self.changed).read(self.axes, row)


def open_microscopy(path: Path, *, layout: str | None, series: str | None = None) -> list[CellFile]:
    """Describe a microscope's file from its metadata.

    Parameters
    ----------
    path
        The file.
    layout
        Which axis is which, or None: as the file says.
    series
        Name or number of the series (position, well) of a file that holds several.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no images; also where the reader is not installed.
    """
    try:
        names = [str(name) for name in open_reader(path).scenes]
        chosen = chosen_series(names, series)
        changed = path.stat().st_mtime_ns
        opened = _opened(path, chosen, changed)
    except (ValueError, OSError, ImportError, MemoryError):
        raise
    except Exception as error:  # what each library makes of a damaged file
        raise ValueError(f"it is damaged, or of a kind that is not read ({str(error)[:120]})") from None
    shape = tuple(int(n) for n in opened.data.shape)
    if layout is not None:
        axes = given_axes(shape, layout)
    else:
        shape, letters = _one_colour_axis(shape, opened.letters)
        axes = Axes(letters, shape)
    return [
        CellFile(
            source=_Planes(path, chosen, axes, changed),
            cells=axes.cells,
            channels=axes.channels,
            shape=axes.cell_shape,
            dtype=np.dtype(opened.data.dtype),
            channel_names=_names(opened, axes),
            pixel_size_um=_pixel_size(opened.reader),
            axes=axes,
        )
    ]


def open_reader(path: Path) -> Any:
    """Return bioio's reader of a file.

    Raises
    ------
    ValueError
        Where it is not installed, or the file is damaged.
    """
    package = _READERS[path.suffix.lower()]
    try:
        module = import_module(package)
    except ImportError:
        if package == "bioio_czi" and sys.version_info >= (3, 14):
            raise ValueError(
                ".czi files need Python 3.13 or older: their reader cannot be had for newer ones; or export "
                "them as OME-TIFF"
            ) from None
        raise ValueError(
            f"{path.suffix} files need a further package: pip install 'napari-sparseattn[microscopy]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on metadata that we do not read
        try:
            return module.Reader(path)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # what each library makes of a damaged file
            raise ValueError(f"it is damaged, or no {path.suffix[1:].upper()} ({str(error)[:120]})") from None


def _one_colour_axis(shape: tuple[int, ...], order: str) -> tuple[tuple[int, ...], str]:
    """Return the shape, and the letters of its axes; samples (S) of a colour camera are the channels."""
    lengths = dict(zip(order, shape, strict=True))
    letters = [_LETTERS.get(letter, "N") for letter in order]
    if "S" in lengths and "C" in lengths:
        if lengths["C"] > 1 and lengths["S"] > 1:
            raise ValueError("it has several channels that are each in colour; save each as a file")
        letters[order.index("C" if lengths["C"] == 1 else "S")] = "N"
    if letters.count("Y") != 1 or letters.count("X") != 1:
        raise ValueError(f"its axes {order} are not those of images")
    return shape, "".join(letters)


def _names(opened: _OpenSeries, axes: Axes) -> tuple[str, ...] | None:
    """Return the channels' names where the file names each once; red, green and blue of a colour camera."""
    colour = "S" in opened.letters and axes.names[opened.letters.index("S")] == "C"
    if colour:
        return RGB_NAMES if axes.channels == 3 else None
    names = tuple(str(name) for name in opened.reader.channel_names or ())
    return names if len(names) == len(set(names)) == axes.channels and all(names) else None


def _pixel_size(reader: Any) -> float | None:
    """Return the side of a pixel in µm; None where the file does not say it, or pixels are not square."""
    try:
        sizes = reader.physical_pixel_sizes
        y, x = float(sizes.Y or 0), float(sizes.X or 0)
    except Exception:  # what each library makes of metadata that are not there
        return None
    square = isfinite(y) and isfinite(x) and x > 0 and abs(y - x) <= 0.01 * x
    return x if square and 1e-4 < x < 1e4 else None
