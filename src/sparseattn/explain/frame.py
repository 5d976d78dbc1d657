"""Does the model go by the frame of the pictures: cells get the frame of other cells, and are asked anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells.spread_rows import spread_rows
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

MOST_CELLS = 40
"""Cells that are answered each class which are looked at."""

_FEWEST = 8
_ALARM = 0.25
_ERRORS = 4


@dataclass(frozen=True)
class FrameFollowing:
    """How often cells are given a class because of the frame of their pictures.

    Attributes
    ----------
    classes
        The model's.
    asked
        (classes,) int64: cells that are answered another class, and got the frame of a picture of this one.
    followed
        (classes,) float32: share of these that are then answered this class; NaN where none was asked.
    control
        (classes,) float32: share of cells of another class that are answered this one with the frame of yet
        another class.
    """

    classes: tuple[str, ...]
    asked: NDArray[np.int64]
    followed: NDArray[np.float32]
    control: NDArray[np.float32]

    @property
    def named(self) -> tuple[int, ...]:
        """Classes of which the frame decides: a quarter more cells follow it than without, the most first."""
        beyond = self.followed - self.control
        error = np.sqrt(0.25 / np.maximum(self.asked, 1))
        rows = np.flatnonzero((beyond >= _ALARM) & (beyond >= _ERRORS * error))
        return tuple(int(row) for row in rows[np.argsort(-beyond[rows], kind="stable")])

    @property
    def warnings(self) -> tuple[str, ...]:
        """One plain sentence for each of these classes."""
        return tuple(
            f"The model goes by the frame of the pictures: {100 * self.followed[row]:.0f} % of other cells "
            f"are called {self.classes[row]} once they have the frame of one, "
            f"{100 * self.control[row]:.0f} % with the frame of another class: it may have learned a mark, "
            "the ground or the focus there."
            for row in self.named
        )


def follows_the_frame(
    classifier: Classifier,
    cells: CellSet,
    *,
    k: int | None = None,
    most: int = MOST_CELLS,
    seed: int = 0,
    force: bool = False,
) -> FrameFollowing:
    """Give cells the outermost eighth, on each side, of pictures of other classes, and ask the model anew.

    A model that looks at the cells stays with its answer. Nothing is filled in: the frames are those of real
    pictures.

    Parameters
    ----------
    classifier : Classifier
        The model.
    cells : CellSet
        Cells, with or without known classes; those that cannot be read are left out.
    k : int, optional
        Pixels of the net's grid to select; the learned k where it is not given.
    most : int
        Cells that are answered each class.
    seed : int
        Of which picture lends its frame.
    force : bool
        See `Classifier.admit`.

    Raises
    ------
    InputError
        If the model was not made for such cells, or none can be read.
    """
    cells = classifier.admit(cells, force=force).cells
    parts = [batch.images for batch in classifier.prepare.batches(cells)]
    if not parts:
        raise InputError(f"none of the {len(cells)} cells can be read")
    images = np.concatenate(parts)
    ask = classifier.asker(k, images=len(images) * (len(classifier.classes) + 1))
    answered = ask(images).argmax(axis=1)
    chosen = np.sort(
        np.concatenate(
            [spread_rows(np.flatnonzero(answered == row), most) for row in range(len(classifier.classes))]
        )
    )
    images, answered = images[chosen], answered[chosen]
    random = np.random.default_rng(seed)
    count = len(classifier.classes)
    asked = np.zeros(count, np.int64)
    followed, control = np.full(count, np.nan, np.float32), np.full(count, np.nan, np.float32)
    strangers = _strangers(answered, random)
    changed = ask(_with_frames(images, images[strangers])).argmax(axis=1)
    lenders = answered[strangers]
    for row in range(count):
        donors, others = np.flatnonzero(answered == row), np.flatnonzero(answered != row)
        if len(donors) < _FEWEST or len(others) < _FEWEST:
            continue
        framed = _with_frames(images[others], images[random.choice(donors, len(others))])
        asked[row] = len(others)
        followed[row] = (ask(framed).argmax(axis=1) == row).mean()
        apart = (answered != row) & (lenders != row) & (lenders != answered)
        control[row] = (changed[apart] == row).mean() if apart.any() else 0.0
    return FrameFollowing(classifier.classes, asked, followed, control)


def _strangers(answered: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return for each cell one that is answered another class; itself where there is none."""
    lenders = np.arange(len(answered))
    for row in np.unique(answered):
        others = np.flatnonzero(answered != row)
        own = np.flatnonzero(answered == row)
        if len(others):
            lenders[own] = random.choice(others, len(own))
    return lenders


def _with_frames(images: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images (n, C, S, S) with the frames of as many others."""
    margin = max(1, images.shape[-1] // 8)
    inside = slice(margin, -margin)
    framed = others.copy()
    framed[:, :, inside, inside] = images[:, :, inside, inside]
    return framed
