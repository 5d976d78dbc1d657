"""Whether a cell looks like those that the net was taught with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparseattn.errors import InputError


@dataclass(frozen=True)
class InDistribution:
    """How far from its classes the net's feature of a cell may lie.

    The distance is the smallest Mahalanobis distance to a class mean, with one covariance for all classes
    (Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples and adversarial
    attacks"). It is compared with the distances of cells that were held out from training.

    Attributes
    ----------
    means : ndarray
        (classes, D) float32, mean feature of each class that was trained.
    precision : ndarray
        (D, D) float32, inverse of the shared covariance.
    reference : ndarray
        (n,) float32, ascending distances of the held-out cells.
    """

    means: NDArray[np.float32]
    precision: NDArray[np.float32]
    reference: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other: they may come from a file."""
        width = self.means.shape[-1]
        if self.means.ndim != 2 or self.precision.shape != (width, width) or self.reference.ndim != 1:
            raise InputError("the arrays of the in-distribution score do not fit each other")
        if not (self.means.size and self.reference.size and np.all(np.diff(self.reference) >= 0)):
            raise InputError("the in-distribution score has no class means, or no ascending distances")

    def score(self, features: ArrayLike) -> NDArray[np.float32]:
        """Return the share of held-out cells that lie at least as far away as each cell.

        Parameters
        ----------
        features : array_like
            (n, D), computed with the k that the score was fitted with.

        Returns
        -------
        ndarray
            (n,) float32 in (0, 1], the empirical tail (r + 1) / (n + 1): about uniform for cells like the
            held-out ones, near 0 for cells like none (a conformal p-value).
        """
        reference = self.reference
        distances = _distances(features, self.means, self.precision).astype(np.float32)
        farther = len(reference) - np.searchsorted(reference, distances, side="left")
        return ((farther + 1) / (len(reference) + 1)).astype(np.float32)


def fit_in_distribution(
    features: ArrayLike, labels: ArrayLike, held_out_features: ArrayLike
) -> InDistribution:
    """Describe the features of the training cells.

    Parameters
    ----------
    features : array_like
        (n, D) of the training cells.
    labels : array_like
        (n,) integers, their classes.
    held_out_features : array_like
        (m, D) of cells that were not trained on.

    Returns
    -------
    InDistribution
        The covariance within classes is shrunk towards a multiple of the identity, so that few cells suffice,
        with the weight of the oracle approximating shrinkage estimator (Chen, Wiesel, Eldar and Hero 2010,
        "Shrinkage algorithms for MMSE covariance estimation", eq. 23).

    Raises
    ------
    InputError
        Without training or held-out cells.
    """
    known = np.asarray(features, dtype=np.float64)
    held_out = np.asarray(held_out_features, dtype=np.float64)
    if not len(known) or not len(held_out):
        raise InputError("the in-distribution score needs training cells and held-out cells; there are none")
    _, coded = np.unique(np.asarray(labels), return_inverse=True)
    means = np.stack([known[coded == label].mean(axis=0) for label in range(coded.max() + 1)])
    covariance = _shrunk_covariance(known - means[coded])
    precision = np.linalg.inv(covariance).astype(np.float32)
    means = means.astype(np.float32)
    distances = np.sort(_distances(held_out, means, precision))
    return InDistribution(means, precision, distances.astype(np.float32))


def _shrunk_covariance(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (D, D) covariance of centred (n, D) rows, shrunk (OAS) and never singular."""
    count, width = residuals.shape
    sample = residuals.T @ residuals / count
    square_of_trace, trace_of_square = np.trace(sample) ** 2, np.sum(sample**2)
    numerator = (1 - 2 / width) * trace_of_square + square_of_trace
    denominator = (count + 1 - 2 / width) * (trace_of_square - square_of_trace / width)
    weight = min(1.0, numerator / denominator) if denominator > 0 else 1.0
    scale = np.trace(sample) / width
    floor = 1e-6 * scale + np.finfo(np.float32).tiny ** 0.5  # constant features have no spread at all
    shrunk: NDArray[np.float64] = (1 - weight) * sample + (weight * scale + floor) * np.eye(width)
    return shrunk


def _distances(features: ArrayLike, means: NDArray[Any], precision: NDArray[Any]) -> NDArray[np.float64]:
    """Return the smallest Mahalanobis distance of each (n, D) row to the (classes, D) means."""
    rows = np.asarray(features, dtype=np.float64)
    centres, metric = means.astype(np.float64), precision.astype(np.float64)
    # With a thousand classes a product with the metric for each of them would take longer than the net.
    turned_rows, turned_centres = rows @ metric, centres @ metric
    nearest = np.full(len(rows), np.inf)
    for centre, turned in zip(centres, turned_centres, strict=True):
        nearest = np.fmin(nearest, np.einsum("nd,nd->n", turned_rows - turned, rows - centre))
    distances: NDArray[np.float64] = np.sqrt(np.maximum(nearest, 0))
    return distances
