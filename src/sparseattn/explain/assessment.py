"""How far explanations can be trusted: every test, for every way to explain, on the same cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.explain.compartments import Compartments
from sparseattn.explain.faithfulness import Ask, Kept, arrivals
from sparseattn.explain.localisation import random_inside
from sparseattn.explain.rankings import Ranking, baseline_rankings, net_rankings, selection
from sparseattn.explain.sanity import STAGES, randomised, similarity
from sparseattn.explain.trial import MethodScores, Trial
from sparseattn.fills import FILLS, Fill, fill_images
from sparseattn.learn.metrics import bootstrap_interval
from sparseattn.net import SparseAttnNet
from sparseattn.net.select import units_for

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

Floats = NDArray[np.float32]

OURS = "attention"
INSIDE_CELL = "inside the cell"

_OF_K = (1.0, 0.5, 0.25, 0.125)
"""Shares of k at which it is tested whether the pixels suffice."""
_LEAST_COMPARED = 16  # units: of fewer, a rank correlation says nothing


@dataclass(frozen=True)
class Assessment:
    """Every test of every way to explain a model, on the same n cells.

    Attributes
    ----------
    labels
        (N,) int64 known class, -1 where there is none.
    answered
        (N,) int64 class of the whole cell.
    ks
        Numbers of selected pixels that were tested for sufficiency, the largest first: the learned k.
    methods
        By name; of this net ``attention`` is its own fine attention.
    sanity
        By stage whose weights were drawn anew, by method: mean rank correlation with the map of the net, over
        the units that the net as it is names first. 0 is chance.
    """

    labels: NDArray[np.int64]
    answered: NDArray[np.int64]
    ks: tuple[int, ...]
    grid_pixels: int
    methods: Mapping[str, MethodScores]
    sanity: Mapping[str, Mapping[str, float]]

    def document(self) -> dict[str, Any]:
        """Return every figure as plain JSON: means over cells; intervals are 95 %, drawn over cells."""
        known = self.labels >= 0
        return {
            "cells": len(self.labels),
            "k": self.ks[0],
            "pixel_fraction": self.ks[0] / self.grid_pixels,
            "accuracy": _mean(self.answered[known] == self.labels[known]),
            "methods": {name: self._method(scores) for name, scores in self.methods.items()},
            "sanity": {stage: dict(one) for stage, one in self.sanity.items()},
        }

    def _method(self, scores: MethodScores) -> dict[str, Any]:
        ours = self.methods.get(OURS)
        return {
            "faithfulness": _with_interval(scores.faithfulness),
            "attention_ahead": ours and _with_interval(ours.faithfulness - scores.faithfulness),
            "milliseconds": 1000 * scores.seconds,
            "fills": {
                fill: {
                    "deletion": _mean(curves.deletion_area),
                    "insertion": _mean(curves.insertion_area),
                    "flipped_at": _mean(curves.flipped_at),
                    "deletion_curve": curves.deletion.mean(axis=0).tolist(),
                    "insertion_curve": curves.insertion.mean(axis=0).tolist(),
                    "shares": curves.shares.tolist(),
                }
                for fill, curves in scores.curves.items()
            },
            "kept": [
                {
                    "k": k,
                    "read_pixels": _mean(next(iter(scores.kept.values()))[step].pixels),
                    "fills": {fill: self._kept(kept[step]) for fill, kept in scores.kept.items()},
                }
                for step, k in enumerate(self.ks)
            ],
            "fewest_pixels": {
                "median": float(np.median(scores.fewest[scores.fewest > 0]))
                if (scores.fewest > 0).any()
                else None,
                "suffices": _mean(scores.fewest > 0),
            },
            "stability": {"noise": _mean(scores.stability.noise), "shift": _mean(scores.stability.shift)},
            "localisation": {
                name: {
                    "pointing": _mean(place.pointing),
                    "mass": _mean(place.mass),
                    "inside": _mean(place.inside),
                    "overlap": _mean(place.overlap),
                    "area": _mean(place.area),
                    "cells": int(np.isfinite(place.area).sum()),
                }
                for name, place in scores.places.items()
            },
        }

    def _kept(self, kept: Kept) -> dict[str, Any]:
        known = self.labels >= 0
        return {
            "same_class": _with_interval(kept.same),
            "accuracy": _mean(kept.answered[known] == self.labels[known]),
            "sufficiency": _mean(kept.sufficiency),
            "comprehensiveness": _mean(kept.comprehensiveness),
        }


def assess_explanations(
    classifier: Classifier,
    cells: CellSet,
    *,
    k: int | None = None,
    compartments: Callable[[CellSet], Compartments] | None = None,
    others: Mapping[str, Ranking] | None = None,
    fills: Sequence[Fill] = FILLS,
    most_cells: int = 100,
    seed: int = 0,
    device: str = "auto",
    with_sanity: bool = True,
    force: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> Assessment:
    """Test the explanations of a model on cells, beside baselines.

    Parameters
    ----------
    classifier : Classifier
        The model.
    cells : CellSet
        Better not those that taught it. Those that cannot be read are left out.
    k : int, optional
        Pixels of the net's grid to select; the learned k where it is not given.
    compartments : callable, optional
        Gives the masks of cells; without it nothing is said about where the pixels lie.
    others : mapping, optional
        More ways to rank units, by name, such as those of `sparseattn.explain.peers`.
    fills : sequence of str
        See `fill_images`.
    most_cells : int
        Of more cells so many are drawn.
    seed : int
        Of all that is drawn.
    device : str
        See `choose_device`.
    with_sanity : bool
        Whether weights are drawn anew as well, which takes as long as four ways to explain.
    force : bool
        See `Classifier.admit`.
    on_step : callable, optional
        Called after each method with the number that are done, and of all.

    Raises
    ------
    InputError
        If the model was not made for such cells, or none can be read.
    """
    images, cells = _prepared(classifier, cells, most_cells, seed, force)
    k = classifier.k if k is None else k
    ask = classifier.asker(k, images=len(images) * 500, device=device)
    net = classifier.net
    ways = {**net_rankings(net, k), **(others or {}), **baseline_rankings(net.config.cell_size, seed=seed)}
    masks = None if compartments is None else compartments(cells)
    if masks is not None:
        cell = masks.shares[:, -1]
        ways[INSIDE_CELL] = lambda some: random_inside(cell[: len(some)], seed=seed)
    trial = trial_of(net, ask, images, k, fills=fills, seed=seed)
    methods = {}
    for done, (name, rank) in zip(count(1), ways.items(), strict=False):
        methods[name] = trial.score(rank, masks)
        if on_step is not None:
            on_step(done, len(ways))
    places = {name: row for row, name in enumerate(classifier.classes)}
    return Assessment(
        labels=np.array([places.get(str(label), -1) for label in cells.labels], dtype=np.int64),
        answered=ask(images).argmax(axis=1),
        ks=tuple(one * net.config.cell_size**2 for one in trial.counts),
        grid_pixels=classifier.prepare.size**2,
        methods=methods,
        sanity=_sanity(classifier, images, k) if with_sanity else {},
    )


def trial_of(
    net: SparseAttnNet, ask: Ask, images: Floats, k: int, *, fills: Sequence[Fill] = FILLS, seed: int = 0
) -> Trial:
    """Return the tests of a net at k pixels and at fewer; ``ask`` may be another net of the same images."""
    config = net.config
    counts = {units_for(max(1, round(k * share)), config.size, config.cell_size) for share in _OF_K}
    margin = (config.window - config.cell_size) // 2
    read = arrivals(selection(net, images), config.size, margin)
    descending = sorted(counts, reverse=True)
    return Trial(
        ask,
        images,
        {fill: fill_images(images, fill, seed=seed) for fill in fills},
        unit=config.cell_size,
        margin=margin,
        counts=descending,
        pixels=[(read < count).sum(axis=(1, 2)) for count in descending],
    )


def _prepared(
    classifier: Classifier, cells: CellSet, most: int, seed: int, force: bool
) -> tuple[Floats, CellSet]:
    cells = classifier.admit(cells, force=force).cells
    if len(cells) > most:
        drawn = np.random.default_rng(seed).permutation(len(cells))[:most]
        cells = cells.subset(np.sort(drawn))
    parts = list(classifier.prepare.batches(cells))
    if not parts:
        raise InputError(f"none of the {len(cells)} cells can be read")
    kept = np.concatenate([part.indices for part in parts])
    return np.concatenate([part.images for part in parts]), cells.subset(kept)


def _sanity(classifier: Classifier, images: Floats, k: int) -> dict[str, dict[str, float]]:
    net = classifier.net
    count = max(_LEAST_COMPARED, units_for(k, net.config.size, net.config.cell_size))
    learned = {name: way(images) for name, way in net_rankings(net, k).items()}
    found = {}
    for stage in STAGES:
        drawn = net_rankings(randomised(net, stage), k)
        found[stage] = {
            name: float(similarity(scores, drawn[name](images), count).mean())
            for name, scores in learned.items()
        }
    return found


def _with_interval(values: NDArray[Any]) -> dict[str, Any]:
    numbers = values.astype(np.float64)
    return {
        "mean": float(numbers.mean()),
        "interval": bootstrap_interval(lambda rows: float(numbers[rows].mean()), len(numbers), draws=1000),
    }


def _mean(values: NDArray[Any]) -> float | None:
    kept = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return float(kept.mean()) if len(kept) else None
