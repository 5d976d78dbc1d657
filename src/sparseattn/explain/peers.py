"""The usual ways to explain any net, by Captum, as rankings of units: what ours is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.errors import InputError
from sparseattn.explain.rankings import Ranking, unit_means

Floats = NDArray[np.float32]
Forward = Callable[[Tensor], Tensor]
"""Logits (n, classes) of images (n, C, S, S)."""

_PATH_STEPS = 32
_SHAP_SAMPLES = 16
_CHUNK = 16  # cells
_OCCLUDED, _STRIDE = 8, 4  # pixels


def peer_rankings(forward: Forward, unit: int, *, seed: int = 0) -> dict[str, Ranking]:
    """Return Captum's ways to rank units for the class that a net answers, by name.

    ``saliency`` is the absolute slope at the cell (Simonyan et al. 2014); ``integrated gradients`` run from
    the mean of the training cells in 32 steps; ``gradient SHAP`` from 16 points on paths from it;
    ``occlusion`` sets windows of 8 x 8 pixels to the mean, 4 pixels apart. Values of a pixel are summed over
    its channels.

    Parameters
    ----------
    forward : callable
        The net in evaluation mode.
    unit : int
        Side of a unit in pixels.
    seed : int
        Of gradient SHAP.

    Raises
    ------
    InputError
        If Captum is not installed.
    """
    try:
        from captum.attr import GradientShap, IntegratedGradients, Occlusion, Saliency
    except ImportError:
        raise InputError(
            "this comparison needs captum; install it with: pip install 'napari-sparseattn[xai]'"
        ) from None

    def integrated(batch: Tensor, which: Tensor) -> Tensor:
        found: Tensor = IntegratedGradients(forward).attribute(
            batch, target=which, n_steps=_PATH_STEPS, internal_batch_size=8 * _CHUNK
        )
        return found

    def shap(batch: Tensor, which: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]), _numpy_seed(seed):
            torch.manual_seed(seed)
            found: Tensor = GradientShap(forward).attribute(
                batch, torch.zeros_like(batch[:1]), target=which, n_samples=_SHAP_SAMPLES, stdevs=0.1
            )
        return found

    def occluded(batch: Tensor, which: Tensor) -> Tensor:
        channels = batch.shape[1]
        with torch.no_grad():
            found: Tensor = Occlusion(forward).attribute(
                batch,
                (channels, _OCCLUDED, _OCCLUDED),
                strides=(channels, _STRIDE, _STRIDE),
                target=which,
                perturbations_per_eval=8,
            )
        return found

    def slope(batch: Tensor, which: Tensor) -> Tensor:
        found: Tensor = Saliency(forward).attribute(batch.requires_grad_(), target=which)
        return found

    ways = {
        "saliency": slope,
        "integrated gradients": integrated,
        "gradient SHAP": shap,
        "occlusion": occluded,
    }
    return {name: _ranking(forward, way, unit) for name, way in ways.items()}


def _ranking(forward: Forward, attribute: Callable[[Tensor, Tensor], Tensor], unit: int) -> Ranking:
    def rank(images: Floats) -> Floats:
        parts = []
        for start in range(0, len(images), _CHUNK):
            batch = torch.from_numpy(images[start : start + _CHUNK])
            with torch.no_grad():
                which = forward(batch).argmax(dim=1)
            pixels = attribute(batch, which).detach().sum(dim=1)
            parts.append(unit_means(pixels.numpy(), unit))
        return np.concatenate(parts)

    return rank


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Captum draws by numpy's global state: set it, and put it back."""
    state: Any = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
