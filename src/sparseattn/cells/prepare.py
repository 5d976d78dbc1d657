"""``Prepare``: from the pixels of a cell to what the net sees, and back to the pixels of the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.origin import Skipped
from sparseattn.cells.placement import AxisPlacement, Policy, place
from sparseattn.cells.squares import left_out, prepared_square, prepared_squares, standardise
from sparseattn.errors import CellError, InputError
from sparseattn.events.settings import EventSettings

SIZES = (4, 1024)
"""Smallest and largest side of the net's grid."""


_LATER = ("events", "pixel_size_um", "field_um", "grid_pixel_um")
"""Entries of a saved preparation that earlier versions did not have."""


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
class Prepare:
    """Channel choice, size policy and standardisation; fitted on training cells and saved with the model.

    Attributes
    ----------
    channels
        Names of the channels that the net sees, in order.
    size
        The net's grid is size x size pixels.
    policy
        "resize": anti-aliased, aspect kept, padded to the square. "crop": centre crop or padding, the scale
        is kept: in the sample where pixel sizes are known, else in pixels.
    mean, std
        Of each channel over the training cells, in the units of the file. Padding has the mean.
    events
        What became of the events of the training cells; None where they came from no recording.
    pixel_size_um
        Side of a pixel of the training cells, in micrometres in the sample; None where it is not known, or
        they differ. With "crop" cells of another pixel size are rescaled to it.
    field_um
        How long the longer side of a training cell's image is, in micrometres in the sample: from and to, for
        nine in ten of them. None where it is not known of all.
    grid_pixel_um
        Side of a pixel of the net's grid in micrometres in the sample, where it is fixed: every cell is
        resampled to it from its own pixel size. With "crop" alone.
    """

    channels: tuple[str, ...]
    size: int
    policy: Policy
    mean: tuple[float, ...]
    std: tuple[float, ...]
    events: EventSettings | None = None
    pixel_size_um: float | None = None
    field_um: tuple[float, float] | None = None
    grid_pixel_um: float | None = None

    def scale(self, pixel_size_um: float | None) -> float:
        """Return how many grid pixels a pixel of a cell becomes along one side, with the policy "crop".

        Parameters
        ----------
        pixel_size_um
            Side of the cell's pixels; None: that of the training cells is taken.
        """
        own, wanted = pixel_size_um or self.pixel_size_um, self.grid_pixel_um or self.pixel_size_um
        return 1.0 if own is None or wanted is None else own / wanted

    def place(
        self, shape: tuple[int, int], pixel_size_um: float | None = None
    ) -> tuple[AxisPlacement, AxisPlacement]:
        """Return where the rows and the columns of a cell lie in the grid.

        Parameters
        ----------
        shape
            (H, W) of the cell.
        pixel_size_um
            Side of its pixels in micrometres in the sample; None where it is not known.
        """
        return place(shape, self.size, self.policy, self.scale(pixel_size_um))

    def image(
        self, cell: npt.NDArray[Any], channels: tuple[str, ...], pixel_size_um: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Return what the net sees of one cell.

        Parameters
        ----------
        cell
            (C, H, W), in the units of the file.
        channels
            Names of its C channels.
        pixel_size_um
            Side of its pixels in micrometres in the sample; None where it is not known.

        Returns
        -------
        numpy.ndarray
            (channels, size, size) float32, standardised; 0 in padding.

        Raises
        ------
        InputError
            When the cell lacks a channel.
        """
        square = prepared_square(cell, self.places(channels), self, pixel_size_um)
        standardise(square[None], self.mean, self.std)
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
        places = self.places(cells.channels)
        indices: list[int] = []
        images: list[npt.NDArray[np.float32]] = []

        def batch() -> PreparedBatch:
            stacked = np.stack(images)
            standardise(stacked, self.mean, self.std)
            return PreparedBatch(np.array(indices, dtype=np.int64), stacked)

        for index, square in prepared_squares(cells, places, self):
            if isinstance(square, CellError):
                if strict:
                    raise square
                if on_skip is not None:
                    on_skip(left_out(cells, index, square))
                continue
            indices.append(index)
            images.append(square)
            if len(images) == batch_size:
                yield batch()
                indices, images = [], []
        if images:
            yield batch()

    def box(
        self,
        y: int,
        x: int,
        shape: tuple[int, int],
        pixels: int = 1,
        pixel_size_um: float | None = None,
    ) -> tuple[int, int, int, int]:
        """Return the box of the original image that a square of grid pixels covers.

        Parameters
        ----------
        y, x
            Upper left grid pixel of the square.
        shape
            (H, W) of the original image.
        pixels
            Side of the square in grid pixels.
        pixel_size_um
            Side of a pixel of the original in micrometres in the sample; None where it is not known.

        Returns
        -------
        tuple
            (y0, x0, y1, x1) in pixels of the original, half open; (0, 0, 0, 0) where all of it is padding.
        """
        rows, columns = self.place(shape, pixel_size_um)
        y0, y1 = rows.box(y, y + pixels)
        x0, x1 = columns.box(x, x + pixels)
        if y0 == y1 or x0 == x1:
            return 0, 0, 0, 0
        return y0, x0, y1, x1

    def to_original(
        self, grid_map: npt.NDArray[Any], shape: tuple[int, int], pixel_size_um: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Lay a map of the grid back onto the original image.

        Each original pixel gets the value of the grid pixel whose box holds it, or the mean of them where the
        image had been made larger.

        Parameters
        ----------
        grid_map
            (size, size), finite.
        shape
            (H, W) of the original image.
        pixel_size_um
            Side of a pixel of the original in micrometres in the sample; None where it is not known.

        Returns
        -------
        numpy.ndarray
            (H, W) float32; NaN where the image was cropped away.
        """
        rows, columns = self.place(shape, pixel_size_um)
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
        for name in _LATER:  # left out as it was before there were any: such a model keeps its hash
            if plain[name] is None:
                del plain[name]
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
                pixel_size_um=_length(d.get("pixel_size_um")),
                field_um=None if d.get("field_um") is None else _span(d["field_um"]),
                grid_pixel_um=_length(d.get("grid_pixel_um")),
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
            and all(
                value is None or (isfinite(value) and value > 0)
                for value in (prepare.pixel_size_um, prepare.grid_pixel_um, *(prepare.field_um or ()))
            )
            and (prepare.grid_pixel_um is None or prepare.policy == "crop")
        )
        if not sound:
            raise InputError("The preparation of the model is damaged: its values do not fit together.")
        return prepare

    def places(self, channels: Sequence[str]) -> list[int]:
        """Return where the wanted channels are among those of a cell."""
        missing = [name for name in self.channels if name not in channels]
        if missing:
            raise InputError(
                f"The cells have no channel {', '.join(map(repr, missing))}; the model was made for "
                f"{', '.join(self.channels)} and they have {', '.join(channels)}."
            )
        return [list(channels).index(name) for name in self.channels]


def _length(value: Any) -> float | None:
    return None if value is None else float(value)


def _span(values: Any) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)
