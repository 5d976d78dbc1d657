"""Size and brightness of a cell without any model: what a cytometrist gates on first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.measure_phase import MASS, PATH, is_path_difference, measure_path_difference
from sparseattn.cells.threshold import otsu
from sparseattn.errors import CellError
from sparseattn.phase.settings import REFRACTION_INCREMENT, check_increment

Foreground = Literal["otsu", "whole"]

AREA = "area_um2"

_LARGEST_SIDE = 160
"""Larger images are measured on every second, third ... pixel: areas hardly change, and it is fast."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured of n cells.

    Attributes
    ----------
    channels
        Names of the C channels.
    area
        (n,) float64, pixels of the original image that belong to the cell; NaN for a cell that is not
        measured or cannot be read.
    means
        (n, C) float64, mean of each channel over these pixels, in the units of the file; NaN likewise.
    further
        (n,) float64 each, by the name of their column: area_um2, where the size of a pixel is known; of
        optical path differences mean_opd_nm, above the ground, and dry_mass_pg; NaN likewise.
    """

    channels: tuple[str, ...]
    area: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    further: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def none(cls, count: int, channels: Sequence[str], further: Sequence[str] = ()) -> Measurements:
        """Return measurements of which nothing is known yet."""
        return cls(
            tuple(channels),
            np.full(count, np.nan),
            np.full((count, len(channels)), np.nan),
            {name: np.full(count, np.nan) for name in further},
        )

    @classmethod
    def none_of(cls, cells: CellSet) -> Measurements:
        """Return measurements of all that can be known of these cells, of which nothing is known yet."""
        sized = any(size is not None for size in cells.pixel_sizes_um)
        path = is_path_difference(cells)
        further = [AREA] * sized + [PATH] * path + [MASS] * (sized and path)
        return cls.none(len(cells), cells.channels, further)

    def put(self, part: slice, measured: Measurements) -> None:
        """Write what was measured of some cells."""
        self.area[part], self.means[part] = measured.area, measured.means
        for name, values in measured.further.items():
            self.further[name][part] = values

    def copy(self) -> Measurements:
        """Return a copy that later measurements do not change."""
        further = {name: values.copy() for name, values in self.further.items()}
        return Measurements(self.channels, self.area.copy(), self.means.copy(), further)

    def __len__(self) -> int:
        """Return n."""
        return len(self.area)


def measure_cells(
    cells: CellSet,
    *,
    foreground: Foreground = "otsu",
    chunk: int = 64,
    increment: float = REFRACTION_INCREMENT,
) -> Iterator[tuple[slice, Measurements]]:
    """Measure cells in their order, a chunk at a time, so that a caller can show progress and stop.

    Parameters
    ----------
    cells
        Only one of them is in memory. Where they have masks, of a file or of a segmentation, these say which
        pixels are the cell.
    foreground
        See `measure_cell`; for cells without a mask. Of optical path differences "otsu" is taken down to
        where the cell thins out: see `sparseattn.cells.measure_phase`.
    chunk
        Cells a step.
    increment
        By how much the refractive index grows with the concentration of matter, in µm³/pg: for the dry mass.

    Yields
    ------
    tuple
        Which cells, and what was measured of them. A cell that cannot be read has NaN.

    Raises
    ------
    InputError
        Where the increment cannot be.
    """
    check_increment(increment)
    return _measured_chunks(cells, foreground, chunk, increment)


def with_measured_columns(
    cells: CellSet,
    increment: float = REFRACTION_INCREMENT,
    *,
    on_cells: Callable[[int, int], None] | None = None,
) -> CellSet:
    """Return the same cells with what is measured of optical path differences as sample columns.

    Other cells are returned as they are: of them area and brightness depend on a rough guess of the outline.
    ``on_cells`` is called with the number of cells that are measured, and of all; it may raise to stop.
    """
    if not is_path_difference(cells):
        return cells
    found = Measurements.none_of(cells)
    for part, measured in measure_cells(cells, increment=increment):
        found.put(part, measured)
        if on_cells is not None:
            on_cells(part.stop, len(cells))
    return cells.with_columns({name: tuple(values.tolist()) for name, values in found.further.items()})


def _measured_chunks(
    cells: CellSet, foreground: Foreground, chunk: int, increment: float
) -> Iterator[tuple[slice, Measurements]]:
    for start in range(0, len(cells), chunk):
        part = slice(start, min(start + chunk, len(cells)))
        some = cells.subset(range(part.start, part.stop))
        measured = Measurements.none_of(some)
        for row in range(len(some)):
            try:
                image = some.read(row)
            except CellError:
                continue
            _measure(measured, row, image, some.mask(row), some.pixel_sizes_um[row], foreground, increment)
        yield part, measured


def _measure(
    measured: Measurements,
    row: int,
    image: npt.NDArray[Any],
    mask: npt.NDArray[np.bool_] | None,
    pixel_size_um: float | None,
    foreground: Foreground,
    increment: float,
) -> None:
    if PATH in measured.further and foreground == "otsu":
        found = measure_path_difference(image[0], mask, pixel_size_um, increment)
        measured.area[row], measured.means[row] = found.area, found.mean
        measured.further[PATH][row] = found.above_ground
        if MASS in measured.further:
            measured.further[MASS][row] = found.dry_mass
    elif mask is not None and mask.any() and foreground == "otsu":
        measured.area[row] = mask.sum()
        measured.means[row] = image[:, mask].mean(axis=1, dtype=np.float64)
    else:
        measured.area[row], measured.means[row] = measure_cell(image, foreground)
    if AREA in measured.further and pixel_size_um is not None:
        measured.further[AREA][row] = measured.area[row] * pixel_size_um**2


def measure_cell(
    image: npt.NDArray[Any], foreground: Foreground = "otsu"
) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the area of a cell and its mean in each channel: a quick guide, no segmentation.

    The ground is the median of the image's border, channel by channel. Of each pixel the distance from the
    ground is taken, every channel scaled by its own largest distance, and summed over the channels; the
    pixels above Otsu's threshold of it are the cell. So dark cells on bright ground and bright ones on dark
    count alike; a neighbour in the image counts with the cell.

    Parameters
    ----------
    image
        (C, H, W), any real type.
    foreground
        "otsu", or "whole" to take every pixel of the image.

    Returns
    -------
    area : float
        In pixels of the image.
    means : numpy.ndarray
        (C,) float64, in the units of the image.
    """
    step = -(-max(image.shape[1:]) // _LARGEST_SIDE)
    pixels = image[:, ::step, ::step].astype(np.float32).reshape(len(image), -1)
    if foreground == "whole":
        return float(image.shape[1] * image.shape[2]), pixels.mean(axis=1, dtype=np.float64)
    inside = distance_from_ground(image[:, ::step, ::step])
    chosen = (inside > otsu(inside)).ravel()
    share = chosen.mean()
    return float(share * image.shape[1] * image.shape[2]), pixels[:, chosen].mean(axis=1, dtype=np.float64)


def distance_from_ground(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return (H, W): 0 at the ground, up to C."""
    values = image.astype(np.float32)
    border = np.concatenate([values[:, 0], values[:, -1], values[:, 1:-1, 0], values[:, 1:-1, -1]], axis=1)
    distance = np.abs(values - np.median(border, axis=1)[:, None, None])
    largest = distance.max(axis=(1, 2), keepdims=True)
    np.divide(distance, largest, out=distance, where=largest > 0)
    return np.asarray(distance.sum(axis=0), dtype=np.float32)
