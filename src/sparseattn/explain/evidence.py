"""What speaks for a class and what against it, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.explain.explainer import CellExplainer

STEPS = 16


@dataclass(frozen=True)
class ClassEvidence:
    """Signed contributions of the read pixels to the score of one class.

    The score is the logit of the class less the mean of all classes' logits: what moves all of them alike
    does not change the answer. Contributions are integrated gradients (Sundararajan, Taly and Yan 2017,
    "Axiomatic attribution for deep networks") on the straight path from an image that is the training cells'
    mean everywhere to the cell, the selection and its scores held as they are: they add up to the difference
    of the score between the two, up to the error of the sum over the path.

    Attributes
    ----------
    class_name
        The class.
    k
        Selected pixels that were asked for.
    pixels
        (size, size) float32 in the net's grid: above 0 speaks for the class, below 0 against it; 0 where the
        net read nothing. Summed over the channels.
    units
        (K,) float32: summed over the pixels of each selected unit, in the order of the selection.
    score, baseline
        Of the cell, and of the mean image with the same selection.
    """

    class_name: str
    k: int
    pixels: NDArray[np.float32]
    units: NDArray[np.float32]
    score: float
    baseline: float

    @property
    def total(self) -> float:
        """What the contributions add up to; near ``score - baseline``."""
        return float(self.pixels.sum(dtype=np.float64))


def class_evidence(
    explainer: CellExplainer, class_name: str, k: int | None = None, *, steps: int = STEPS
) -> ClassEvidence:
    """Return the evidence for a class in one cell.

    The attention itself does not depend on a class; this does.

    Parameters
    ----------
    explainer : CellExplainer
        Of the cell.
    class_name : str
        One of the classes of the model.
    k : int, optional
        Pixels of the net's grid to select; the learned k where it is not given.
    steps : int
        Points of the path (midpoint rule).

    Raises
    ------
    InputError
        If there is no such class, or k is out of range.
    """
    classes = explainer.classifier.classes
    if class_name not in classes:
        raise InputError(f"the model has no class {class_name!r}; it has {', '.join(classes)}")
    k = explainer.classifier.k if k is None else k
    image, coarse, selected, context = explainer.selection(k)
    net = explainer.classifier.net
    which = classes.index(class_name)

    def score(images: torch.Tensor) -> torch.Tensor:
        count = len(images)
        output = net.decide(
            images,
            coarse.expand(count, -1, -1),
            selected.expand(count, -1),
            None if context is None else context.expand(count, -1, -1, -1),
        )
        scores: torch.Tensor = output.logits[:, which] - output.logits.mean(dim=1)
        return scores

    with torch.inference_mode():
        ends = score(torch.cat([image, torch.zeros_like(image)])).tolist()
    shares = (torch.arange(steps, device=image.device, dtype=image.dtype) + 0.5) / steps
    with torch.enable_grad():
        path = (image * shares[:, None, None, None]).requires_grad_()
        (slopes,) = torch.autograd.grad(score(path).sum(), path)
    pixels = (image[0] * slopes.mean(dim=0)).sum(dim=0).cpu().numpy().astype(np.float32)
    unit = explainer.unit_pixels
    side = len(pixels) // unit
    sums = pixels.reshape(side, unit, side, unit).sum(axis=(1, 3)).reshape(-1)
    return ClassEvidence(
        class_name, k, pixels, sums[selected[0].cpu().numpy()], float(ends[0]), float(ends[1])
    )
