"""Maps of other nets as rankings: Grad-CAM of convolutional nets, attention rollout of the ViT."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparseattn.explain.peers import peer_rankings
from sparseattn.explain.rankings import Ranking

CHUNK = 16


def other_rankings(net: nn.Module, model: str, unit: int) -> dict[str, Ranking]:
    """Return how a net of the benchmark explains itself, and integrated gradients of it, by name."""
    gradients = peer_rankings(net, unit)["integrated gradients"]
    own = (
        {"attention rollout": rollout(net, unit)}
        if model == "vit"
        else {"Grad-CAM": grad_cam(net, last_convolution(net, model), unit)}
    )
    return {**own, "integrated gradients": gradients}


def last_convolution(net: nn.Module, model: str) -> nn.Module:
    """Return the layer whose maps Grad-CAM weighs: the last that still has places."""
    if model == "small-cnn":
        return [layer for layer in net.children() if isinstance(layer, nn.ReLU)][-1]
    resnet: Any = net
    layer: nn.Module = resnet.net.layer4
    return layer


def grad_cam(net: nn.Module, layer: nn.Module, unit: int) -> Ranking:
    """Return Grad-CAM (Selvaraju et al. 2017) for the class that is answered, by Captum."""
    from captum.attr import LayerGradCam

    def score(batch: Tensor) -> Tensor:
        with torch.no_grad():
            which = net(batch).argmax(dim=1)
        found: Tensor = LayerGradCam(net, layer).attribute(batch, target=which, relu_attributions=True)
        return found

    return _ranking(score, unit)


def rollout(net: nn.Module, unit: int) -> Ranking:
    """Return attention rollout (Abnar and Zuidema 2020): attention and identity, multiplied up the layers."""
    vit: Any = net
    blocks = [block.attn for block in vit.net.vit.blocks]

    def score(batch: Tensor) -> Tensor:
        for attention in blocks:
            attention.save_attn = True
        with torch.no_grad():
            net(batch)
        flow = None
        for attention in blocks:
            mean = attention.att_mat.float().mean(dim=1)
            step = (mean + torch.eye(mean.shape[-1])) / 2
            flow = step if flow is None else step @ flow
            attention.save_attn = False
        assert flow is not None
        patches: Tensor = flow[:, 0, 1:]
        side = round(patches.shape[1] ** 0.5)
        return patches.reshape(len(batch), 1, side, side)

    return _ranking(score, unit)


def _ranking(score: Any, unit: int) -> Ranking:
    """Return the ranking of units of a coarse map (n, 1, h, w), interpolated."""

    def rank(images: np.ndarray) -> np.ndarray:
        units = images.shape[-1] // unit
        parts = []
        for start in range(0, len(images), CHUNK):
            maps = score(torch.from_numpy(images[start : start + CHUNK])).detach().float()
            wide = F.interpolate(maps, size=(units, units), mode="bilinear", align_corners=False)
            parts.append(wide[:, 0].numpy())
        return np.concatenate(parts)

    return rank
