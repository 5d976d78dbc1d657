"""Which units of a cell matter most: by this net in three ways, and by rules that know no net.

Every way gives (N, G, G) float32 scores, one a unit: the higher, the more a unit matters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.explain.evidence import integrated_gradients
from sparseattn.fills import frame_pixels
from sparseattn.net import SparseAttnNet
from sparseattn.net.select import units_for

Floats = NDArray[np.float32]
Ranking = Callable[[Floats], Floats]
"""Scores (n, G, G) of images (n, C, S, S)."""

_CHUNK = 16  # cells whose path from the mean is in memory at once


def net_rankings(net: SparseAttnNet, k: int) -> dict[str, Ranking]:
    """Return the net's own ways to rank units, by name; ``k`` pixels are selected."""
    return {
        "attention": partial(attention, net, k),
        "selection": partial(selection, net),
        "coarse": partial(coarse, net),
        "evidence": partial(evidence, net, k),
    }


def baseline_rankings(unit: int, *, seed: int = 0) -> dict[str, Ranking]:
    """Return the ways that know no net, by name, for units of so many pixels a side."""
    return {
        "random": partial(chance, unit, seed),
        "centre": partial(centre, unit),
        "intensity": partial(intensity, unit),
        "edges": partial(edges, unit),
    }


def attention(net: SparseAttnNet, k: int, images: Floats) -> Floats:
    """Rank by fine attention, mean over the heads; the others follow below 0, as they would be selected."""

    def score(batch: Tensor) -> Tensor:
        count = units_for(k, net.config.size, net.config.cell_size)
        with torch.no_grad():
            scores, order, context = net.choose(batch, net.config.size**2)
            selected = order[:, :count]
            fine = net.decide(batch, scores, selected, context).fine.mean(dim=1)
        return _falling(order).scatter(1, selected, fine)

    return _in_chunks(net, images, score)


def selection(net: SparseAttnNet, images: Floats) -> Floats:
    """Rank by the order in which units are selected: all scores lie below 0."""

    def score(batch: Tensor) -> Tensor:
        with torch.no_grad():
            return _falling(net.choose(batch, net.config.size**2)[1])

    return _in_chunks(net, images, score)


def coarse(net: SparseAttnNet, images: Floats) -> Floats:
    """Rank by coarse attention, 0 to 1: the selection without its spreading out."""

    def score(batch: Tensor) -> Tensor:
        with torch.no_grad():
            return net.choose(batch, net.config.size**2)[0].sigmoid()

    return _in_chunks(net, images, score)


def evidence(net: SparseAttnNet, k: int, images: Floats) -> Floats:
    """Rank by integrated gradients for the class that is answered; below 0 speaks against it."""

    def score(batch: Tensor) -> Tensor:
        with torch.no_grad():
            which = net(batch, k).logits.argmax(dim=1)
        pixels = integrated_gradients(net, batch, k, which).sum(dim=1)
        return unit_sums(pixels, net.config.cell_size).flatten(1)

    return _in_chunks(net, images, score)


def chance(unit: int, seed: int, images: Floats) -> Floats:
    """Rank at random."""
    units = images.shape[-1] // unit
    return np.random.default_rng(seed).random((len(images), units, units), dtype=np.float32)


def centre(unit: int, images: Floats) -> Floats:
    """Rank by nearness to the middle of the image."""
    units = images.shape[-1] // unit
    axis = (np.arange(units) + 0.5) / units * 2 - 1
    near = -np.hypot(axis[:, None], axis).astype(np.float32)
    return np.broadcast_to(near, (len(images), units, units))


def intensity(unit: int, images: Floats) -> Floats:
    """Rank by distance of the values from the median of the image's border, mean over channels."""
    ground = np.median(frame_pixels(images), axis=2)[:, :, None, None]
    return unit_means(np.abs(images - ground).mean(axis=1), unit)


def edges(unit: int, images: Floats) -> Floats:
    """Rank by the magnitude of the image's own gradient, mean over channels."""
    down, across = np.gradient(images, axis=(2, 3))
    return unit_means(np.hypot(down, across).mean(axis=1), unit)


def _falling(order: Tensor) -> Tensor:
    """Return (N, units) scores below 0 that fall in the order (N, units) of flat indices."""
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    scores = torch.zeros(order.shape, device=order.device)
    return scores.scatter_(1, order, -(1 + places).float() / order.shape[1])


def _in_chunks(net: SparseAttnNet, images: Floats, score: Callable[[Tensor], Tensor]) -> Floats:
    device = next(net.parameters()).device
    units = net.config.units
    parts = [
        score(torch.from_numpy(images[start : start + _CHUNK]).to(device)).detach().cpu().numpy()
        for start in range(0, len(images), _CHUNK)
    ]
    return np.concatenate(parts).reshape(len(images), units, units).astype(np.float32)


def unit_means(pixels: NDArray[np.floating], unit: int) -> Floats:
    """Return (N, G, G) means over units of (N, S, S) pixels."""
    count, size, _ = pixels.shape
    side = size // unit
    means = pixels.reshape(count, side, unit, side, unit).mean(axis=(2, 4))
    return np.asarray(means, dtype=np.float32)


def unit_sums(pixels: torch.Tensor, unit: int) -> torch.Tensor:
    """Return (N, G, G) sums over units of (N, S, S) pixels."""
    count, size, _ = pixels.shape
    side = size // unit
    return pixels.reshape(count, side, unit, side, unit).sum(dim=(2, 4))


def ranks(scores: Floats, *, seed: int = 0) -> NDArray[np.int64]:
    """Return (N, G, G) place of each unit, 0 the highest score; those that tie are drawn at random."""
    flat = scores.reshape(len(scores), -1)
    chance = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((chance, -flat), axis=1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(flat.shape[1])[None], axis=1)
    return places.reshape(scores.shape)
