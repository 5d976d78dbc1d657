"""Why this class and not that one: the difference of what speaks for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.evidence import class_evidence

if TYPE_CHECKING:
    from sparseattn.explain.explainer import CellExplainer


@dataclass(frozen=True)
class Contrast:
    """What speaks for the class that was answered rather than another.

    Attributes
    ----------
    class_name, other_class
        The answer, and the class that it is compared with.
    pixels
        (size, size) float32 in the net's grid: above 0 speaks for the answer, below 0 for the other class; 0
        where the net read nothing. They add up to ``score - baseline``, as `evidence.ClassEvidence` says.
    units
        (K,) float32: summed over the pixels of each selected unit, in the order of the selection.
    score, baseline
        Logit of the answer less that of the other class: of the cell, and of the mean image.
    """

    class_name: str
    other_class: str
    pixels: NDArray[np.float32]
    units: NDArray[np.float32]
    score: float
    baseline: float


def contrast(explainer: CellExplainer, other_class: str, k: int | None = None) -> Contrast | None:
    """Return what speaks for the answer rather than another class; None where that class is the answer.

    Raises
    ------
    InputError
        If there is no such class, or k is out of range.
    """
    against = class_evidence(explainer, other_class, k)
    answered = explainer.at(k).predicted
    if answered == other_class:
        return None
    speaking = class_evidence(explainer, answered, k)
    return Contrast(
        class_name=answered,
        other_class=other_class,
        pixels=speaking.pixels - against.pixels,
        units=speaking.units - against.units,
        score=speaking.score - against.score,
        baseline=speaking.baseline - against.baseline,
    )
