"""Whether an explanation depends on what the net has learned at all.

Adebayo et al. 2018, "Sanity checks for saliency maps": a map that stays the same when the net's weights are
drawn anew, or when the net was taught with shuffled classes, shows the image and not the net.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattn.explain.rankings import ranks
from sparseattn.net import SparseAttnNet

Floats = NDArray[np.float32]

STAGES = ("classifier", "fine stage", "all")


def randomised(net: SparseAttnNet, stage: str, *, seed: int = 0) -> SparseAttnNet:
    """Return a copy of a net of which a part has weights drawn anew, as before any training.

    Parameters
    ----------
    net : SparseAttnNet
        Stays as it is.
    stage : str
        From the answer downwards, one of `STAGES`: the last linear layer; all but the coarse stage; all.
    seed : int
        Of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = SparseAttnNet(net.config).state_dict()
    state = {
        name: tensor if _is_in(name, stage) else net.state_dict()[name] for name, tensor in fresh.items()
    }
    other = copy.deepcopy(net)
    other.load_state_dict(state)
    return other.eval()


def _is_in(name: str, stage: str) -> bool:
    if stage == "classifier":
        return name.startswith("classify.")
    return stage == "all" or not name.startswith("coarse.")


def similarity(one: Floats, other: Floats, first: int) -> Floats:
    """Return how alike two sets of maps are where it matters.

    Parameters
    ----------
    one, other : ndarray
        (N, G, G) float32 scores.
    first : int
        Units that count: the highest so many of ``one``.

    Returns
    -------
    ndarray
        (N,) float32: Spearman's rank correlation over these units, -1 to 1; 0 where a map is flat there.
    """
    from scipy.stats import rankdata

    counts = ranks(one) < first
    found = np.zeros(len(one), dtype=np.float32)
    for row, (mask, mine, its) in enumerate(zip(counts, one, other, strict=True)):
        mine, its = rankdata(mine[mask]), rankdata(its[mask])
        if np.ptp(mine) > 0 and np.ptp(its) > 0:
            found[row] = np.corrcoef(mine, its)[0, 1]
    return found
