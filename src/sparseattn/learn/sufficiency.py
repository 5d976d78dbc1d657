"""Whether the selected pixels suffice: all others filled before the net looks, the class must stay."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattn.fills import FILLS, fill_images
from sparseattn.net import SparseAttnNet
from sparseattn.net.select import read_pixels

MOST_CELLS = 256
"""Enough for a share within three points, and little memory however many cells there are."""

_BATCH = 64


@torch.inference_mode()
def class_kept(net: SparseAttnNet, images: NDArray[np.float32], k: int) -> float:
    """Return the share of cells that keep their class when the net is shown its selected pixels alone.

    Everything else of the image, but for the windows that are read with the selected pixels, is filled before
    the coarse stage, which then selects anew.

    Parameters
    ----------
    net : SparseAttnNet
        In evaluation mode.
    images : ndarray
        (N, C, S, S) float32, standardised; at least one.
    k : int
        Pixels to select.

    Returns
    -------
    float
        The lowest share among the fill-ins of `sparseattn.fills`.
    """
    config, device = net.config, next(net.parameters()).device
    same = np.zeros(len(FILLS), dtype=np.int64)
    for first in range(0, len(images), _BATCH):
        batch = images[first : first + _BATCH]
        whole = torch.from_numpy(batch).to(device)
        answer = net(whole, k)
        read = read_pixels(answer.selected, config.size, config.cell_size, config.window)
        for which, fill in enumerate(FILLS):
            stand_in = torch.from_numpy(fill_images(batch, fill)).to(device)
            alone = net(torch.where(read, whole, stand_in), k)
            same[which] += int((alone.logits.argmax(1) == answer.logits.argmax(1)).sum())
    return float(same.min() / len(images))
