"""``Field``: an image of many cells, a plane at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import Source, recorded_source
from sparseattn.cells.channels import check_channels, placeholder_names
from sparseattn.cells.facts import Known
from sparseattn.cells.modality import Modality
from sparseattn.cells.origin import reason_of, shown
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.readers.layouts import Axes
    from sparseattn.phase.settings import PhaseSettings

RGB = ("red", "green", "blue")

LARGE_BYTES = 128 << 20
"""Planes larger than this are read a part at a time, where their file allows it."""

_TILE = 1024
_KEPT_TILES = 24
_KEPT_PLANES = 2
_one_at_a_time = Lock()
"""Of the threads that cut cells out of a plane, one reads it and the others find it read."""


@runtime_checkable
class WindowedSource(Protocol):
    """A source of which a part can be read without all of it."""

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Return (C, h, w) of plane `row`; any exception means that it cannot be read."""


@dataclass(frozen=True, eq=False)
class _ArrayPlanes:
    """Planes of an array whose axes are named by `axes`: N for the axes that count planes, C, Y, X."""

    path: Path
    array: Any
    axes: str

    def read(self, row: int) -> npt.NDArray[Any]:
        return self.window(row, slice(None), slice(None))

    def window(self, row: int, rows: slice, columns: slice) -> npt.NDArray[Any]:
        counts = [n for name, n in zip(self.axes, self.array.shape, strict=True) if name == "N"]
        place = iter(np.unravel_index(row, counts) if counts else ())
        wanted = {"Y": rows, "X": columns}
        key = tuple(int(next(place)) if name == "N" else wanted.get(name, slice(None)) for name in self.axes)
        pixels: npt.NDArray[Any] = np.asarray(self.array[key])  # of an array in memory a view, no copy
        names = self.axes.replace("N", "")
        if "C" not in names:
            pixels, names = pixels[None], "C" + names
        return pixels.transpose([names.index(letter) for letter in "CYX"])


@dataclass(frozen=True, eq=False)
class Field:
    """An image of many cells; planes of it (times, depths) are read one at a time.

    An instance label image is a field too: of one channel, of whole numbers.

    Attributes
    ----------
    name
        What results call it: the file's name.
    channels
        Names of the channels, as in a `CellSet`.
    modality
        The kind of instrument.
    planes
        How many planes there are; several axes (times, depths) are counted as one, the last the fastest.
    shape
        (H, W) of each plane in pixels.
    dtype
        Of the pixels.
    unit
        Of the pixels' values, such as "nm"; None where it is not known.
    pixel_size_um
        Side of a pixel in micrometres, in the sample; None where it is not known.
    phase
        How the optical path difference is made of what the file holds; None where it is not.
    file_channels
        Names of the channels as the file gives them.
    axes
        Which axis of the file is which; None where it is not known.
    known
        From whom modality, layout, channels, pixel size and settings are known, by name.
    """

    name: str
    channels: tuple[str, ...]
    modality: Modality
    planes: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    _source: Source
    unit: str | None = None
    pixel_size_um: float | None = None
    phase: PhaseSettings | None = None
    file_channels: tuple[str, ...] = ()
    axes: Axes | None = None
    known: Mapping[str, Known] = dataclass_field(default_factory=dict)

    @classmethod
    def from_array(
        cls,
        array: Any,
        axes: str,
        *,
        channels: Sequence[str] | None = None,
        modality: Modality | None = None,
        name: str = "field",
    ) -> Field:
        """Return a field of an array that is in memory, or that numpy-style indices reach (dask, Zarr).

        Parameters
        ----------
        array
            Of any real dtype; not copied.
        axes
            One letter an axis: N for each axis that counts planes, C for channels, Y, X; as "YX", "YXC",
            "NCYX", "NNYX".
        channels
            One name a channel; else red, green and blue for three channels in the last axis, "intensity" for
            one, else "channel 0" and so on.
        modality
            The kind of instrument; else "brightfield" for uint8 red, green and blue, else "unknown".
        name
            What results call the field.

        Raises
        ------
        InputError
            When the axes do not fit the array, its dtype is not real, or the names do not fit its channels.
        """
        shape, dtype = tuple(int(n) for n in array.shape), np.dtype(array.dtype)
        sound = set(axes) <= set("NCYX") and axes.count("Y") == axes.count("X") == 1 and axes.count("C") <= 1
        if not sound or len(axes) != len(shape):
            raise InputError(
                f"{shown(name)} has shape {shape}, which the axes {axes!r} do not fit; "
                f"name each axis by one of N, C, Y, X."
            )
        if dtype.kind not in "buif":
            raise InputError(f"{shown(name)} has dtype {dtype}; give real numbers.")
        lengths = dict(zip(axes, shape, strict=True))
        count = lengths.get("C", 1)
        if channels is None:
            colour = axes.endswith("C") and count == 3
            channels = RGB if colour else placeholder_names(count)
        check_channels(channels, count, name)
        return cls(
            name=name,
            channels=tuple(channels),
            modality=modality or default_modality(channels, dtype),
            planes=prod(n for letter, n in zip(axes, shape, strict=True) if letter == "N"),
            shape=(lengths["Y"], lengths["X"]),
            dtype=dtype,
            _source=_ArrayPlanes(Path(name), array, axes),
        )

    @property
    def path(self) -> Path:
        """The file; for an array its name."""
        return self._source.path

    def plane(self, index: int) -> npt.NDArray[Any]:
        """Return one plane; a view where the array is in memory: do not write to it.

        Of all fields together, the two planes that were read last stay in memory.

        Parameters
        ----------
        index
            Which plane, from 0.

        Returns
        -------
        numpy.ndarray
            (C, H, W), in the dtype and units of the file.

        Raises
        ------
        InputError
            When there is no such plane, or it can no longer be read.
        """
        self._check_plane(index)
        try:
            if self._in_memory:
                return self._source.read(index)
            with _one_at_a_time:
                return _recent_plane(cast(Hashable, self._source), index)
        except Exception as error:  # decoders raise whatever a broken file makes them trip over
            raise self._unreadable(index, error) from None

    @property
    def large(self) -> bool:
        """Whether a plane is better looked at in parts: by `window` and `bands`."""
        return self._plane_bytes > LARGE_BYTES and not self._in_memory

    def window(self, index: int, y0: int, x0: int, y1: int, x1: int) -> npt.NDArray[Any]:
        """Return a part of a plane; a view where the plane is in memory: do not write to it.

        Of a large plane no more than the part is read, in tiles of which the last few stay in memory.

        Parameters
        ----------
        index
            Which plane, from 0.
        y0, x0, y1, x1
            Rows and columns, half open, within the plane.

        Returns
        -------
        numpy.ndarray
            (C, y1 - y0, x1 - x0), in the dtype and units of the file.

        Raises
        ------
        InputError
            As `plane`.
        """
        if not self.large or not isinstance(self._source, WindowedSource):
            return self.plane(index)[:, y0:y1, x0:x1]
        self._check_plane(index)
        part = np.empty((len(self.channels), y1 - y0, x1 - x0), self.dtype)
        try:
            for top in range(y0 - y0 % _TILE, y1, _TILE):
                for left in range(x0 - x0 % _TILE, x1, _TILE):
                    tile = _recent_tile(cast(Hashable, self._source), index, top, left)
                    bottom, right = top + tile.shape[1], left + tile.shape[2]
                    low_y, high_y = max(y0, top), min(y1, bottom)
                    low_x, high_x = max(x0, left), min(x1, right)
                    part[:, low_y - y0 : high_y - y0, low_x - x0 : high_x - x0] = tile[
                        :, low_y - top : high_y - top, low_x - left : high_x - left
                    ]
        except Exception as error:  # as in `plane`
            raise self._unreadable(index, error) from None
        return part

    def bands(self, index: int) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield a plane from the top down, a large one in parts: the first row, and (C, h, W) pixels."""
        height, width = self.shape
        step = _TILE if self.large else height
        for top in range(0, height, step):
            yield top, self.window(index, top, 0, min(top + step, height), width)

    @property
    def _plane_bytes(self) -> int:
        return len(self.channels) * self.shape[0] * self.shape[1] * self.dtype.itemsize

    @property
    def _in_memory(self) -> bool:
        return isinstance(self._source, _ArrayPlanes) and isinstance(self._source.array, np.ndarray)

    def _check_plane(self, index: int) -> None:
        if not 0 <= index < self.planes:
            raise InputError(
                f"{shown(self.name)} has the planes 0 to {self.planes - 1} and no plane {index}."
            )

    def _unreadable(self, index: int, error: Exception) -> InputError:
        reason = reason_of(error)
        return InputError(f"Plane {index} of {shown(self.path)} cannot be read ({reason}).")

    def fingerprint(self, plane: int) -> str:
        """Return 16 hex digits that tell the content of a plane: its pixels, their type and its shape.

        Of pixels that are computed by settings, such as an optical path difference, what was recorded counts.
        """
        recorded = recorded_source(self._source)
        parts: Iterator[npt.NDArray[Any]]
        if recorded is self._source:
            shape, dtype = (len(self.channels), *self.shape), self.dtype
            channels = range(len(self.channels))
            parts = (pixels[channel] for channel in channels for _, pixels in self.bands(plane))
        else:
            try:
                whole = recorded.read(plane)
            except Exception as error:  # as in `plane`
                raise self._unreadable(plane, error) from None
            shape, dtype, parts = whole.shape, whole.dtype, iter(whole)
        digest = hashlib.blake2b(f"{shape} {dtype.str[1:]}".encode(), digest_size=8)
        for part in parts:
            digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
        return digest.hexdigest()


@lru_cache(maxsize=_KEPT_PLANES)
def _recent_plane(source: Hashable, index: int) -> npt.NDArray[Any]:
    return cast(Source, source).read(index)


@lru_cache(maxsize=_KEPT_TILES)
def _recent_tile(source: Hashable, index: int, top: int, left: int) -> npt.NDArray[Any]:
    windowed = cast(WindowedSource, source)
    return windowed.window(index, slice(top, top + _TILE), slice(left, left + _TILE))


def default_modality(channels: Sequence[str], dtype: np.dtype[Any]) -> Modality:
    """Return what an image is taken for where nobody says: uint8 red, green and blue are brightfield."""
    return "brightfield" if tuple(channels) == RGB and dtype == np.uint8 else "unknown"
