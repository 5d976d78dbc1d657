"""``Prepare``: from the pixels of a cell to what the net sees, and back to the pixels of the cell."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, TypeVar, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from sparseattn.cells.cellset import CellSet, Skipped, shown
from sparseattn.cells.placement import Policy, place
from sparseattn.errors import CellError, InputError
from sparseattn.events.settings import EventSettings

IN_MEMORY_BYTES = 512 << 20
"""Prepared cells larger than this lie in a temporary file."""

SIZES = (4, 1024)
"""Smallest and largest side of the net's grid."""

T = TypeVar("T")

_AHEAD_CELLS = 256
_AHEAD_BYTES = 32 << 20
"""Cells that are decoded before they are asked for, and how much memory they may take."""

_WORKERS = min(8, max(2, os.cpu_count() or 1))


@dataclass(frozen=True)
class PreparedBatch:
    """Some cells as the net sees them.

    Attributes
    ----------
    indices
        (n,) int64, into the `CellSet`.
    images
        (n, C, size, size) float32, standardised.
    """

    indices: npt.NDArray[np.int64]
    images: npt.NDArray[np.float32]


@dataclass(frozen=True)
class PreparedCells:
    """All usable cells of a set as the net sees them.

    Attributes
    ----------
    images
        (n, C, size, size) float32, standardised; a memory map of a temporary file when large.
    indices
        (n,) int64, into the `CellSet`.
    skipped
        The cells that could not be used.
    """

    images: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Prepare:
    """Channel choice, size policy and standardisation; fitted on training cells and saved with the model.

    Attributes
    ----------
    channels
        Names of the channels that the net sees, in order.
    size
        The net's grid is size x size pixels.
    policy
        "resize": anti-aliased, aspect kept, padded to the square. "crop": centre crop or padding, the pixel
        scale is kept.
    mean, std
        Of each channel over the training cells, in the units of the file. Padding has the mean.
    events
        What became of the events of the training cells; None where they came from no recording.
    """

    channels: tuple[str, ...]
    size: int
    policy: Policy
    mean: tuple[float, ...]
    std: tuple[float, ...]
    events: EventSettings | None = None

    def image(self, cell: npt.NDArray[Any], channels: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """Return what the net sees of one cell.

        Parameters
        ----------
        cell
            (C, H, W), in the units of the file.
        channels
            Names of its C channels.

        Returns
        -------
        numpy.ndarray
            (channels, size, size) float32, standardised; 0 in padding.

        Raises
        ------
        InputError
            When the cell lacks a channel.
        """
        square = _square(cell, self._places(channels), self.size, self.policy)
        _standardise(square[None], self.mean, self.std)
        return square

    def batches(
        self,
        cells: CellSet,
        batch_size: int = 256,
        *,
        strict: bool = False,
        on_skip: Callable[[Skipped], None] | None = None,
    ) -> Iterator[PreparedBatch]:
        """Prepare cells in their order, a batch at a time, decoding ahead in threads.

        Parameters
        ----------
        cells
            Any set that has the channels.
        batch_size
            Cells a batch; the last may be smaller.
        strict
            Raise on the first cell that cannot be used, instead of leaving it out.
        on_skip
            Called with each cell that is left out.

        Raises
        ------
        InputError
            When the cells lack a channel; at the first batch.
        CellError
            When strict and a cell cannot be used.
        """
        places = self._places(cells.channels)
        indices: list[int] = []
        images: list[npt.NDArray[np.float32]] = []

        def batch() -> PreparedBatch:
            stacked = np.stack(images)
            _standardise(stacked, self.mean, self.std)
            return PreparedBatch(np.array(indices, dtype=np.int64), stacked)

        for index, square in _squares(cells, places, self.size, self.policy):
            if isinstance(square, CellError):
                if strict:
                    raise square
                if on_skip is not None:
                    on_skip(_skipped(cells, index, square))
                continue
            indices.append(index)
            images.append(square)
            if len(images) == batch_size:
                yield batch()
                indices, images = [], []
        if images:
            yield batch()

    def box(self, y: int, x: int, shape: tuple[int, int], pixels: int = 1) -> tuple[int, int, int, int]:
        """Return the box of the original image that a square of grid pixels covers.

        Parameters
        ----------
        y, x
            Upper left grid pixel of the square.
        shape
            (H, W) of the original image.
        pixels
            Side of the square in grid pixels.

        Returns
        -------
        tuple
            (y0, x0, y1, x1) in pixels of the original, half open; (0, 0, 0, 0) where all of it is padding.
        """
        rows, columns = place(shape, self.size, self.policy)
        y0, y1 = rows.box(y, y + pixels)
        x0, x1 = columns.box(x, x + pixels)
        if y0 == y1 or x0 == x1:
            return 0, 0, 0, 0
        return y0, x0, y1, x1

    def to_original(self, grid_map: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Lay a map of the grid back onto the original image.

        Each original pixel gets the value of the grid pixel whose box holds it, or the mean of them where the
        image had been made larger.

        Parameters
        ----------
        grid_map
            (size, size), finite.
        shape
            (H, W) of the original image.

        Returns
        -------
        numpy.ndarray
            (H, W) float32; NaN where the image was cropped away.
        """
        rows, columns = place(shape, self.size, self.policy)
        down, across = rows.weights(shape[0], self.size), columns.weights(shape[1], self.size)
        original = down @ np.asarray(grid_map, dtype=np.float32) @ across.T
        original[~down.any(axis=1)] = np.nan
        original[:, ~across.any(axis=1)] = np.nan
        return original

    def to_json(self) -> dict[str, Any]:
        """Return the preparation as plain JSON values."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        if self.events is None:  # as it was before recordings could be read: such a model keeps its hash
            del plain["events"]
        return plain

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Prepare:
        """Return the preparation that `to_json` wrote.

        Raises
        ------
        InputError
            When an entry is missing or makes no sense.
        """
        try:
            prepare = cls(
                channels=tuple(str(name) for name in d["channels"]),
                size=int(d["size"]),
                policy=cast(Policy, d["policy"]),
                mean=tuple(float(value) for value in d["mean"]),
                std=tuple(float(value) for value in d["std"]),
                events=None if d.get("events") is None else EventSettings.from_json(d["events"]),
            )
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"The preparation of the model is damaged ({type(error).__name__}: {error})."
            ) from None
        count = len(prepare.channels)
        sound = (
            isinstance(d["channels"], list)
            and 0 < count == len(set(prepare.channels)) == len(prepare.mean) == len(prepare.std)
            and SIZES[0] <= prepare.size <= SIZES[1]
            and prepare.policy in get_args(Policy)
            and all(isfinite(value) for value in prepare.mean)
            and all(isfinite(value) and value > 0 for value in prepare.std)
        )
        if not sound:
            raise InputError("The preparation of the model is damaged: its values do not fit together.")
        return prepare

    def _places(self, channels: Sequence[str]) -> list[int]:
        """Return where the wanted channels are among those of a cell."""
        missing = [name for name in self.channels if name not in channels]
        if missing:
            raise InputError(
                f"The cells have no channel {', '.join(map(repr, missing))}; the model was made for "
                f"{', '.join(self.channels)} and they have {', '.join(channels)}."
            )
        return [list(channels).index(name) for name in self.channels]


def fit_prepare(
    cells: CellSet,
    train: Sequence[int] | npt.NDArray[np.integer],
    *,
    channels: Sequence[str | int] | None = None,
    size: int = 64,
    policy: Policy = "resize",
    strict: bool = False,
) -> tuple[Prepare, PreparedCells]:
    """Fit the preparation on training cells, and prepare all cells; each is decoded once.

    Mean and standard deviation are those of the training cells after resizing, padding left out.

    Parameters
    ----------
    cells
        All cells, training and other.
    train
        Indices of the training cells.
    channels
        Which channels the net sees: names, or indices from 0 (also as digits). None: all.
    size
        Side of the net's grid.
    policy
        See `Prepare`.
    strict
        Raise on the first cell that cannot be used, instead of leaving it out.

    Raises
    ------
    InputError
        When a channel is not there or is constant over the training cells, the size or policy is out of
        range, or no training cell can be used.
    CellError
        When strict and a cell cannot be used.
    """
    names = channel_names(cells.channels, channels)
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"The size {size} is out of range; use {SIZES[0]} to {SIZES[1]} pixels.")
    if policy not in get_args(Policy):
        raise InputError(f"The size policy {policy!r} is not known; use {' or '.join(get_args(Policy))}.")
    places = [cells.channels.index(name) for name in names]
    images = _room((len(cells), len(names), size, size))
    kept: list[int] = []
    skipped: list[Skipped] = []
    for index, square in _squares(cells, places, size, policy):
        if isinstance(square, CellError):
            if strict:
                raise square
            skipped.append(_skipped(cells, index, square))
            continue
        images[len(kept)] = square
        kept.append(index)
    images = images[: len(kept)]
    rows = np.flatnonzero(np.isin(kept, np.asarray(train, dtype=np.int64)))
    if not len(rows):
        reason = f"; the first reason: {skipped[0].reason}" if skipped else ""
        raise InputError(f"None of the {len(train)} training cells can be used{reason}")
    mean, std = _statistics(images, rows)
    for name, value in zip(names, std, strict=True):
        if value == 0:
            raise InputError(
                f"Channel {name!r} is constant over the training cells and says nothing; leave it out."
            )
    _standardise(images, mean, std)
    return Prepare(names, size, policy, mean, std, cells.events), PreparedCells(
        images, np.array(kept, np.int64), tuple(skipped)
    )


def channel_names(there: Sequence[str], wanted: Sequence[str | int] | None) -> tuple[str, ...]:
    """Return the names of the wanted channels; an index may be an int or digits, a name goes before an index.

    Raises
    ------
    InputError
        When a channel is not there, is named twice, or none is wanted.
    """
    if wanted is None:
        return tuple(there)
    names: list[str] = []
    for choice in wanted:
        if choice in there:
            names.append(str(choice))
        elif str(choice).isdecimal() and int(choice) < len(there):
            names.append(there[int(choice)])
        else:
            listing = ", ".join(f"{i} ({shown(name)})" for i, name in enumerate(there))
            raise InputError(f"There is no channel {choice!r}; the cells have {listing}.")
    if not names or len(set(names)) != len(names):
        raise InputError(f"The channels {list(wanted)} must be one or more, each once.")
    return tuple(names)


def _square(
    cell: npt.NDArray[Any], places: Sequence[int], size: int, policy: Policy
) -> npt.NDArray[np.float32]:
    """Return (channels, size, size) float32 in the units of the file, NaN in padding."""
    if list(places) != list(range(len(cell))):
        cell = cell[list(places)]
    rows, columns = place((cell.shape[1], cell.shape[2]), size, policy)
    cell = cell[:, rows.first : rows.first + rows.length, columns.first : columns.first + columns.length]
    if cell.shape[1:] != (rows.count, columns.count):
        # torch resizes uint8 as it is, six times faster than float32 and within one grey level of it.
        pixels = torch.from_numpy(cell if cell.dtype == np.uint8 else cell.astype(np.float32))
        cell = interpolate(pixels[None], (rows.count, columns.count), mode="bilinear", antialias=True)[
            0
        ].numpy()
    square = np.full((len(cell), size, size), np.nan, np.float32)
    square[:, rows.start : rows.start + rows.count, columns.start : columns.start + columns.count] = cell
    return square


def _squares(
    cells: CellSet, places: Sequence[int], size: int, policy: Policy
) -> Iterator[tuple[int, npt.NDArray[np.float32] | CellError]]:
    """Decode and resize cells in threads, in order, a batch ahead; a bad cell comes as its error."""

    def work(index: int) -> npt.NDArray[np.float32] | CellError:
        try:
            return _square(cells.read(index), places, size, policy)
        except CellError as error:
            return error

    # A batch ahead, so that threads go on decoding while the net looks at the batch before.
    room = _AHEAD_BYTES // (4 * len(places) * size**2)
    return _ahead(work, range(len(cells)), min(max(room, 4 * _WORKERS), _AHEAD_CELLS))


def _ahead(work: Callable[[int], T], indices: Iterable[int], most: int) -> Iterator[tuple[int, T]]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        pending: deque[tuple[int, Future[T]]] = deque()
        for index in indices:
            pending.append((index, pool.submit(work, index)))
            if len(pending) == most:
                first, future = pending.popleft()
                yield first, future.result()
        for first, future in pending:
            yield first, future.result()


def _skipped(cells: CellSet, index: int, error: CellError) -> Skipped:
    return Skipped(str(cells.origin(index)), str(error))


def _room(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return an array to fill: in memory, or in a temporary file that goes with it when it would be large."""
    needed = int(np.prod(shape)) * 4
    if needed <= IN_MEMORY_BYTES:
        return np.empty(shape, np.float32)
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < needed:
        raise InputError(
            f"The prepared cells need {needed / 1e9:.1f} GB in {shown(folder)}, which has less; free some "
            f"space, set TMPDIR to another folder, or choose a smaller size."
        )
    with tempfile.TemporaryFile() as file:
        file.truncate(needed)
        return np.memmap(file, np.float32, "r+", shape=shape)


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, 256):
        yield slice(start, min(start + 256, count))


def _statistics(
    images: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, in two passes of float64, NaN left out."""
    count = np.zeros(images.shape[1])
    total = np.zeros(images.shape[1])
    for part in _chunks(len(rows)):
        chunk = images[rows[part]].astype(np.float64)
        count += np.isfinite(chunk).sum(axis=(0, 2, 3))
        total += np.nansum(chunk, axis=(0, 2, 3))
    mean = total / count
    squares = np.zeros(images.shape[1])
    for part in _chunks(len(rows)):
        chunk = images[rows[part]].astype(np.float64) - mean[:, None, None]
        squares += np.nansum(chunk**2, axis=(0, 2, 3))
    return tuple(mean.tolist()), tuple(np.sqrt(squares / count).tolist())


def _standardise(images: npt.NDArray[np.float32], mean: Sequence[float], std: Sequence[float]) -> None:
    """Standardise (n, C, size, size) in place; padding (NaN) becomes 0."""
    centre = np.asarray(mean)[:, None, None]
    # In float32, with the mean in two parts: as exact as in float64, and a hundred times faster.
    coarse = centre.astype(np.float32)
    fine = (centre - coarse).astype(np.float32)
    spread = np.asarray(std, np.float32)[:, None, None]
    for image in images:  # one fits in a core's cache
        image -= coarse
        image -= fine
        image /= spread
        image[np.isnan(image)] = 0
