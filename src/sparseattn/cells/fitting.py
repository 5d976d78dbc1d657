"""``fit_prepare``: a preparation is fitted on training cells, and all cells are prepared by it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.origin import Skipped, shown
from sparseattn.cells.placement import Policy
from sparseattn.cells.prepare import SIZES, Prepare
from sparseattn.cells.sidecar import check_pixel_size
from sparseattn.cells.squares import chunks, left_out, prepared_squares, standardise
from sparseattn.errors import CellError, InputError

IN_MEMORY_BYTES = 512 << 20
"""Prepared cells larger than this lie in a temporary file."""


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


def fit_prepare(
    cells: CellSet,
    train: Sequence[int] | npt.NDArray[np.integer],
    *,
    channels: Sequence[str | int] | None = None,
    size: int = 64,
    policy: Policy | None = None,
    grid_pixel_um: float | None = None,
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
        See `Prepare`; where it is not given "resize", or "crop" with `grid_pixel_um`.
    grid_pixel_um
        See `Prepare`; None: the grid has no fixed size in the sample.
    strict
        Raise on the first cell that cannot be used, instead of leaving it out.

    Raises
    ------
    InputError
        When a channel is not there or is constant over the training cells, the size or policy is out of
        range, the pixel size of a cell is needed and not known, or no training cell can be used.
    CellError
        When strict and a cell cannot be used.
    """
    names = channel_names(cells.channels, channels)
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"The size {size} is out of range; use {SIZES[0]} to {SIZES[1]} pixels.")
    policy = policy or ("resize" if grid_pixel_um is None else "crop")
    if policy not in get_args(Policy):
        raise InputError(f"The size policy {policy!r} is not known; use {' or '.join(get_args(Policy))}.")
    if grid_pixel_um is not None:
        check_grid_pixel(cells, policy, grid_pixel_um)
    count = len(names)
    known = _size_in_sample(cells, train)
    draft = Prepare(names, size, policy, (0.0,) * count, (1.0,) * count, cells.events, *known, grid_pixel_um)
    places = [cells.channels.index(name) for name in names]
    images = _room((len(cells), len(names), size, size))
    kept: list[int] = []
    skipped: list[Skipped] = []
    for index, square in prepared_squares(cells, places, draft):
        if isinstance(square, CellError):
            if strict:
                raise square
            skipped.append(left_out(cells, index, square))
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
    standardise(images, mean, std)
    prepared = PreparedCells(images, np.array(kept, np.int64), tuple(skipped))
    return replace(draft, mean=mean, std=std), prepared


def check_grid_pixel(cells: CellSet, policy: Policy, grid_pixel_um: float) -> None:
    """Raise InputError unless a grid of a fixed size in the sample can be made of these cells."""
    check_pixel_size(grid_pixel_um)
    if policy != "crop":
        raise InputError(
            "A grid with a fixed size in the sample keeps the cells' scale: leave the policy out, or crop."
        )
    unknown = cells.pixel_sizes_um.count(None)
    if unknown:
        raise InputError(
            f"The pixel size of {unknown} of {len(cells)} cells is not known, and a grid of "
            f"{grid_pixel_um:g} µm a pixel needs it; give it by --pixel-size, such as 0.2um."
        )


def _size_in_sample(
    cells: CellSet, train: Sequence[int] | npt.NDArray[np.integer]
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the pixel size of the training cells, and what the longer sides of their images span."""
    sizes = [cells.pixel_sizes_um[i] for i in train]
    known = [size for size in sizes if size is not None]
    if not known or len(known) < len(sizes):
        return None, None
    longer = [max(cells.shapes[i]) * size for i, size in zip(train, known, strict=True)]
    alike = len(set(known)) == 1
    low, high = np.quantile(longer, [0.05, 0.95])
    return known[0] if alike else None, (float(low), float(high))


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


def _statistics(
    images: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, in two passes of float64, NaN left out."""
    count = np.zeros(images.shape[1])
    total = np.zeros(images.shape[1])
    for part in chunks(len(rows)):
        chunk = images[rows[part]].astype(np.float64)
        count += np.isfinite(chunk).sum(axis=(0, 2, 3))
        total += np.nansum(chunk, axis=(0, 2, 3))
    mean = total / count
    squares = np.zeros(images.shape[1])
    for part in chunks(len(rows)):
        chunk = images[rows[part]].astype(np.float64) - mean[:, None, None]
        squares += np.nansum(chunk**2, axis=(0, 2, 3))
    return tuple(mean.tolist()), tuple(np.sqrt(squares / count).tolist())
