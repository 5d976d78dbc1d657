"""Whether a model was made for cells like these: what differs, what may be forced, and what is then done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from sparseattn.cells import CellSet, Modality, Prepare
from sparseattn.errors import InputError

FARTHEST_FIELD = 1.3
"""Of images that are resized to the grid: by which factor their field of view may differ from the training
cells' before they are refused. On stained_pbc balanced accuracy fell by 4 to 9 points at 1.25, by 21 to 29 at
1.5 (`benchmarks/magnification.py`)."""

LARGEST_ENLARGEMENT = 2.0
"""Of images whose scale is kept: by which factor they may be enlarged before they are refused. On stained_pbc
nothing was lost at 2, 11 to 13 points at 4."""

_SAME = 1.001
"""Pixel sizes that differ by less are the same."""


@dataclass(frozen=True)
class Mismatch:
    """In what cells differ from those that a model was made for.

    Attributes
    ----------
    what
        The fact that differs.
    sentence
        What differs, without a full stop.
    way_out
        What to do.
    when_forced
        What is done with such cells all the same; None where nothing can be.
    """

    what: Literal["channels", "modality", "pixel size", "events"]
    sentence: str
    way_out: str
    when_forced: str | None = None

    @property
    def can_be_forced(self) -> bool:
        """Whether such cells can be used all the same."""
        return self.when_forced is not None

    def __str__(self) -> str:
        force = " (or --force)" if self.can_be_forced else ""
        return f"{self.sentence}; {self.way_out}{force}"


@dataclass(frozen=True)
class Admitted:
    """Cells that a model may be asked about.

    Attributes
    ----------
    cells
        With the names of channels that the model knows.
    notes
        A sentence for all that a reader of the results must know: what was forced, and what was rescaled.
    """

    cells: CellSet
    notes: tuple[str, ...]


def mismatches(prepare: Prepare, modality: Modality, cells: CellSet) -> tuple[Mismatch, ...]:
    """Return in what cells differ from those that a model was made for.

    What nobody knows, of the cells or of the model, is no difference, but for the pixel size that a grid of
    fixed size in the sample needs.
    """
    events = _events(prepare, cells)
    found = (
        _channels(prepare, cells) if events is None else None,  # other images of events have other channels
        _modality(modality, cells),
        _pixel_size(prepare, cells),
        events,
    )
    return tuple(one for one in found if one is not None)


def admit(prepare: Prepare, modality: Modality, cells: CellSet, *, force: bool = False) -> Admitted:
    """Return cells as a model may be asked about them.

    Raises
    ------
    InputError
        Where they differ from those that it was made for, and that is not forced or cannot be.
    """
    notes = []
    for one in mismatches(prepare, modality, cells):
        if not (force and one.can_be_forced):
            raise InputError(str(one))
        notes.append(f"{one.sentence}; forced: {one.when_forced}")
        if one.what == "channels":
            cells = cells.with_channels(prepare.channels)
    rescaled = _rescaled(prepare, cells)
    return Admitted(cells, tuple(notes if rescaled is None else [*notes, rescaled]))


def _channels(prepare: Prepare, cells: CellSet) -> Mismatch | None:
    missing = [name for name in prepare.channels if name not in cells.channels]
    if not missing:
        return None
    free = next((name for name in cells.channels if name not in prepare.channels), "NAME")
    by_position = len(cells.channels) == len(prepare.channels)
    return Mismatch(
        "channels",
        f"the cells have the channels {', '.join(cells.channels)} and lack {', '.join(missing)}, which the "
        "model was made for",
        f"give cells of the same kind, or name their channels (--channel-names '{free}={missing[0]}')",
        f"they are taken for {', '.join(prepare.channels)} in their order" if by_position else None,
    )


def _modality(modality: Modality, cells: CellSet) -> Mismatch | None:
    if cells.modality == modality or "unknown" in (cells.modality, modality):
        return None
    return Mismatch(
        "modality",
        f"the cells are {cells.modality} images and the model was made for {modality}",
        f"give a model for them, or say the right modality (--modality {modality})",
        "the answers may mean nothing",
    )


def _events(prepare: Prepare, cells: CellSet) -> Mismatch | None:
    if prepare.events is None or cells.events is None or prepare.events == cells.events:
        return None
    return Mismatch(
        "events",
        "the events of the cells were made into images otherwise than the model knows them",
        "open the recordings with the model's own settings of events",
    )


def _pixel_size(prepare: Prepare, cells: CellSet) -> Mismatch | None:
    sizes = [size for size in cells.pixel_sizes_um if size is not None]
    unknown = len(cells) - len(sizes)
    if prepare.grid_pixel_um is not None and unknown:
        taken = prepare.pixel_size_um or prepare.grid_pixel_um
        return Mismatch(
            "pixel size",
            f"the pixel size of {unknown} of {len(cells)} cells is not known, and the model's grid has a "
            f"fixed size in the sample ({prepare.grid_pixel_um:g} µm a pixel)",
            "give it by --pixel-size, such as 0.2um",
            f"it is taken for {taken:g} µm",
        )
    if not sizes:
        return None
    if prepare.policy == "resize":
        return _field_of_view(prepare, cells)
    if prepare.pixel_size_um is None:
        return None
    wanted = max(prepare.grid_pixel_um or 0, prepare.pixel_size_um)
    if max(sizes) <= wanted * LARGEST_ENLARGEMENT * _SAME:
        return None
    return Mismatch(
        "pixel size",
        f"the cells have {max(sizes):g} µm a pixel and the model sees {wanted:g}: they would be enlarged "
        f"{max(sizes) / wanted:.2g} times and lack what it looks for",
        "give a model for them, or say the right pixel size (--pixel-size)",
        "they are enlarged",
    )


def _field_of_view(prepare: Prepare, cells: CellSet) -> Mismatch | None:
    if prepare.field_um is None:
        return None
    fields = [
        max(shape) * size
        for shape, size in zip(cells.shapes, cells.pixel_sizes_um, strict=True)
        if size is not None
    ]
    low, high = prepare.field_um
    field = median(fields)
    ratio = field / min(max(field, low), high)
    if 1 / FARTHEST_FIELD <= ratio <= FARTHEST_FIELD:
        return None
    usual = f"{low:.3g}" if _same(low, high) else f"{low:.3g} to {high:.3g}"
    looks = f"{ratio:.2g} times smaller" if ratio > 1 else f"{1 / ratio:.2g} times larger"
    return Mismatch(
        "pixel size",
        f"the images show {field:.3g} µm of the sample and those that the model was made for "
        f"{usual} µm, so that cells look {looks} to it",
        "cut the cells out as for training, say the right pixel size (--pixel-size), or train with "
        "--grid-pixel",
        "they are resized all the same",
    )


def _rescaled(prepare: Prepare, cells: CellSet) -> str | None:
    known = prepare.pixel_size_um
    if prepare.policy != "crop" or known is None:
        return None
    others = sorted({size for size in cells.pixel_sizes_um if size is not None and not _same(size, known)})
    if not others:
        return None
    return (
        f"cells of {_listed(others)} µm a pixel are rescaled to {prepare.grid_pixel_um or known:g}; the "
        f"training cells had {known:g}"
    )


def _same(one: float, two: float) -> bool:
    return max(one, two) <= min(one, two) * _SAME


def _listed(sizes: Sequence[float]) -> str:
    return f"{sizes[0]:g}" if len(sizes) == 1 else f"{sizes[0]:g} to {sizes[-1]:g}"
