"""The pixels of cells in the net's grid: decoded in threads, resized, standardised."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.origin import Skipped
from sparseattn.errors import CellError

if TYPE_CHECKING:
    from sparseattn.cells.prepare import Prepare

T = TypeVar("T")

_AHEAD_CELLS = 256
_AHEAD_BYTES = 32 << 20
"""Cells that are decoded before they are asked for, and how much memory they may take."""

_TOGETHER = 16
"""Most cells that a thread does before it hands them on; one by one, threads wake each other all the time."""

_FEW = 4
"""So few cells are done sooner than threads are started."""

_WORKERS = min(8, max(2, os.cpu_count() or 1))

_STORE = 16
"""So many cells a file, and it is a store: they come a chunk at a time instead of each from the disk."""


def prepared_square(
    cell: npt.NDArray[Any], places: Sequence[int], prepare: Prepare, pixel_size_um: float | None
) -> npt.NDArray[np.float32]:
    """Return (channels, size, size) float32 in the units of the file, NaN in padding."""
    if list(places) != list(range(len(cell))):
        cell = cell[list(places)]
    size = prepare.size
    rows, columns = prepare.place((cell.shape[1], cell.shape[2]), pixel_size_um)
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


def prepared_squares(
    cells: CellSet, places: Sequence[int], prepare: Prepare
) -> Iterator[tuple[int, npt.NDArray[np.float32] | CellError]]:
    """Decode and resize cells in threads, in order, a batch ahead; a bad cell comes as its error.

    Not in threads where torch has one thread, which says that other processes work on the other cores, and
    the cells lie in stores: there is little to wait for, and handing on between threads costs a twelfth.
    """
    sizes = cells.pixel_sizes_um

    def work(index: int) -> npt.NDArray[np.float32] | CellError:
        try:
            return prepared_square(cells.read(index), places, prepare, sizes[index])
        except CellError as error:
            return error

    if torch.get_num_threads() == 1 and len(cells) >= _STORE * len(cells.files):
        return ((index, work(index)) for index in range(len(cells)))
    # A batch ahead, so that threads go on decoding while the net looks at the batch before.
    room = _AHEAD_BYTES // (4 * len(places) * prepare.size**2)
    return _ahead(work, range(len(cells)), min(max(room, 4 * _WORKERS), _AHEAD_CELLS))


def _ahead(work: Callable[[int], T], indices: Sequence[int], most: int) -> Iterator[tuple[int, T]]:
    def some(part: Sequence[int]) -> list[T]:
        return [work(index) for index in part]

    if len(indices) <= _FEW:
        yield from ((index, work(index)) for index in indices)
        return
    share = min(most, len(indices)) // (
        2 * _WORKERS
    )  # that every thread has something to do, and to go on with
    together = max(1, min(_TOGETHER, share))
    with ThreadPoolExecutor(_WORKERS) as pool:
        pending: deque[tuple[Sequence[int], Future[list[T]]]] = deque()
        for start in range(0, len(indices), together):
            part = indices[start : start + together]
            pending.append((part, pool.submit(some, part)))
            if len(pending) * together >= most:
                first, future = pending.popleft()
                yield from zip(first, future.result(), strict=True)
        for first, future in pending:
            yield from zip(first, future.result(), strict=True)


def left_out(cells: CellSet, index: int, error: CellError) -> Skipped:
    """Return what is said of a cell that cannot be used."""
    return Skipped(str(cells.origin(index)), str(error))


def chunks(count: int) -> Iterator[slice]:
    """Return slices that cover `count` images, some hundred at a time."""
    for start in range(0, count, 256):
        yield slice(start, min(start + 256, count))


def standardise(images: npt.NDArray[np.float32], mean: Sequence[float], std: Sequence[float]) -> None:
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
