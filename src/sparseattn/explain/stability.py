"""Whether an explanation stays when the cell hardly changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = Callable[[Floats], NDArray[np.bool_]]
"""Which pixels (n, S, S) an explanation names in images (n, C, S, S)."""

NOISE = 0.1
"""Standard deviations of the training cells."""
SHIFTS = ((0, 1), (1, 0), (0, 2), (2, 0))
"""Pixels of the net's grid, down and across."""


@dataclass(frozen=True)
class Stability:
    """Jaccard index of the named pixels of a cell and of its changed copy, (N,) float32 each.

    Attributes
    ----------
    noise
        With noise of 0.1 standard deviations added.
    shift
        Moved by one and by two pixels, and moved back; mean over the moves.
    """

    noise: Floats
    shift: Floats


def stability(mask: Mask, images: Floats, *, seed: int = 0) -> Stability:
    """Explain cells and slightly changed copies of them.

    Parameters
    ----------
    mask : callable
        The explanation.
    images : ndarray
        (N, C, S, S) float32, standardised.
    seed : int
        Of the noise.
    """
    whole = mask(images)
    noisy = images + NOISE * np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    moved = [jaccard(*_common(whole, mask(copy), move)) for move, copy in _moved(images)]
    return Stability(jaccard(whole, mask(noisy)), np.mean(moved, axis=0, dtype=np.float32))


def jaccard(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Floats:
    """Return (N,) shared part of what two sets of masks (N, S, S) cover; 1 where both are empty."""
    both = (one & other).sum(axis=(1, 2))
    either = (one | other).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), 1).astype(np.float32)


def _moved(images: Floats) -> Iterator[tuple[tuple[int, int], Floats]]:
    size = images.shape[-1]
    for down, across in SHIFTS:
        padded = np.pad(images, ((0, 0), (0, 0), (down, 0), (across, 0)), mode="edge")
        yield (down, across), padded[:, :, :size, :size]


def _common(
    whole: NDArray[np.bool_], moved: NDArray[np.bool_], move: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return both masks where both images show the same part of the cell."""
    down, across = move
    size = whole.shape[-1]
    return whole[:, : size - down, : size - across], moved[:, down:, across:]
