"""Where fine-tuning starts: the last layer, fitted to the cells before the rest of the net moves."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.learn.losses import class_weights
from sparseattn.net import SparseAttnNet

_DECAY = 1e-3
_STEPS = 200


def fit_last_layer(net: SparseAttnNet, features: NDArray[np.float32], labels: Tensor) -> None:
    """Set the last layer of a net to what its features say of the cells, every class weighing the same.

    A layer that knows nothing of the new classes, or of another stain, would first pull the features apart
    (A. Kumar et al., Fine-tuning can distort pretrained features, ICLR 2022).

    Parameters
    ----------
    net : SparseAttnNet
        Its layer ``classify`` is changed in place.
    features : ndarray
        (n, width) float32, what the last layer reads.
    labels : Tensor
        (n,) int64; every class has a cell.
    """
    reads = torch.from_numpy(features)
    classes = net.config.classes
    weights = class_weights(labels, classes, 1.0)[labels] / len(labels)
    layer = torch.zeros(classes, reads.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([layer, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        wrong = F.cross_entropy(F.linear(reads, layer, bias), labels, reduction="none")
        cost: Tensor = (weights * wrong).sum() + _DECAY * layer.square().sum()
        cost.backward()
        return cost

    optimizer.step(loss)
    with torch.no_grad():
        net.classify.weight.copy_(layer)
        net.classify.bias.copy_(bias)
