"""What a run trains on: prepared images, coded labels, and which rows teach or judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.cells import CellSet, Prepare, Skipped
from sparseattn.cells.fitting import fit_prepare
from sparseattn.errors import InputError
from sparseattn.learn.split import Split, make_split
from sparseattn.names import check_names

if TYPE_CHECKING:
    from typing import Literal

    from sparseattn.classifier import Classifier

_FAR_MEAN, _FAR_SCALE = 1.0, 2.0
"""Cells of one stain differ by less, whichever classes are labelled: in deviations, and as a factor."""


@dataclass(frozen=True)
class TrainingData:
    """Cells as a run sees them.

    Attributes
    ----------
    images : ndarray
        (N, C, S, S) float32, standardised; may be a memory map.
    labels : Tensor
        (N,) int64 into ``classes``.
    train, validation : ndarray
        Rows of ``images``.
    rehearsed : int
        How many of the rows, the last ones, come from an earlier model's prototypes.
    fingerprint : str
        Hash of the cells' ids and labels.
    """

    images: NDArray[np.float32]
    labels: Tensor
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    classes: tuple[str, ...]
    prepare: Prepare
    split: Split
    skipped: tuple[Skipped, ...]
    fingerprint: str
    rehearsed: int = 0


def labelled(cells: CellSet) -> CellSet:
    """Return the cells that have a label.

    Raises
    ------
    InputError
        If none has.
    """
    rows = [row for row, label in enumerate(cells.labels) if label is not None]
    if not rows:
        raise InputError(
            "no cell has a class; give class folders, or a labels CSV with the columns id and class"
        )
    return cells if len(rows) == len(cells) else cells.subset(rows)


def gather(
    cells: CellSet,
    *,
    channels: Sequence[str | int] | None,
    size: int,
    policy: Literal["resize", "crop"] | None,
    grid_pixel_um: float | None,
    split: Split | None,
    validation: float,
    strict: bool,
) -> TrainingData:
    """Split the cells, and fit the preparation on the training side."""
    cells = labelled(cells)
    check_names(cells.classes, "class")
    split = make_split(cells, validation=validation, known=split)
    train = split.indices(cells.ids, "train")
    prepare, prepared = fit_prepare(
        cells,
        train,
        channels=channels,
        size=size,
        policy=policy,
        grid_pixel_um=grid_pixel_um,
        strict=strict,
    )
    kept = cells.subset(prepared.indices)
    classes = cells.classes
    return _checked(
        TrainingData(
            prepared.images,
            code(kept.labels, classes),
            split.indices(kept.ids, "train"),
            split.indices(kept.ids, "validation"),
            classes,
            prepare,
            split,
            prepared.skipped,
            fingerprint(kept),
        )
    )


def gather_for(
    start: Classifier,
    cells: CellSet,
    *,
    split: Split | None,
    validation: float,
    strict: bool,
    force: bool = False,
) -> TrainingData:
    """Prepare new cells as a trained model does, and add its prototypes so that nothing is forgotten.

    Where the new cells are plainly of another stain or camera the channels' mean and deviation become
    theirs, for the prototypes too: what that costs the model on its earlier cells is seen and reported.
    The model's split is kept: a cell that it was judged by never teaches it later.

    Raises
    ------
    InputError
        If a class of the model would be forgotten: neither a prototype nor a new cell is of it.
    """
    cells = labelled(cells)
    check_names(cells.classes, "class")
    cells = start.admit(cells, force=force).cells
    shown = start.prototypes.shows(start.classes) | set(cells.classes)
    if unseen := [name for name in start.classes if name not in shown]:
        raise InputError(
            f"the model keeps no cells to rehearse, and none of the new cells is of its class {unseen[0]!r}, "
            "which it would forget; add cells of it, or train a new model"
        )
    classes = start.classes + tuple(name for name in cells.classes if name not in start.classes)
    known = split or start.split
    split = make_split(cells, validation=validation, known=known, taught=start.classes)
    skipped: list[Skipped] = []
    batches = list(start.prepare.batches(cells, strict=strict, on_skip=skipped.append))
    rows = np.concatenate([np.empty(0, np.int64), *(batch.indices for batch in batches)])
    kept = cells.subset(rows)
    new = np.concatenate([batch.images for batch in batches]) if batches else np.empty(0, np.float32)
    images, coded = start.prototypes.decode()
    train = split.indices(kept.ids, "train")
    prepare = start.prepare
    if len(set(kept.subset(train).labels)) > 1 and (found := _another_stain(new[train])) is not None:
        prepare = _prepared_for(start.prepare, *found)
        new, images = (
            restandardise(new, start.prepare, prepare),
            restandardise(images, start.prepare, prepare),
        )
    stored = np.arange(len(rows), len(rows) + len(images))
    # Every fourth prototype of a class only judges: what is forgotten shows where nothing is rehearsed.
    earlier = [np.count_nonzero(coded[:number] == coded[number]) for number in range(len(coded))]
    judges = np.array([count % 4 == 3 for count in earlier], dtype=bool)
    return _checked(
        TrainingData(
            np.concatenate([new, images]) if len(new) else images,
            torch.cat([code(kept.labels, classes), torch.from_numpy(coded)]),
            np.concatenate([train, stored[~judges]]),
            np.concatenate([split.indices(kept.ids, "validation"), stored[judges]]),
            classes,
            prepare,
            split,
            tuple(skipped),
            fingerprint(kept),
            len(images),
        )
    )


def restandardise(images: NDArray[np.float32], before: Prepare, after: Prepare) -> NDArray[np.float32]:
    """Return (N, C, S, S) images standardised by one preparation as another would; padding stays 0."""
    scale = np.array(before.std) / np.array(after.std)
    shift = (np.array(before.mean) - np.array(after.mean)) / np.array(after.std)
    padding = (images == 0).all(axis=1, keepdims=True)
    moved = images * scale[:, None, None] + shift[:, None, None]
    return np.where(padding, 0, moved).astype(np.float32)


def _another_stain(
    images: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return each channel's mean and deviation where they are far from 0 and 1, else None."""
    pixels = np.moveaxis(images, 1, 0).astype(np.float64).reshape(images.shape[1], -1)
    pixels = pixels[:, (pixels != 0).any(axis=0)]
    mean, std = pixels.mean(axis=1), pixels.std(axis=1)
    if not (std > 0).all():
        return None
    far = (np.abs(mean) > _FAR_MEAN) | (np.abs(np.log(std)) > np.log(_FAR_SCALE))
    return (mean, std) if far.any() else None


def _prepared_for(prepare: Prepare, mean: NDArray[np.float64], std: NDArray[np.float64]) -> Prepare:
    """Return the preparation after which cells of this mean and deviation have 0 and 1."""
    centre, spread = np.array(prepare.mean), np.array(prepare.std)
    return replace(prepare, mean=tuple((centre + spread * mean).tolist()), std=tuple((spread * std).tolist()))


def code(labels: Sequence[str | None], classes: Sequence[str]) -> Tensor:
    """Return labels as (N,) int64 positions in ``classes``."""
    position = {name: number for number, name in enumerate(classes)}
    return torch.tensor([position[label] for label in labels if label is not None], dtype=torch.int64)


def fingerprint(cells: CellSet) -> str:
    """Return a hash of the cells' ids and labels, whatever their order."""
    digest = hashlib.blake2b(digest_size=16)
    for pair in sorted(zip(cells.ids, map(str, cells.labels), strict=True)):
        digest.update(repr(pair).encode())
    return digest.hexdigest()


def _checked(data: TrainingData) -> TrainingData:
    present = set(data.labels[torch.from_numpy(data.train)].tolist())
    missing = [name for number, name in enumerate(data.classes) if number not in present]
    if missing:
        raise InputError(f"no readable training image is left of class {missing[0]!r}; add images of it")
    if len(data.validation) == 0:
        raise InputError("no readable image is left to validate with; add images")
    return data
