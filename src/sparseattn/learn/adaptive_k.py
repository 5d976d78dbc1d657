"""How many pixels are enough: k learned from the loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)

_TOLERANCE = 0.05
"""Nats by which the loss at the learned k may exceed the best."""

_KEPT = 0.95
"""Share of the cells that the selected pixels alone must keep in their class."""


def candidates(pixels: int, budget: float) -> list[int]:
    """Return the numbers of pixels among which k is learned, rising to a share ``budget`` of ``pixels``."""
    shares = [share for share in _SHARES if share < budget] + [budget]
    return sorted({max(1, round(share * pixels)) for share in shares})


def learn_k(ks: Sequence[int], losses: NDArray[np.float64], kept: Callable[[int], float]) -> int:
    """Return the smallest k that is as good as the best and whose pixels alone keep the class.

    A k that decides well need not be one of which can be said "these pixels decided": the coarse stage sees
    the whole cell when it chooses. So the rest of the cell is taken away before, too.

    Parameters
    ----------
    ks : sequence of int
        Rising.
    losses : ndarray
        (number of k, n) validation loss of each cell.
    kept : callable
        Share of the cells that keep their class when all but the pixels of a k are filled: see
        `sparseattn.learn.sufficiency.class_kept`. Asked of few ks, since it costs.

    Returns
    -------
    int
        The largest k where none suffices.
    """
    good_enough = ks[as_good_as_the_best(losses) :]
    return next((k for k in good_enough if kept(k) >= _KEPT), ks[-1])


def as_good_as_the_best(losses: NDArray[np.float64]) -> int:
    """Return the row of the smallest k whose loss is surely no worse than the best by more than 0.05 nats.

    Surely: the mean excess plus one standard error of it stays below. The error is that of the paired
    difference to the best row over the cells; cells that are hard at every k would drown it otherwise. The
    usual one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3)
    asks for no proof that a small k is *worse*, so that with few cells it passes any; this one asks for proof
    that it is *not*.

    Parameters
    ----------
    losses : ndarray
        (number of k, n) validation loss of each cell, the smallest k first.
    """
    best = losses[losses.mean(axis=1).argmin()]
    excess = losses - best
    if losses.shape[1] == 1:
        return int(losses[:, 0].argmin())  # one cell proves nothing
    error = excess.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
    return int(np.flatnonzero(excess.mean(axis=1) + error <= _TOLERANCE)[0])


@dataclass
class LossTrendController:
    """Move k with the trend of the training loss, as the paper describes it in outline.

    Two running means of the loss, a quick and a slow one, tell its trend: while it falls or rests k
    shrinks, when it rises k grows again. The paper's exact rule is not public to us; this is ours.
    """

    pixels: int
    share: float = 0.5
    least: float = 0.02
    step: float = 0.05
    quick: float | None = field(default=None)
    slow: float | None = field(default=None)

    @property
    def k(self) -> int:
        """Pixels to select now."""
        return max(1, round(self.share * self.pixels))

    def update(self, loss: float) -> int:
        """Take the loss of an epoch and return the k of the next."""
        self.quick = loss if self.quick is None else 0.5 * self.quick + 0.5 * loss
        self.slow = loss if self.slow is None else 0.85 * self.slow + 0.15 * loss
        factor = 1 + self.step if self.quick > self.slow else 1 - self.step
        self.share = min(0.5, max(self.least, self.share * factor))
        return self.k
