"""Masks of what is known to lie where in a cell (nucleus, cytoplasm, granules), on the net's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import CellError, InputError
from sparseattn.explain.shortcuts import own_mask
from sparseattn.explain.units import unit_boxes, unit_shares

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

WHOLE_CELL = "cell"


@dataclass(frozen=True)
class Compartments:
    """Where compartments lie in n cells.

    Attributes
    ----------
    names
        The last is ``cell``: all compartments together.
    shares
        (n, compartments, G, G) float32: share of each unit that the compartment covers; NaN for a cell that
        has no mask.
    """

    names: tuple[str, ...]
    shares: NDArray[np.float32]

    @property
    def known(self) -> int:
        """Number of cells that have a mask."""
        return int(np.isfinite(self.shares[:, 0, 0, 0]).sum())

    def of(self, index: int) -> NDArray[np.float32] | None:
        """Return the (compartments, G, G) shares of one cell; None where it has no mask."""
        return self.shares[index] if np.isfinite(self.shares[index]).all() else None


@dataclass(frozen=True)
class OwnOutlines:
    """The outlines of cells alone, read or guessed one by one, when they are asked for.

    Attributes
    ----------
    classifier
        Whose grid they are laid on.
    cells
        Each with a mask of its own, or one that `own_mask` guesses.
    """

    classifier: Classifier
    cells: CellSet

    @property
    def names(self) -> tuple[str, ...]:
        """The one compartment."""
        return (WHOLE_CELL,)

    def of(self, index: int) -> NDArray[np.float32] | None:
        """Return the (1, G, G) share of each unit that the cell covers; None where it is not found."""
        mask = own_mask(self.cells, index)
        if mask is None:
            return None
        unit = self.classifier.net.config.cell_size
        pixel_size = self.cells.pixel_sizes_um[index]
        return unit_shares(mask, unit_boxes(self.classifier.prepare, mask.shape, pixel_size, unit))[None]


def read_compartments(
    classifier: Classifier, cells: CellSet, folder: Path, names: Mapping[int, str]
) -> Compartments:
    """Read a mask for each cell from a folder of label images.

    A mask belongs to the cell whose file has the same name, whatever its ending; where the masks lie in
    subfolders, the subfolder's name must be the same too. 0 is background.

    Parameters
    ----------
    classifier : Classifier
        Whose grid the masks are laid on.
    cells : CellSet
        Each from a file of its own.
    folder : Path
        Of the masks.
    names : mapping of int to str
        What the values in the masks mean.

    Raises
    ------
    InputError
        If no cell has a mask, a mask is of another shape than its cell, or holds a value without a name.
    """
    from sparseattn.cells import open_cells

    masks = open_cells(folder, subfolders="classes", channel_names=("mask",))
    folders = bool(masks.classes)
    place = {_key(masks.origin(row).path, folders): row for row in range(len(masks))}
    unit = classifier.net.config.cell_size
    units = classifier.net.config.units
    shares = np.full((len(cells), len(names) + 1, units, units), np.nan, dtype=np.float32)
    for index in range(len(cells)):
        row = place.get(_key(cells.origin(index).path, folders))
        if row is None:
            continue
        try:
            labels = masks.read(row)[0]
        except CellError as error:
            raise InputError(f"the mask {masks.origin(row)} cannot be read: {error}") from None
        shape = cells.shapes[index]
        if labels.shape != shape:
            raise InputError(
                f"the mask {masks.origin(row)} has {labels.shape[0]} x {labels.shape[1]} pixels and its cell "
                f"{shape[0]} x {shape[1]}; give masks of the same size"
            )
        unknown = sorted(set(np.unique(labels).tolist()) - {0, *names})
        if unknown:
            raise InputError(
                f"the mask {masks.origin(row)} holds the value {unknown[0]}, which has no name; name it with "
                f"--mask-names {unknown[0]}=nucleus"
            )
        boxes = unit_boxes(classifier.prepare, shape, cells.pixel_sizes_um[index], unit)
        for which, value in enumerate(names):
            shares[index, which] = unit_shares(labels == value, boxes)
        shares[index, -1] = unit_shares(labels != 0, boxes)
    found = Compartments((*names.values(), WHOLE_CELL), shares)
    if not found.known:
        raise InputError(f"no file of {folder} is named like a cell; give the folder of their masks")
    return found


def _key(path: Path, folders: bool) -> tuple[str, ...]:
    return (path.parent.name, path.stem) if folders else (path.stem,)
