"""The cells of a field, cut out one at a time by an instance label image, and the way back into the field."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from dataclasses import field as dataclass_field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.cellset import CellSet
from sparseattn.cells.field import Field
from sparseattn.cells.origin import shown
from sparseattn.cells.same_cell import CellKey
from sparseattn.errors import InputError

Neighbours = Literal["keep", "mask"]

LARGEST_MARGIN = 4.0
SIDES = (4, 4096)
"""Smallest and largest side of a crop of fixed size, in pixels."""

_BAND = 1024
"""Rows of a large field that are looked at together."""

_SAMPLED_PIXELS = 4_000_000
"""Pixels of a large field that its background is told by."""

_Table = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CropSettings:
    """How cells are cut out of a field.

    Attributes
    ----------
    neighbours
        "keep": the crop shows the field as it is. "mask": the pixels of other cells get the median of the
        plane's background.
    margin
        What is shown around a cell, on each side, as a share of the longer side of its box.
    side
        Side of a square crop in pixels, the same for every cell, so that large cells look large; None: by
        the box and the margin.
    """

    neighbours: Neighbours = "mask"
    margin: float = 0.8
    side: int | None = None

    def __post_init__(self) -> None:
        if self.neighbours not in get_args(Neighbours):
            raise InputError(
                f"Neighbours are to {' or to '.join(get_args(Neighbours))}, not {self.neighbours!r}."
            )
        if not 0 <= self.margin <= LARGEST_MARGIN:
            raise InputError(f"The margin {self.margin:g} is out of range; give 0 to {LARGEST_MARGIN:g}.")
        if self.side is not None and not SIDES[0] <= self.side <= SIDES[1]:
            raise InputError(
                f"Crops of {self.side} pixels a side cannot be; give {SIDES[0]} to {SIDES[1]}, or none."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> CropSettings:
        """Return the settings that `to_json` wrote.

        Raises
        ------
        InputError
            When an entry is missing or makes no sense.
        """
        try:
            side = d["side"]
            return cls(
                neighbours=cast(Neighbours, d["neighbours"]),
                margin=float(d["margin"]),
                side=None if side is None else int(side),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"The settings for cutting cells out are damaged ({type(error).__name__}: {error})."
            ) from None


class _Background:
    """The median of the background of a plane, a number a channel; of all of it where all is cells."""

    def __init__(self, field: Field, labels: Field) -> None:
        self._field, self._labels = field, labels
        self._known: dict[int, tuple[Any, ...]] = {}

    def of(self, plane: int) -> tuple[Any, ...]:
        if plane not in self._known:
            pixels, ground = self._seen(plane)
            if not ground.any():
                ground[:] = True
            self._known[plane] = tuple(
                np.median(channel[ground]).astype(pixels.dtype).item() for channel in pixels
            )
        return self._known[plane]

    def _seen(self, plane: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Return the pixels, and where the background is; of a large plane some rows and columns of it."""
        if not self._field.large and not self._labels.large:
            return self._field.plane(plane), self._labels.plane(plane)[0] <= 0
        height, width = self._field.shape
        step = max(round((height * width / _SAMPLED_PIXELS) ** 0.5), 1)
        pixels, ground = [], []
        for top in range(0, height, _BAND):
            part = plane, top, 0, min(top + _BAND, height), width
            pixels.append(self._field.window(*part)[:, ::step, ::step])
            ground.append(self._labels.window(*part)[0, ::step, ::step] <= 0)
        return np.concatenate(pixels, axis=1), np.concatenate(ground)


@dataclass(frozen=True, eq=False)
class FieldCells:
    """The n cells of a field, and where each lies in it.

    Attributes
    ----------
    cells
        The crops, read when they are asked for. Sample columns: field (the known group for splitting), plane
        where there are several, label, area (pixels), centroid_y, centroid_x (pixels), touches_edge (1 or 0).
        The ids hold the content of the plane and the cell's place, not its label: see
        `sparseattn.cells.same_cell`.
    field, labels
        The images that they were cut from.
    settings
        How they were cut.
    plane, label, area
        (n,) int64: plane, label number, pixels.
    centroid
        (n, 2) float64: y, x, pixel centres whole.
    box, crop
        (n, 4) int64: y0, x0, y1, x1, half open, of the cell itself and of its crop, in pixels of the field.
    """

    cells: CellSet
    field: Field
    labels: Field
    settings: CropSettings
    plane: _Table
    label: _Table
    area: _Table
    centroid: npt.NDArray[np.float64]
    box: _Table
    crop: _Table
    _background: _Background = dataclass_field(repr=False)

    def __len__(self) -> int:
        """Return n."""
        return len(self.label)

    def with_cells(self, cells: CellSet) -> FieldCells:
        """Return the same with `cells`: these, with other sample columns or names of channels."""
        return replace(self, cells=cells)

    @property
    def touches_edge(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the cell reaches the border of the field, so that part of it may be missing."""
        return _touches_edge(self.box, self.field.shape)

    def paint(
        self, plane: int, values: npt.ArrayLike, *, dtype: npt.DTypeLike = np.uint8
    ) -> npt.NDArray[Any]:
        """Paint a number a cell onto the field.

        Parameters
        ----------
        plane
            Which plane, from 0.
        values
            (n,), for each cell of all planes.
        dtype
            Of the picture.

        Returns
        -------
        numpy.ndarray
            (H, W): the value of the cell that lies on each pixel; 0 where none of these does.
        """
        given = np.asarray(values)
        if given.shape != (len(self),):
            raise InputError(f"There are {given.size} values for {len(self)} cells; give one a cell.")
        painted = np.zeros(self.field.shape, dtype)
        here = np.flatnonzero(self.plane == plane)
        if not len(here):
            return painted
        here = here[np.argsort(self.label[here])]
        for top, band in self.labels.bands(plane):
            ground = band[0]
            on_a_cell = ground > 0
            numbers = ground[on_a_cell].astype(np.int64)
            at = np.minimum(np.searchsorted(self.label[here], numbers), len(here) - 1)
            painted[top : top + len(ground)][on_a_cell] = np.where(
                self.label[here][at] == numbers, given[here][at], 0
            )
        return painted

    def find(self, plane: int, y: int, x: int) -> int | None:
        """Return which cell lies on a pixel of the field; None where none does or the pixel is outside."""
        height, width = self.field.shape
        if not (0 <= y < height and 0 <= x < width and 0 <= plane < self.field.planes):
            return None
        number = int(self.labels.window(plane, y, x, y + 1, x + 1)[0, 0, 0])
        found = np.flatnonzero((self.plane == plane) & (self.label == number) & (number > 0))
        return int(found[0]) if len(found) else None

    def offset(self, index: int) -> tuple[int, int]:
        """Return which pixel (y, x) of the field the first pixel of a crop is: what lays results back."""
        y0, x0, _, _ = self.crop[index].tolist()
        return y0, x0

    def boxes_in_field(self, index: int, boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return boxes (K, 4) of a crop (y0, x0, y1, x1, half open) as boxes of the field."""
        y, x = self.offset(index)
        return boxes + np.array([y, x, y, x], dtype=np.int64)

    def outline(self, index: int) -> npt.NDArray[np.bool_]:
        """Return (h, w) of a crop: where the cell itself is."""
        y0, x0, y1, x1 = self.crop[index].tolist()
        window = self.labels.window(int(self.plane[index]), y0, x0, y1, x1)[0]
        mask: npt.NDArray[np.bool_] = window == self.label[index]
        return mask

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """A text a cell that changes whenever its crop would, but not with its label number.

        What was computed for a cell holds for every cell with the same text.
        """
        texts = []
        for index, cell_id in enumerate(self.cells.ids):
            digest = hashlib.blake2b(f"{cell_id} {self.crop[index].tolist()}".encode(), digest_size=8)
            if self.settings.neighbours == "mask":
                y0, x0, y1, x1 = self.crop[index].tolist()
                window = self.labels.window(int(self.plane[index]), y0, x0, y1, x1)[0]
                others = (window > 0) & (window != self.label[index])
                if others.any():
                    digest.update(np.packbits(others).tobytes())
                    digest.update(repr(self._background.of(int(self.plane[index]))).encode())
            texts.append(digest.hexdigest())
        return tuple(texts)


@dataclass(frozen=True, eq=False)
class _Crops:
    """Gives the pixels of the cells of a field."""

    field: Field
    labels: Field
    settings: CropSettings
    plane: _Table
    label: _Table
    crop: _Table
    background: _Background

    @property
    def path(self) -> Path:
        return self.field.path

    def read(self, row: int) -> npt.NDArray[Any]:
        plane = int(self.plane[row])
        y0, x0, y1, x1 = self.crop[row].tolist()
        pixels = np.array(self.field.window(plane, y0, x0, y1, x1))
        if self.settings.neighbours == "mask":
            window = self.labels.window(plane, y0, x0, y1, x1)[0]
            others = (window > 0) & (window != self.label[row])
            if others.any():
                for channel, value in zip(pixels, self.background.of(plane), strict=True):
                    channel[others] = value
        return pixels

    def mask(self, row: int) -> npt.NDArray[np.bool_]:
        y0, x0, y1, x1 = self.crop[row]
        own: npt.NDArray[np.bool_] = (
            self.labels.plane(int(self.plane[row]))[0, y0:y1, x0:x1] == self.label[row]
        )
        return own


def cut_cells(
    field: Field,
    labels: Field,
    settings: CropSettings | None = None,
    *,
    planes: Sequence[int] | None = None,
    on_plane: Callable[[int, int], None] | None = None,
) -> FieldCells:
    """Cut the cells out of a field.

    The pixels are read when a cell is; labels are read here, a plane at a time, or a part of a large one.

    Parameters
    ----------
    field
        The image.
    labels
        Of one channel of whole numbers: 0 or less is background, every other number a cell of its plane. As
        many planes as the field; of a stack each plane's cells are cells of their own.
    settings
        As they are by default where not given.
    planes
        Which planes, from 0; all where not given.
    on_plane
        Called after each plane with the number of planes that are done, and of all.

    Returns
    -------
    FieldCells
        In the order of the planes, within a plane by the label number.

    Raises
    ------
    InputError
        When labels and field do not fit, or there is no cell.
    """
    settings = settings or CropSettings()
    check_labels(field, labels)
    wanted = list(range(field.planes) if planes is None else planes)
    found = []
    for done, plane in enumerate(wanted, start=1):
        found.append(_regions(labels, plane))
        if on_plane is not None:
            on_plane(done, len(wanted))
    plane_of, label, area, centroid, box = (
        np.concatenate([getattr(part, name) for part in found])
        for name in ("plane", "label", "area", "centroid", "box")
    )
    if not len(label):
        where = "" if field.planes == 1 else f" in {'these planes' if len(wanted) > 1 else 'this plane'}"
        raise InputError(f"The labels of {shown(field.name)} hold no cell{where}: every pixel is background.")
    crop = _crops(box, settings, field.shape)
    background = _Background(field, labels)
    source = _Crops(field, labels, settings, plane_of, label, crop, background)
    names = _KeysOfPlanes(field, plane_of, centroid, area)
    columns: dict[str, tuple[Any, ...]] = {"field": (field.name,) * len(label)}
    if field.planes > 1:
        columns["plane"] = tuple(plane_of.tolist())
    columns |= {
        "label": tuple(label.tolist()),
        "area": tuple(area.tolist()),
        "centroid_y": tuple(centroid[:, 0].round(2).tolist()),
        "centroid_x": tuple(centroid[:, 1].round(2).tolist()),
        "touches_edge": tuple(_touches_edge(box, field.shape).astype(int).tolist()),
    }
    files = [
        CellFile(
            source,
            1,
            len(field.channels),
            (int(y1 - y0), int(x1 - x0)),
            field.dtype,
            field.channels,
            first=row,
            name_of=names,
            pixel_size_um=field.pixel_size_um,
            axes=field.axes,
        )
        for row, (y0, x0, y1, x1) in enumerate(crop)
    ]
    cells = CellSet.from_files(
        files,
        channels=field.channels,
        modality=field.modality,
        columns=columns,
        unit=field.unit,
        phase=field.phase,
        file_channels=field.file_channels or None,
        known=field.known,
    )
    return FieldCells(cells, field, labels, settings, plane_of, label, area, centroid, box, crop, background)


def check_labels(field: Field, labels: Field) -> None:
    """Raise InputError unless the labels are instance labels that lie on the field."""
    if len(labels.channels) != 1:
        raise InputError(
            f"The labels {shown(labels.name)} have {len(labels.channels)} channels; give an image with one "
            f"number a pixel."
        )
    if labels.dtype.kind not in "ui":
        raise InputError(
            f"The labels {shown(labels.name)} are of type {labels.dtype}; give whole numbers, one for "
            f"each cell, 0 for background."
        )
    if labels.shape != field.shape or labels.planes != field.planes:
        raise InputError(
            f"The labels {shown(labels.name)} have {_size(labels)} and the field {shown(field.name)} has "
            f"{_size(field)}; give labels of the same size."
        )


@dataclass(frozen=True)
class _Regions:
    plane: _Table
    label: _Table
    area: _Table
    centroid: npt.NDArray[np.float64]
    box: _Table


def _regions(labels: Field, plane: int) -> _Regions:
    """Describe the cells of one plane, by label number."""
    parts = [_counted(band[0], top) for top, band in labels.bands(plane)]
    listed, area_of, sum_of, box_of = (np.concatenate(values) for values in zip(*parts, strict=True))
    numbers, which = np.unique(listed, return_inverse=True)
    count = len(numbers)
    area, total = np.zeros(count, np.int64), np.zeros((count, 2))
    np.add.at(area, which, area_of)
    np.add.at(total, which, sum_of)
    box = np.zeros((count, 4), np.int64)
    box[:, :2] = np.iinfo(np.int64).max
    np.minimum.at(box[:, :2], which, box_of[:, :2])
    np.maximum.at(box[:, 2:], which, box_of[:, 2:])
    centroid = total / np.maximum(area, 1)[:, None]
    return _Regions(np.full(count, plane, np.int64), numbers, area, centroid, box)


def _counted(labels: npt.NDArray[Any], top: int) -> tuple[_Table, _Table, npt.NDArray[np.float64], _Table]:
    """Return number, area, sum of y and x, and box of the labels of a band (h, W) that begins at `top`."""
    y, x = np.nonzero(labels > 0)
    numbers, which = np.unique(labels[y, x].astype(np.int64), return_inverse=True)
    count = len(numbers)
    y = y + top
    area = np.bincount(which, minlength=count).astype(np.int64)
    total = np.zeros((count, 2))
    for column, place in enumerate((y, x)):
        total[:, column] = np.bincount(which, weights=place, minlength=count)
    box = np.zeros((count, 4), np.int64)
    for column, place in enumerate((y, x)):
        low, high = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
        np.minimum.at(low, which, place)
        np.maximum.at(high, which, place)
        box[:, column], box[:, column + 2] = low, high + 1
    return numbers, area, total, box


def _crops(box: _Table, settings: CropSettings, shape: tuple[int, int]) -> _Table:
    """Return the square around each box, cut off at the border of the field: nothing is made up beyond it."""
    height, width = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    longer = np.maximum(height, width)
    if settings.side is None:
        # at least two pixels on each side: a cell of one pixel has no crop to speak of
        side = longer + 2 * np.maximum(np.ceil(settings.margin * longer).astype(np.int64), 2)
    else:
        side = np.full(len(box), settings.side, np.int64)
    crop = np.empty_like(box)
    for axis, length in enumerate(shape):
        start = (box[:, axis] + box[:, axis + 2] - side) // 2
        crop[:, axis] = np.clip(start, 0, max(length - 2, 0))
        crop[:, axis + 2] = np.clip(start + side, np.minimum(crop[:, axis] + 2, length), length)
    return crop


def _touches_edge(box: _Table, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    height, width = shape
    edge: npt.NDArray[np.bool_] = (
        (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == height) | (box[:, 3] == width)
    )
    return edge


class _KeysOfPlanes:
    """Names cells by `CellKey`; a plane is read when the first of its cells is asked for its name."""

    def __init__(self, field: Field, plane: _Table, centroid: npt.NDArray[np.float64], area: _Table) -> None:
        self._field, self._plane, self._centroid, self._area = field, plane, centroid, area
        self._fingerprints: dict[int, str] = {}

    def __call__(self, row: int) -> str:
        plane = int(self._plane[row])
        if plane not in self._fingerprints:
            self._fingerprints[plane] = self._field.fingerprint(plane)
        y, x = (round(float(place)) for place in self._centroid[row])
        return str(CellKey(self._fingerprints[plane], plane, y, x, int(self._area[row])))


def _size(field: Field) -> str:
    height, width = field.shape
    planes = f"{field.planes} planes of " if field.planes > 1 else ""
    return f"{planes}{height} x {width} pixels"
