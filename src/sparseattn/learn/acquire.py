"""Which cells to label next, and which answers can be accepted unseen."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.vq import kmeans2

from sparseattn.learn.calibration import fit_temperature, tempered
from sparseattn.learn.metrics import wilson_interval

MOST_CANDIDATES = 5000
"""Of more cells only the most uncertain are compared with each other."""

LEAST_IN_DISTRIBUTION = 0.05
"""Cells scored below look like none that the model was taught with: no answer is accepted unseen."""

_FINE = 1e-12


def most_telling(
    probabilities: ArrayLike, features: ArrayLike, count: int, *, seed: int = 0
) -> NDArray[np.int64]:
    """Return the cells whose labels would teach most: uncertain, and unlike each other.

    BADGE (Ash, Zhang, Krishnamurthy, Langford and Agarwal 2020, "Deep batch active learning by diverse,
    uncertain gradient lower bounds"): each cell stands for the gradient that its most probable class would
    give the last layer, ``(p - onehot) x feature``, long where the model is unsure; k-means++ seeding draws
    cells one after another with a chance that grows with the squared distance to those drawn. Other than
    there, the first is the cell of the longest gradient, and the origin counts as drawn: a cell that would
    change nothing is not worth a label for being unlike the others.

    Parameters
    ----------
    probabilities : array_like
        (n, classes).
    features : array_like
        (n, D), what the last layer reads.
    count : int
        How many to return; fewer where there are not so many cells.
    seed : int
        Of the drawing.

    Returns
    -------
    ndarray
        (count,) int64 rows, in the order in which to label them.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    reads = np.asarray(features, dtype=np.float64)
    count = min(count, len(shares))
    if count <= 0:
        return np.zeros(0, np.int64)
    errors = shares.copy()
    errors[np.arange(len(shares)), shares.argmax(axis=1)] -= 1
    lengths = np.square(errors).sum(axis=1) * np.square(reads).sum(axis=1)
    rows = np.argsort(-lengths, kind="stable")[: max(MOST_CANDIDATES, count)]
    errors, reads, lengths = errors[rows], reads[rows], lengths[rows]
    generator = np.random.default_rng(seed)
    chosen = [0]
    nearest = lengths.copy()
    while len(chosen) < count:
        last = chosen[-1]
        # |a x f - b x g|^2 without the (n, classes D) products
        common = (errors @ errors[last]) * (reads @ reads[last])
        nearest = np.minimum(nearest, np.maximum(lengths + lengths[last] - 2 * common, 0))
        weight = nearest.copy()
        weight[chosen] = 0
        if weight.sum() <= _FINE * max(1.0, float(lengths.max())):  # copies of those drawn: any will do
            weight = np.ones(len(rows))
            weight[chosen] = 0
        chosen.append(int(generator.choice(len(rows), p=weight / weight.sum())))
    result: NDArray[np.int64] = rows[chosen].astype(np.int64)
    return result


def most_typical(features: ArrayLike, count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the cells that stand for all: from each of ``count`` clusters, the one nearest its centre.

    With few labels typical cells teach more than uncertain ones, since the model does not yet know what it
    does not know (Hacohen, Dekel and Weinshall 2022, "Active learning on a budget: opposite strategies suit
    high and low budgets").

    Parameters
    ----------
    features : array_like
        (n, D), what the last layer reads.
    count : int
        How many to return; fewer where there are not so many cells.
    seed : int
        Of the clustering, by k-means.

    Returns
    -------
    ndarray
        (count,) int64 rows, those of the largest clusters first.
    """
    reads = np.asarray(features, dtype=np.float64)
    count = min(count, len(reads))
    if count <= 0:
        return np.zeros(0, np.int64)
    generator = np.random.default_rng(seed)
    some = np.sort(generator.permutation(len(reads))[: max(MOST_CANDIDATES, count)])
    clusters = min(count, len(np.unique(reads[some], axis=0)))  # copies of one cell make one cluster
    with warnings.catch_warnings(action="ignore"):  # of a cluster that stays empty
        centres, cluster = kmeans2(reads[some], clusters, minit="++", seed=generator)
    distance = np.square(reads[some] - centres[cluster]).sum(axis=1)
    order = np.lexsort((distance, cluster))  # the cells of a cluster side by side, the nearest first
    _, firsts, sizes = np.unique(cluster[order], return_index=True, return_counts=True)
    chosen = order[firsts[np.argsort(-sizes, kind="stable")]]
    if len(chosen) < count:
        left = np.setdiff1d(np.arange(len(some)), chosen)
        chosen = np.concatenate([chosen, generator.permutation(left)[: count - len(chosen)]])
    result: NDArray[np.int64] = some[chosen].astype(np.int64)
    return result


@dataclass(frozen=True)
class Calibration:
    """How far a model's confidence can be believed, learned from cells that it was not taught with.

    Attributes
    ----------
    temperature : float
        Logits are divided by it (Guo et al. 2017, "On calibration of modern neural networks"): above 1 for a
        model that is too sure of itself.
    confidence : ndarray
        (n,) calibrated confidence of the n checked cells, ascending.
    right : ndarray
        (n,) whether the answer was right.
    """

    temperature: float
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    def apply(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return (n, classes) calibrated probabilities."""
        return tempered(np.asarray(probabilities, dtype=np.float64), self.temperature)

    def precision_above(self, confidence: float) -> tuple[int, int, list[float] | None]:
        """Return how many checked cells are so sure, how many of them are right, and the 95 % interval."""
        above = self.confidence >= confidence
        hits, count = int(self.right[above].sum()), int(above.sum())
        return count, hits, wilson_interval(hits, count)

    def lowest_confidence(self, precision: float) -> float | None:
        """Return the lowest confidence above which the checked cells show at least this precision.

        It is the lowest at which the lower end of the 95 % Wilson interval reaches ``precision``; None where
        the checked cells are too few or too often wrong to show it.
        """
        fits = [
            float(level)
            for level in np.unique(self.confidence)
            if (interval := self.precision_above(float(level))[2]) is not None and interval[0] >= precision
        ]
        return min(fits) if fits else None


def calibrate(probabilities: ArrayLike, labels: ArrayLike) -> Calibration:
    """Fit the temperature on cells that the model was not taught with.

    Few cells say little: the fit is drawn to 1 as if four cells more had asked for it, by a normal prior on
    the logarithm. Without cells it is 1.

    Parameters
    ----------
    probabilities : array_like
        (n, classes).
    labels : array_like
        (n,) integers, the known classes.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    known = np.asarray(labels, dtype=np.int64)
    if not len(known):
        return Calibration(1.0, np.zeros(0), np.zeros(0, dtype=bool))
    temperature = fit_temperature(shares, known)
    fitted = tempered(shares, temperature)
    confidence, right = fitted.max(axis=1), fitted.argmax(axis=1) == known
    order = np.argsort(confidence, kind="stable")
    return Calibration(temperature, confidence[order], right[order])


def acceptable(
    probabilities: ArrayLike, in_distribution: ArrayLike, calibration: Calibration, confidence: float
) -> NDArray[np.int64]:
    """Return the cells whose answer can be accepted unseen: sure enough, and like those that were taught.

    Parameters
    ----------
    probabilities : array_like
        (n, classes).
    in_distribution : array_like
        (n,) score of `sparseattn.learn.in_distribution`; below 0.05 no answer is accepted.
    calibration : Calibration
        Of the same model.
    confidence : float
        Least calibrated confidence, in 0..1.

    Returns
    -------
    ndarray
        Ascending int64 rows.
    """
    sure = calibration.apply(probabilities).max(axis=1) >= confidence
    return np.flatnonzero(sure & (np.asarray(in_distribution) >= LEAST_IN_DISTRIBUTION)).astype(np.int64)
