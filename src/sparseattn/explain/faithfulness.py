"""Whether the pixels that an explanation names are those that the net needs: take them away, or all others.

What is asked is any net, so these tests serve other nets' maps as well. Pixels are removed from the image
itself, before any part of the net has seen it: for this net before the coarse stage, which chooses anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.rankings import ranks

Floats = NDArray[np.float32]
Ask = Callable[[Floats], Floats]
"""Probabilities (n, classes) of images (n, C, S, S)."""

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Of the pixels that are removed or put in: dense where little is gone, since there curves differ."""


@dataclass(frozen=True)
class RemovalCurves:
    """What a net answers while pixels are removed, and while they are put into an empty image.

    Attributes
    ----------
    shares
        (P,) of all pixels, from 0 to 1.
    deletion, insertion
        (N, P) float32: probability of the class that the whole cell was given, with the first pixels removed,
        and with them alone ("deletion" and "insertion" of Petsiuk, Das and Saenko 2018, "RISE").
    same
        (N, P) bool: whether the answer is still that class, with the first pixels removed.
    """

    shares: NDArray[np.float64]
    deletion: Floats
    insertion: Floats
    same: NDArray[np.bool_]

    @property
    def deletion_area(self) -> NDArray[np.float64]:
        """(N,) area under the curve of deletion, 0 to 1: the lower, the better."""
        return np.asarray(np.trapezoid(self.deletion, self.shares, axis=1))

    @property
    def insertion_area(self) -> NDArray[np.float64]:
        """(N,) area under the curve of insertion, 0 to 1: the higher, the better."""
        return np.asarray(np.trapezoid(self.insertion, self.shares, axis=1))

    @property
    def flipped_at(self) -> NDArray[np.float64]:
        """(N,) share of units after whose removal the class first changes; 1 where it never does."""
        changed = ~self.same
        first = np.where(changed.any(axis=1), changed.argmax(axis=1), len(self.shares) - 1)
        return self.shares[first]


@dataclass(frozen=True)
class Kept:
    """What a net answers when it is left a few pixels alone, or all but these.

    Attributes
    ----------
    pixels
        (N,) int64: how many.
    answered
        (N,) int64: class from the kept pixels alone.
    sufficiency
        (N,) float32: probability of the whole cell's class, less that from the kept pixels alone: near 0
        where they suffice (DeYoung et al. 2020, "ERASER").
    comprehensiveness
        (N,) float32: the same, less that of all but these pixels: high where nothing else can stand in.
    same
        (N,) bool: whether the class from the kept pixels alone is that of the whole cell.
    """

    pixels: NDArray[np.int64]
    answered: NDArray[np.int64]
    sufficiency: Floats
    comprehensiveness: Floats
    same: NDArray[np.bool_]


def removal_curves(
    ask: Ask, images: Floats, arrival: NDArray[np.int64], fill: Floats, shares: Sequence[float] = SHARES
) -> RemovalCurves:
    """Remove pixels in the order in which they come in, and put them in in the same order.

    Parameters
    ----------
    ask : callable
        The net.
    images, fill : ndarray
        (N, C, S, S) float32: the cells, and what stands in for removed pixels.
    arrival : ndarray
        (N, S, S): when each pixel comes in, the lowest first, as `arrivals` gives it.
    shares : sequence of float
        Ascending, from 0 to 1.
    """
    which = ask(images).argmax(axis=1)
    place = _places(arrival)
    pixels = arrival[0].size
    deletion, insertion, same = [], [], []
    for share in shares:
        first = (place < round(share * pixels))[:, None]
        without = ask(np.where(first, fill, images))
        deletion.append(_of(without, which))
        same.append(without.argmax(axis=1) == which)
        insertion.append(_of(ask(np.where(first, images, fill)), which))
    return RemovalCurves(
        np.array(shares, dtype=np.float64),
        np.stack(deletion, axis=1),
        np.stack(insertion, axis=1),
        np.stack(same, axis=1),
    )


def keep_only(
    ask: Ask, images: Floats, arrival: NDArray[np.int64], pixels: NDArray[np.int64], fill: Floats
) -> Kept:
    """Leave a net the first pixels alone, and all but these.

    Parameters
    ----------
    ask : callable
        The net.
    images, fill : ndarray
        (N, C, S, S) float32: the cells, and what stands in for the pixels that are taken away.
    arrival : ndarray
        (N, S, S): when each pixel comes in, the lowest first, as `arrivals` gives it.
    pixels : ndarray
        (N,) int64: how many to keep of each cell.
    """
    mask = (_places(arrival) < pixels[:, None, None])[:, None]
    whole = ask(images)
    which = whole.argmax(axis=1)
    alone = ask(np.where(mask, images, fill))
    others = ask(np.where(mask, fill, images))
    before = _of(whole, which)
    return Kept(
        pixels,
        alone.argmax(axis=1),
        before - _of(alone, which),
        before - _of(others, which),
        alone.argmax(axis=1) == which,
    )


def arrivals(scores: Floats, size: int, margin: int) -> NDArray[np.int64]:
    """Return when each pixel is read as units are selected from the highest score to the lowest.

    Parameters
    ----------
    scores : ndarray
        (N, G, G) float32, one a unit.
    size : int
        Side of the image in pixels.
    margin : int
        Pixels by which the window of a unit reaches beyond it.

    Returns
    -------
    ndarray
        (N, size, size) int64: the place in the ranking of the first unit whose window holds the pixel.
    """
    from scipy.ndimage import minimum_filter

    places = _to_pixels(ranks(scores), size)
    if margin == 0:
        return places
    reach = 2 * margin + 1
    earliest: NDArray[np.int64] = minimum_filter(places, size=(1, reach, reach), mode="nearest")
    return earliest


def fewest_sufficient(
    ask: Ask,
    images: Floats,
    arrival: NDArray[np.int64],
    counts: Sequence[int],
    fills: Sequence[Floats],
) -> NDArray[np.int64]:
    """Return the fewest units whose pixels alone keep the class, by every fill-in.

    From the largest count downwards the class must stay at every step; a smaller count at which it happens to
    come back does not count.

    Parameters
    ----------
    ask, images, arrival
        As of `keep_only`; ``arrival`` counts units.
    counts : sequence of int
        Ascending numbers of units.
    fills : sequence of ndarray
        (N, C, S, S) each.

    Returns
    -------
    ndarray
        (N,) int64: one of ``counts``; 0 where even the largest does not suffice.
    """
    which = ask(images).argmax(axis=1)
    fewest = np.zeros(len(images), dtype=np.int64)
    going = np.arange(len(images))
    for count in reversed(counts):
        mask = (arrival[going] < count)[:, None]
        for fill in fills:
            if not len(going):
                break
            stays = ask(np.where(mask, images[going], fill[going])).argmax(axis=1) == which[going]
            going, mask = going[stays], mask[stays]
        fewest[going] = count
    return fewest


def _places(arrival: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each pixel: (N, S, S), 0 the first; what comes in together, row by row."""
    order = arrival.reshape(len(arrival), -1).argsort(axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(order.shape[1])[None], axis=1)
    return places.reshape(arrival.shape)


def _to_pixels(units: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    repeat = size // units.shape[-1]
    return units.repeat(repeat, axis=1).repeat(repeat, axis=2)


def _of(probabilities: Floats, which: NDArray[np.int64]) -> Floats:
    return probabilities[np.arange(len(which)), which]
