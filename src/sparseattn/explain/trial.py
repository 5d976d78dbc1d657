"""Every test of one way to explain a net."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.compartments import Compartments
from sparseattn.explain.faithfulness import (
    Ask,
    Kept,
    RemovalCurves,
    arrivals,
    fewest_sufficient,
    keep_only,
    removal_curves,
)
from sparseattn.explain.localisation import Localisation, localise
from sparseattn.explain.rankings import Ranking
from sparseattn.explain.stability import Stability, stability
from sparseattn.fills import Fill

Floats = NDArray[np.float32]

_FEWEST_STEPS = 16


@dataclass(frozen=True)
class MethodScores:
    """Every test of one way to explain; arrays have an entry a cell.

    Attributes
    ----------
    seconds
        Time to explain a cell, classifying it included.
    curves, kept
        By fill-in; ``kept`` for each of the numbers of pixels that were tested.
    fewest
        (N,) int64: fewest selected pixels that suffice by every fill-in; 0 where k does not suffice.
    stability
        Of the pixels that are read for the first k in the ranking.
    places
        By compartment.
    """

    seconds: float
    curves: Mapping[Fill, RemovalCurves]
    kept: Mapping[Fill, Sequence[Kept]]
    fewest: NDArray[np.int64]
    stability: Stability
    places: Mapping[str, Localisation]

    @property
    def faithfulness(self) -> NDArray[np.float64]:
        """(N,) area of insertion less area of deletion, mean over the fill-ins; the higher, the better."""
        areas = [one.insertion_area - one.deletion_area for one in self.curves.values()]
        return np.asarray(np.mean(areas, axis=0), dtype=np.float64)


class Trial:
    """What is the same for every way to explain a net: the cells, and how many pixels each may keep.

    Parameters
    ----------
    ask : callable
        The net.
    images : ndarray
        (N, C, S, S) float32, standardised.
    fills : mapping
        By fill-in, what stands in for the pixels of each cell, as `fill_images` gives it.
    unit, margin : int
        Side of a unit, and by how much its window reaches beyond it, in pixels.
    counts : sequence of int
        Numbers of units that are tested for sufficiency, the largest first.
    pixels : sequence of ndarray
        For each of them the pixels (N,) that are kept of each cell. Units side by side share windows: so that
        none gains by that, every way may keep as many pixels as this net reads.
    """

    def __init__(
        self,
        ask: Ask,
        images: Floats,
        fills: Mapping[Fill, Floats],
        *,
        unit: int,
        margin: int,
        counts: Sequence[int],
        pixels: Sequence[NDArray[np.int64]],
    ) -> None:
        self.ask, self.images, self.fills = ask, images, fills
        self.unit, self.margin = unit, margin
        self.counts, self.pixels = counts, pixels

    def score(self, rank: Ranking, masks: Compartments | None = None) -> MethodScores:
        """Run every test of one way to rank units."""
        before = time.perf_counter()
        scores = rank(self.images)
        seconds = (time.perf_counter() - before) / len(self.images)
        arrival = arrivals(scores, self._size, self.margin)
        ladder = np.unique(np.round(np.geomspace(1, self.counts[0], _FEWEST_STEPS))).astype(np.int64)
        fewest = fewest_sufficient(self.ask, self.images, arrival, ladder.tolist(), list(self.fills.values()))
        return MethodScores(
            seconds=seconds,
            curves={
                fill: removal_curves(self.ask, self.images, arrival, stand_in)
                for fill, stand_in in self.fills.items()
            },
            kept={
                fill: [keep_only(self.ask, self.images, arrival, one, stand_in) for one in self.pixels]
                for fill, stand_in in self.fills.items()
            },
            fewest=fewest * self.unit**2,
            stability=stability(partial(self._read, rank), self.images),
            places={}
            if masks is None
            else {
                name: localise(scores, masks.shares[:, row], self.counts[0])
                for row, name in enumerate(masks.names)
            },
        )

    def _read(self, rank: Ranking, images: Floats) -> NDArray[np.bool_]:
        read: NDArray[np.bool_] = arrivals(rank(images), self._size, self.margin) < self.counts[0]
        return read

    @property
    def _size(self) -> int:
        return int(self.images.shape[-1])
