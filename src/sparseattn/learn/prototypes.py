"""A few training cells kept in the model: fine-tuning rehearses the classes that it gets no new cells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparseattn.errors import InputError


@dataclass(frozen=True)
class Prototypes:
    """Prepared cells, 8 bits a value.

    Sixteen cells a class of 3 x 64 x 64 take 192 KB a class; a model that must stay small keeps none.

    Attributes
    ----------
    images : ndarray
        (n, C, S, S) uint8.
    labels : ndarray
        (n,) int64, index of each cell's class.
    low, step : ndarray
        (C,) float32: a standardised value is low + step * image.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    low: NDArray[np.float32]
    step: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other: they may come from a file."""
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise InputError("the stored prototypes and their labels do not fit each other")
        if not self.low.shape == self.step.shape == self.images.shape[1:2]:
            raise InputError("the stored prototypes and their scale do not fit each other")

    def __len__(self) -> int:
        """Return how many cells are kept."""
        return len(self.labels)

    @classmethod
    def none(cls, channels: int, size: int) -> Self:
        """Return an empty store for images of (channels, size, size)."""
        return cls(
            np.zeros((0, channels, size, size), np.uint8),
            np.zeros(0, np.int64),
            np.zeros(channels, np.float32),
            np.zeros(channels, np.float32),
        )

    def shows(self, classes: Sequence[str]) -> set[str]:
        """Return those of the model's classes that a cell is kept of."""
        return {classes[number] for number in set(self.labels.tolist())}

    def decode(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the standardised images, (n, C, S, S) float32 and right to half a step, and the labels."""
        return self.images * self.step[:, None, None] + self.low[:, None, None], self.labels


def choose_prototypes(
    images: NDArray[np.float32],
    labels: ArrayLike,
    features: ArrayLike,
    rows: NDArray[np.integer] | None = None,
    count: int = 16,
) -> Prototypes:
    """Choose cells of each class that together stand for it.

    Herding (Welling 2009, "Herding dynamical weights to learn"; as in iCaRL, Rebuffi et al. 2017): one cell
    after another, the one that brings the mean feature of the chosen nearest to that of the class.

    Parameters
    ----------
    images : ndarray
        (n, C, S, S) float32, standardised; may be a memory map.
    labels : array_like
        (n,) integers.
    features : array_like
        (n, D) of the net.
    rows : ndarray, optional
        Of the cells that may be chosen, the training cells; all where it is not given.
    count : int
        Cells a class; 0 for none.
    """
    known = np.asarray(labels, dtype=np.int64)
    places = np.asarray(features, dtype=np.float64)
    candidates = np.arange(len(known)) if rows is None else rows
    chosen: list[int] = []
    for label in np.unique(known[candidates]):
        members = candidates[known[candidates] == label]
        chosen.extend(members[_herd(places[members], min(count, len(members)))])
    if not chosen:
        return Prototypes.none(images.shape[1], images.shape[2])
    kept = np.stack([images[index] for index in chosen])
    low, high = kept.min(axis=(0, 2, 3)), kept.max(axis=(0, 2, 3))
    step = ((high - low) / 255).astype(np.float32)
    scaled = (kept - low[:, None, None]) / np.where(step > 0, step, 1)[:, None, None]
    quantised = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return Prototypes(quantised, known[chosen], low.astype(np.float32), step)


def _herd(features: NDArray[np.float64], count: int) -> list[int]:
    mean = features.mean(axis=0)
    total = np.zeros_like(mean)
    free = np.ones(len(features), dtype=bool)
    chosen: list[int] = []
    for step in range(1, count + 1):
        error = np.square((total + features) / step - mean).sum(axis=1)
        best = int(np.argmin(np.where(free, error, np.inf)))
        chosen.append(best)
        free[best] = False
        total += features[best]
    return chosen
