"""What speaks for a class and what against it, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.explain.explainer import CellExplainer
    from sparseattn.net import SparseAttnNet

STEPS = 16


@dataclass(frozen=True)
class ClassEvidence:
    """Signed contributions of the read pixels to the score of one class, or of one class against another.

    The score is the logit of the class less that of the other class; where there is none, less the mean of
    all classes' logits: what moves all of them alike does not change the answer. Contributions are
    integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks") on the
    straight path from an image that is the training cells' mean everywhere to the cell, the selection and
    its scores held as they are: they add up to the difference of the score between the two, up to the error
    of the sum over the path.

    Attributes
    ----------
    class_name
        The class.
    k
        Selected pixels that were asked for.
    pixels
        (size, size) float32 in the net's grid: above 0 speaks for the class, below 0 against it (for the
        other class); 0 where the net read nothing. Summed over the channels.
    units
        (K,) float32: summed over the pixels of each selected unit, in the order of the selection.
    score, baseline
        Of the cell, and of the mean image with the same selection.
    against
        The other class; None where it is the mean of all.
    """

    class_name: str
    k: int
    pixels: NDArray[np.float32]
    units: NDArray[np.float32]
    score: float
    baseline: float
    against: str | None = None

    @property
    def title(self) -> str:
        """What the evidence is for: "neutrophil", or "neutrophil, not monocyte"."""
        return self.class_name if self.against is None else f"{self.class_name}, not {self.against}"

    @property
    def strongest(self) -> float:
        """What has the strongest colour on either side of 0: nearly the largest, which may stand alone."""
        there = np.abs(self.pixels[self.pixels != 0])
        return max(float(np.percentile(there, 98)), 1e-12) if there.size else 1.0

    @property
    def total(self) -> float:
        """What the contributions add up to; near ``score - baseline``."""
        return float(self.pixels.sum(dtype=np.float64))


def class_evidence(
    explainer: CellExplainer,
    class_name: str,
    k: int | None = None,
    *,
    against: str | None = None,
    steps: int = STEPS,
) -> ClassEvidence:
    """Return the evidence for a class in one cell, in all or against another class.

    The attention itself does not depend on a class; this does.

    Parameters
    ----------
    explainer : CellExplainer
        Of the cell.
    class_name : str
        One of the classes of the model.
    k : int, optional
        Pixels of the net's grid to select; the learned k where it is not given.
    against : str, optional
        Another class of the model: then what tells the two apart.
    steps : int
        Points of the path (midpoint rule).

    Raises
    ------
    InputError
        If there is no such class, both are the same, or k is out of range.
    """
    classes = explainer.classifier.classes
    for name in (class_name, against):
        if name is not None and name not in classes:
            raise InputError(f"the model has no class {name!r}; it has {', '.join(classes)}")
    if class_name == against:
        raise InputError(f"nothing tells {class_name!r} from itself; give another class")
    k = explainer.classifier.k if k is None else k
    image, coarse, selected, context = explainer.selection(k)
    net = explainer.classifier.net
    which = torch.tensor([classes.index(class_name)], device=image.device)
    other = None if against is None else torch.tensor([classes.index(against)], device=image.device)
    with torch.inference_mode():
        ends = [
            float(_scores(net, one, coarse, selected, context, which, other))
            for one in (image, torch.zeros_like(image))
        ]
    attributed = _on_the_path(net, image, coarse, selected, context, which, other, steps)
    pixels = attributed[0].sum(dim=0).cpu().numpy().astype(np.float32)
    unit = explainer.unit_pixels
    side = len(pixels) // unit
    sums = pixels.reshape(side, unit, side, unit).sum(axis=(1, 3)).reshape(-1)
    units = sums[selected[0].cpu().numpy()]
    return ClassEvidence(class_name, k, pixels, units, ends[0], ends[1], against)


def integrated_gradients(
    net: SparseAttnNet, images: Tensor, k: int, which: Tensor, *, steps: int = STEPS
) -> Tensor:
    """Return the evidence of each pixel of several cells, each for a class of its own; see `ClassEvidence`.

    Parameters
    ----------
    net : SparseAttnNet
        In evaluation mode.
    images : Tensor
        (N, C, S, S) float32, standardised; steps * N of them are in memory at once.
    k : int
        Pixels of the net's grid to select.
    which : Tensor
        (N,) int64, the class of each cell.
    steps : int
        Points of the path.

    Returns
    -------
    Tensor
        (N, C, S, S) float32.
    """
    with torch.no_grad():
        coarse, selected, context = net.choose(images, k)
    return _on_the_path(net, images, coarse, selected, context, which, None, steps)


def _scores(
    net: SparseAttnNet,
    images: Tensor,
    coarse: Tensor,
    selected: Tensor,
    context: Tensor | None,
    which: Tensor,
    other: Tensor | None,
) -> Tensor:
    logits = net.decide(images, coarse, selected, context).logits
    less = logits.mean(dim=1) if other is None else logits.gather(1, other[:, None])[:, 0]
    return logits.gather(1, which[:, None])[:, 0] - less


def _on_the_path(
    net: SparseAttnNet,
    images: Tensor,
    coarse: Tensor,
    selected: Tensor,
    context: Tensor | None,
    which: Tensor,
    other: Tensor | None,
    steps: int,
) -> Tensor:
    """Return image times mean slope on the straight path from the mean, by the midpoint rule."""
    shares = (torch.arange(steps, device=images.device, dtype=images.dtype) + 0.5) / steps
    held = [
        None if one is None else one.repeat_interleave(steps, dim=0)
        for one in (coarse, selected, context, which, other)
    ]
    with torch.enable_grad():
        path = (images[:, None] * shares[:, None, None, None]).flatten(0, 1).requires_grad_()
        (slopes,) = torch.autograd.grad(_scores(net, path, *held).sum(), path)  # type: ignore[arg-type]
    mean: Tensor = slopes.view(len(images), steps, *images.shape[1:]).mean(dim=1)
    return images * mean
