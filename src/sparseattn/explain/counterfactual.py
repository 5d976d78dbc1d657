"""Which selected pixels would change the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sparseattn.explain.explainer import CellExplainer

_AT_ONCE = 128
"""Choices that the net is asked about at once."""


@dataclass(frozen=True)
class Counterfactual:
    """Selected units without which the net answers another class.

    Attributes
    ----------
    class_name, other_class
        The answer with all selected units, and without these.
    positions
        (n, 2) int64: row y and column x, in the net's grid, of each unit's top left pixel, the most telling
        first.
    pixels
        Pixels of the net's grid in these units.
    probabilities
        (classes,) float32, without these units.
    smallest
        Whether none of the units can be put back: without any one fewer the class stays.
    """

    class_name: str
    other_class: str
    positions: NDArray[np.int64]
    pixels: int
    probabilities: NDArray[np.float32]
    smallest: bool


def counterfactual(
    explainer: CellExplainer, k: int | None = None, *, on_step: Callable[[int, int], None] | None = None
) -> Counterfactual | None:
    """Return a small set of selected units whose removal changes the class.

    Units are removed one by one, each time the one whose removal brings the answer nearest to another class;
    then each is put back where the class stays changed without it. What is removed is not replaced: the fine
    stage never sees it. The set is minimal, but another and smaller one may exist.

    Parameters
    ----------
    explainer : CellExplainer
        Of the cell; its net must be strict.
    k : int, optional
        Pixels of the net's grid to select; the learned k where it is not given.
    on_step : callable, optional
        Called after each removal with the number of units that are out, and of all; it may raise to stop.

    Returns
    -------
    Counterfactual or None
        None where the class stays until a single unit is left.

    Raises
    ------
    InputError
        If k is out of range.
    """
    classifier = explainer.classifier
    image, coarse, selected, context = explainer.selection(classifier.k if k is None else k)
    net = classifier.net
    with torch.inference_mode():
        words = net.words(image, selected, context)[0]  # a unit's own: the same whatever else is out

    def answers(choices: list[list[int]]) -> NDArray[np.float32]:
        found = []
        with torch.inference_mode():
            for some in torch.tensor(choices, device=selected.device).split(_AT_ONCE):
                output = net.judge(coarse.expand(len(some), -1, -1), selected[0, some], words[some])
                found.append(classifier.probabilities(output.logits).cpu().numpy())
        return np.concatenate(found)

    left = list(range(selected.shape[1]))
    before = int(answers([left])[0].argmax())
    removed: list[int] = []
    while len(left) > 1:
        trials = answers([[unit for unit in left if unit != out] for out in left])
        margins = trials[:, before] - np.delete(trials, before, axis=1).max(axis=1)
        out = left[int(margins.argmin())]
        left.remove(out)
        removed.append(out)
        if on_step is not None:
            on_step(len(removed), selected.shape[1])
        if margins.min() < 0:
            break
    else:
        return None
    for unit in removed[:-1]:
        back = sorted([*left, unit])
        if int(answers([back])[0].argmax()) != before:
            left, removed = back, [one for one in removed if one != unit]
    last = answers([sorted(left)])[0]
    single = [answers([sorted([*left, unit])])[0].argmax() == before for unit in removed]
    chosen = selected[0, removed].cpu().numpy()
    unit_side = explainer.unit_pixels
    return Counterfactual(
        class_name=classifier.classes[before],
        other_class=classifier.classes[int(last.argmax())],
        positions=np.stack(np.divmod(chosen, net.config.units), axis=1).astype(np.int64) * unit_side,
        pixels=len(removed) * unit_side**2,
        probabilities=last,
        smallest=all(single),
    )
