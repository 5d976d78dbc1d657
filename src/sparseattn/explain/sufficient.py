"""How few pixels of one cell suffice, all others taken away before the net looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparseattn.explain.faithfulness import arrivals, fewest_sufficient
from sparseattn.explain.rankings import selection
from sparseattn.fills import FILLS, Fill, fill_images
from sparseattn.net.select import units_for

if TYPE_CHECKING:
    from sparseattn.explain.explainer import CellExplainer

_STEPS = 32


def fewest_sufficient_pixels(
    explainer: CellExplainer, k: int | None = None, *, fills: Sequence[Fill] = FILLS, seed: int = 0
) -> int | None:
    """Return the fewest selected pixels that keep the class when they and their windows alone are left.

    Other than `CellExplainer.fewest_pixels`, which shows the coarse stage the whole cell, everything else is
    filled before the net sees the image, and the class must stay by every fill-in, at this number of pixels
    and at every larger one that is tried.

    Parameters
    ----------
    explainer : CellExplainer
        Of the cell.
    k : int, optional
        Pixels of the net's grid to select, and the most that are tried; the learned k where it is not given.
    fills : sequence of str
        See `fill_images`.
    seed : int
        Of the fill-in by background.

    Returns
    -------
    int or None
        None where even k pixels do not suffice.

    Raises
    ------
    InputError
        If k is out of range.
    """
    classifier = explainer.classifier
    k = classifier.k if k is None else k
    images = explainer.selection(k)[0].cpu().numpy()
    config = classifier.net.config
    arrival = arrivals(
        selection(classifier.net, images), config.size, (config.window - config.cell_size) // 2
    )
    most = units_for(k, config.size, config.cell_size)
    counts = np.unique(np.round(np.geomspace(1, most, _STEPS))).astype(int).tolist()
    stand_ins = [fill_images(images, fill, seed=seed) for fill in fills]
    found = int(fewest_sufficient(classifier.asker(k), images, arrival, counts, stand_ins)[0])
    return found * config.cell_size**2 or None
